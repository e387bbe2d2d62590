"""Connect to a database that may not be reachable yet.

On Cloud Run the network of an instance may need a minute or more after its start
(docs.cloud.google.com/run/docs/configuring/vpc-direct-vpc, limitations). Meanwhile the proxy beside us accepts
connections and closes them, or does not answer.
"""

from __future__ import annotations

import logging
import time

import psycopg

log = logging.getLogger(__name__)
_ATTEMPT_TIMEOUT_S = 5
_PAUSE_S = 0.5


def connect(
    conninfo: str, *, wait_s: float, autocommit: bool = False, attempt_timeout_s: int = _ATTEMPT_TIMEOUT_S
) -> psycopg.Connection:
    """Connect, and try again for `wait_s` as long as the server cannot be reached.

    Raises:
        psycopg.OperationalError: it could not be reached in this time, or refused the password.
    """
    give_up_at = time.monotonic() + wait_s
    failures = 0
    while True:
        try:
            conn = psycopg.connect(conninfo, autocommit=autocommit, connect_timeout=attempt_timeout_s)
        except psycopg.OperationalError as error:
            if _is_refused(error) or time.monotonic() + _PAUSE_S > give_up_at:
                raise
            failures += 1
            if failures == 1:
                log.warning("cannot reach the vector database yet, trying again for %g s", wait_s)
        else:
            if failures:
                log.info("reached the vector database after %d attempts", failures + 1)
            return conn
        time.sleep(_PAUSE_S)


def _is_refused(error: psycopg.OperationalError) -> bool:
    """Whether the server answered and wants another password: trying again cannot help."""
    return error.pgconn is not None and (error.pgconn.needs_password or error.pgconn.used_password)
