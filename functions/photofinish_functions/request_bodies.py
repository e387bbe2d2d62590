"""Bodies of requests that are answered before their body was read."""

from __future__ import annotations

import logging
from typing import IO, Final

from werkzeug.exceptions import ClientDisconnected

log = logging.getLogger(__name__)
MAX_REQUEST_BYTES: Final = 32 * 2**20
"""What Cloud Run takes over HTTP/1."""
_CHUNK_BYTES = 64 * 2**10


def discard(body: IO[bytes]) -> None:
    """Read what is left of `body`, at most `MAX_REQUEST_BYTES`, and keep none of it.

    A client reads the answer only after it has sent its whole request.
    """
    left = MAX_REQUEST_BYTES
    try:
        while left > 0 and (chunk := body.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
    except ClientDisconnected:
        log.info("the client disconnected before it had sent its whole request")
