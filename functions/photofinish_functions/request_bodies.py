"""Bodies of requests: those that are read have a deadline, and the rest of others is not waited for."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import IO, Any, Final

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestTimeout

log = logging.getLogger(__name__)
Environ = dict[str, Any]
MAX_REQUEST_BYTES: Final = 32 * 2**20
"""What Cloud Run takes over HTTP/1."""
DISCARD_WITHIN_S: Final = 5.0
_CHUNK_BYTES = 64 * 2**10
_SLOWEST_BYTES_PER_S = 64 * 2**10
_SHORTEST_DEADLINE_S = 10.0
_LONGEST_DEADLINE_S = 50.0


def deadline_s(content_length: int | None) -> float:
    """How long the caller may take to send a body: 10 to 50 s, by its length at 64 KiB/s. None: of unknown length."""
    if content_length is None:
        return _LONGEST_DEADLINE_S
    return min(_SHORTEST_DEADLINE_S + content_length / _SLOWEST_BYTES_PER_S, _LONGEST_DEADLINE_S)


class RequestBody:
    """The body of a request, in place of its `wsgi.input`.

    A thread that waits for a slow caller answers no other one, so a body that is not complete after its deadline ends.
    """

    def __init__(self, environ: Environ, content_length: int | None) -> None:
        self._body: IO[bytes] = environ["wsgi.input"]
        self._connection: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
        is_chunked = content_length is None and environ.get("wsgi.input_terminated", False)
        self._left: int | None = None if is_chunked else content_length or 0
        """Bytes that are not read yet; None where only the body's end tells."""
        self._within_s = deadline_s(content_length)
        self._timer: threading.Timer | None = None
        self._is_late = False
        environ |= {"wsgi.input": self, "wsgi.input_terminated": True}

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, all for -1.

        Raises:
            RequestTimeout: the body is not complete, and its deadline is over.
            ClientDisconnected: the body is not complete, and its sender is gone.
            BadRequest: the chunks of the body are not well-formed.
        """
        if self._left == 0:
            return b""
        if self._timer is None and self._connection is not None:
            self._set_timer()
        content = self._received(size if self._left is None else min(size, self._left) if size >= 0 else self._left)
        if not content and self._is_late:
            raise RequestTimeout(f"The body was not complete after {self._within_s:.0f} s.")
        if not content and self._left is not None:
            raise ClientDisconnected
        self._left = 0 if not content else None if self._left is None else self._left - len(content)
        if self._left == 0:
            self._cancel_timer()
        return content

    def discard(self, within_s: float) -> None:
        """Read what is left, at most `MAX_REQUEST_BYTES`, for at most `within_s`, keep none of it, and :meth:`close`.

        Many clients read the answer only after they have sent their whole request.
        """
        self._cancel_timer()
        self._within_s = within_s
        unread = MAX_REQUEST_BYTES
        try:
            while unread > 0 and (chunk := self.read(min(_CHUNK_BYTES, unread))):
                unread -= len(chunk)
        except (BadRequest, RequestTimeout) as problem:
            log.info("the rest of the body was not received: %s", problem.description)
        self.close()

    def close(self) -> None:
        """Receive nothing more on this connection, unless the whole body was read."""
        self._cancel_timer()
        if self._left != 0:
            self._stop_receiving()

    def _received(self, size: int) -> bytes:
        """What the server has received; nothing where the connection ended."""
        try:
            return self._body.read(size)
        except ParseException as error:
            if self._is_late:
                return b""
            raise BadRequest(f"The chunks of the body are not well-formed: {error}.") from None
        except OSError:  # gunicorn's NoMoreData is one
            if self._is_late:
                return b""
            raise ClientDisconnected from None

    def _set_timer(self) -> None:
        # A timeout of the socket would not do: the server reads in a loop, and each byte that trickles in renews it.
        self._timer = threading.Timer(self._within_s, self._end_late)
        self._timer.daemon = True
        self._timer.start()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_late(self) -> None:
        self._is_late = True
        self._stop_receiving()

    def _stop_receiving(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):  # the caller has closed it
                self._connection.shutdown(socket.SHUT_RD)


def is_gone(environ: Environ) -> bool:
    """Whether the caller has closed the connection, so that no answer will be read."""
    connection: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is None:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
