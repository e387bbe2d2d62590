"""Requests to webhooks: to an address of the public internet that is checked for each request, and to no other."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from photofinish.domain.webhook import AttemptError
from photofinish.domain.webhook_url import Address, WebhookUrl, is_public
from photofinish.ports import NotSent, WebhookAnswer

TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 64 * 1024
# Of several addresses; each may take its share of the time.
_MAX_ADDRESSES = 3

Resolve = Callable[[str, int], Sequence[str]]
Connect = Callable[[tuple[str, int], float], socket.socket]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host name, in order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class PinnedSender:
    """:class:`photofinish.ports.WebhookSender`; threads may share it.

    A host name is resolved once for a request, and the connection goes to the addresses that were checked, so that a
    second answer of its name server changes nothing. Proxies in the environment are not used, redirects not followed.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve = resolve,
        connect: Connect = socket.create_connection,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout_s`: from the connection to the end of the answer."""
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._connect = connect
        self._tls = tls or ssl.create_default_context()

    def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        addresses = self._checked_addresses(url)
        connection = _Connection(url, self._tls if url.scheme == "https" else None, self._timeout_s)
        with contextlib.closing(connection), connection.deadline():
            try:
                connection.open(addresses, self._connect)
                return _exchange(connection, url, headers, body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise NotSent(AttemptError.TIMEOUT if connection.expired else _reason(error)) from error

    def _checked_addresses(self, url: WebhookUrl) -> list[str]:
        """All addresses of the host must be allowed: one that is not shows that the name is not to be trusted."""
        try:
            addresses = [url.host] if _is_address(url.host) else self._resolve(url.host, url.port)
        except (OSError, UnicodeError) as error:
            raise NotSent(AttemptError.UNKNOWN_HOST) from error
        if not addresses:
            raise NotSent(AttemptError.UNKNOWN_HOST)
        allowed: Callable[[Address], bool] = (lambda address: address.is_loopback) if url.is_loopback else is_public
        if not all(_is_address(text) and allowed(ipaddress.ip_address(text)) for text in addresses):
            raise NotSent(AttemptError.ADDRESS_NOT_ALLOWED)
        return list(addresses[:_MAX_ADDRESSES])


class _Connection(http.client.HTTPConnection):
    """A connection to given addresses that ends at a deadline, however slowly the other side sends."""

    def __init__(self, url: WebhookUrl, tls: ssl.SSLContext | None, timeout_s: float) -> None:
        super().__init__(url.host, url.port)
        self._url = url
        self._tls = tls
        self._timeout_s = timeout_s
        self._ends_at_s = time.monotonic() + timeout_s
        self.expired = False

    @contextlib.contextmanager
    def deadline(self) -> Iterator[None]:
        """Shut the connection down when its time is over: a timeout of the socket is that of one read alone."""
        timer = threading.Timer(self._timeout_s, self._shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def open(self, addresses: Sequence[str], connect: Connect) -> None:
        """Connect to the first address that answers. Raises OSError."""
        for tried, address in enumerate(addresses, start=1):
            share_s = max(0.001, self._ends_at_s - time.monotonic()) / (len(addresses) - tried + 1)
            try:
                self.sock = connect((address, self._url.port), share_s)
                break
            except OSError:
                if tried == len(addresses):
                    raise
        self.sock.settimeout(self._timeout_s)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._url.host, do_handshake_on_connect=False)
            self.sock.do_handshake()

    def _shut_down(self) -> None:
        self.expired = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own, which is not made for another thread.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _exchange(connection: _Connection, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
    connection.putrequest("POST", url.target, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": url.authority, "Content-Length": str(len(body)), "Connection": "close"}.items():
        connection.putheader(name, value)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    if connection.expired:  # headers that break off end like complete ones
        raise TimeoutError
    retry_after = answer.getheader("Retry-After")
    try:
        return WebhookAnswer(answer.status, answer.read(MAX_ANSWER_BYTES), retry_after)
    except (OSError, http.client.HTTPException, ValueError):
        # The status is what counts; a body that breaks off is not needed.
        return WebhookAnswer(answer.status, b"", retry_after)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _reason(error: Exception) -> AttemptError:
    if isinstance(error, TimeoutError):
        return AttemptError.TIMEOUT
    if isinstance(error, ssl.SSLError):
        return AttemptError.TLS_FAILED
    return AttemptError.CONNECTION_FAILED if isinstance(error, OSError) else AttemptError.BAD_ANSWER
