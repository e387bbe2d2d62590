"""The connection to Postgres that all its adapters share: one pool, one translation of the driver's errors."""

from __future__ import annotations

import logging
import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg.conninfo
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from photofinish.adapters.postgres.connecting import connect
from photofinish.errors import Misconfigured, Unavailable

log = logging.getLogger(__name__)
Connection = psycopg.Connection[TupleRow]

# A server that stops closes its idle connections; a broken network does not, so a connection that was idle this long is
# checked before it is used. Checking every time would add a fifth to the time of a search.
CHECK_AFTER_IDLE_S = 10.0
_PROBE_TIMEOUT_S = 2

_SESSION_SETTINGS = """
SET statement_timeout = {statement_timeout_ms};
-- Without it the index scan ends after ef_search faces, including those that a filter excludes or that were deleted.
SET hnsw.iterative_scan = relaxed_order;
-- How many candidates the index scan keeps; see adapters/postgres/album_reading.py.
SET hnsw.ef_search = 200;
-- A generic plan could use neither the partition of one album nor its partial index.
SET plan_cache_mode = force_custom_plan
"""


class Database:
    """A migrated Postgres database with pgvector; safe to share between threads.

    Connects on first use, with at most `max_connections`: Cloud SQL allows few.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        max_connections: int = 4,
        connection_timeout_s: float = 10.0,
        first_connection_timeout_s: float | None = None,
        statement_timeout_s: float = 20.0,
    ) -> None:
        """`first_connection_timeout_s`: how long the first use may wait; None: as long as any other.

        Raises Misconfigured if `conninfo` is not a connection string.
        """
        check_conninfo(conninfo)
        self._conninfo = conninfo
        self._first_connection_timeout_s = first_connection_timeout_s
        self._reached = first_connection_timeout_s is None
        self._statement_timeout_s = statement_timeout_s
        self._pool = ConnectionPool(
            conninfo,
            min_size=0,
            max_size=max_connections,
            timeout=connection_timeout_s,
            # After it the next use tries again at once. Otherwise pauses double up to minutes while the server is down.
            reconnect_timeout=connection_timeout_s,
            configure=self._configure,
            connection_class=_PooledConnection,
            check=_check,
            reset=_note_use,
            open=False,
            name="photofinish",
        )

    def close(self) -> None:
        """Close the connections; the database cannot be used again."""
        self._pool.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction; it is rolled back if the block raises.

        Raises:
            Unavailable: the database cannot be reached, or a statement took longer than `statement_timeout_s`.
            Misconfigured: `photofinish migrate` has not been run on the database, or has not granted this user its
                rights.
        """
        try:
            if not self._reached:
                connect(self._conninfo, wait_s=self._first_connection_timeout_s or 0).close()
                self._reached = True
            self._pool.open()
            with self._pool.connection() as conn:
                yield conn
        except psycopg.OperationalError as error:
            reason = f"{type(error).__name__}, SQLSTATE {error.sqlstate}" if error.sqlstate else type(error).__name__
            raise Unavailable(f"The vector database cannot be reached or did not answer in time ({reason}).") from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedObject) as error:
            raise Misconfigured(
                "The vector database lacks tables or types of this version: run `photofinish migrate`."
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise Misconfigured(
                f"The user of the vector database may not do this ({error.diag.message_primary}): the job `migrate` "
                "grants the rights of functions, run it again."
            ) from error

    def answers(self) -> bool:
        """Whether the database answers now. The connection stays open for the next use."""
        try:
            if not self._reached:
                connect(self._conninfo, wait_s=0, attempt_timeout_s=_PROBE_TIMEOUT_S).close()
                self._reached = True
            self._pool.open()
            with self._pool.connection(timeout=_PROBE_TIMEOUT_S) as conn:
                conn.execute("SELECT 1")
        except psycopg.OperationalError as error:
            log.warning("the vector database does not answer: %s", type(error).__name__)
            return False
        return True

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Open a connection on which each statement is a transaction; raises what :meth:`transaction` does.

        The server ends the transaction with the statement, so a contended row is not locked until a busy client gets
        round to its COMMIT.
        """
        with self.transaction() as conn:
            conn.autocommit = True
            try:
                yield conn
            finally:
                if not conn.closed:
                    conn.autocommit = False

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a read-only transaction that sees one state of the database; raises what :meth:`transaction` does."""
        with self.transaction() as conn:
            # Sent with BEGIN, so without another round trip.
            conn.isolation_level, conn.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
            try:
                yield conn
                conn.commit()
            finally:
                if not conn.closed:
                    conn.rollback()  # after a failure: these settings change only between transactions
                    conn.isolation_level = conn.read_only = None

    def _configure(self, conn: Connection) -> None:
        timeout_ms = sql.Literal(round(self._statement_timeout_s * 1000))
        conn.execute(sql.SQL(_SESSION_SETTINGS).format(statement_timeout_ms=timeout_ms))
        conn.commit()


class _PooledConnection(psycopg.Connection[TupleRow]):
    used_at_s = -math.inf


def _note_use(conn: _PooledConnection) -> None:
    conn.used_at_s = time.monotonic()


def _check(conn: _PooledConnection) -> None:
    """Raise OperationalError if `conn` is broken."""
    poll = select.poll()
    poll.register(conn, select.POLLIN)
    has_unread_data = bool(poll.poll(0))  # of an idle connection: the server closed it
    if has_unread_data or time.monotonic() - conn.used_at_s > CHECK_AFTER_IDLE_S:
        ConnectionPool.check_connection(conn)


def is_storable(text: str) -> bool:
    """Whether Postgres can store it as text: valid Unicode without NUL."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def storable(text: str) -> str:
    """Replace characters that Postgres cannot store by U+FFFD."""
    return text if is_storable(text) else "".join(c if is_storable(c) else "\ufffd" for c in text)


def check_conninfo(conninfo: str) -> None:
    """Raise :class:`Misconfigured` if `conninfo` is not a connection string.

    The message contains neither it nor the driver's message: both may contain the password.
    """
    try:
        psycopg.conninfo.conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise Misconfigured(
            "The connection string of the vector database cannot be read: "
            "write postgresql://user:password@host:port/database, or key=value pairs."
        ) from None
