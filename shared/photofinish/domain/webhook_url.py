"""Which URLs and addresses events may be sent to: https on the public internet, never a private network."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import urlsplit

from photofinish.errors import RejectedInput

MAX_URL_CHARS = 2000
HTTPS_PORT = 443
_HTTP_PORT = 80
# Visible ASCII without characters that parsers of URLs read in different ways.
_URL = re.compile(r"[!-~]+")
_AMBIGUOUS = re.compile(r"[\\\"<>^`{|}]")
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
# Names that resolve on private networks only: RFC 6761, 6762, 8375, and ICANN's `internal`.
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan")
# Addresses of IPv6 that stand for one of IPv4: NAT64 (RFC 6052), 6to4 (RFC 3056), and IPv4-compatible ones.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_REFUSED = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # NAT64 inside a network (RFC 8215)
    ipaddress.IPv6Network("fec0::/10"),  # site-local, deprecated
    ipaddress.IPv6Network("2001::/32"),  # Teredo, a tunnel to any IPv4 address
    ipaddress.IPv4Network("192.0.0.0/24"),  # of the IETF; metadata of Oracle Cloud
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.IPv4Network("168.63.129.16/32"),  # metadata of Azure, in public space
)
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookUrl:
    """A URL that was checked, in the parts that a request needs."""

    scheme: Literal["https", "http"]
    host: str
    """Lower case; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """The header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = HTTPS_PORT if self.scheme == "https" else _HTTP_PORT
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is for this machine alone."""
        return self.scheme == "http"


def parse_webhook_url(text: str, *, allow_loopback: bool) -> WebhookUrl:
    """Parse and check a URL. `allow_loopback`: `http://localhost` is allowed, too, on any port.

    Raises:
        RejectedInput: `url_not_allowed`, with the reason.
    """
    if not 0 < len(text) <= MAX_URL_CHARS or not _URL.fullmatch(text) or _AMBIGUOUS.search(text):
        raise _refused(f"it must have 1 to {MAX_URL_CHARS} visible ASCII characters; percent-encode all others")
    try:
        parts = urlsplit(text)
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError:
        raise _refused("it cannot be read as a URL") from None
    if "@" in parts.netloc:
        raise _refused("it must not contain a user name or password: messages are signed")
    if "#" in text:
        raise _refused("it must not have a fragment (`#`)")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/"):
        raise _refused("it cannot be read as a URL")
    if allow_loopback and parts.scheme == "http" and host in _LOOPBACK_HOSTS:
        return WebhookUrl(scheme="http", host=host, port=_HTTP_PORT if port is None else port, target=target)
    if parts.scheme != "https":
        raise _refused("it must begin with https://")
    if port not in (None, HTTPS_PORT):
        raise _refused(f"its port must be {HTTPS_PORT}")
    _check_host(host)
    return WebhookUrl(scheme="https", host=host, port=HTTPS_PORT, target=target)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, and does not stand for one that is not."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if (embedded := _embedded(address)) is not None:
            return is_public(embedded)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _REFUSED if network.version == address.version)
    )


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _check_host(host: str) -> None:
    try:
        address: Address | None = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is not None:
        if not is_public(address):
            raise _refused(f"{host} is not a public address")
        return
    name = host.removesuffix(".")
    if not _HOST.fullmatch(name):
        raise _refused("its host name cannot be read; write an international one in ASCII (xn--…)")
    # Numbers such as 127.1 or 2130706433 are read as addresses by some resolvers.
    if name.rpartition(".")[2].isdigit() or name.rpartition(".")[2].startswith("0x"):
        raise _refused("its host name cannot be read; write an address in its usual form")
    if "." not in name or name.endswith(_PRIVATE_SUFFIXES):
        raise _refused(f"{host} is a name of a private network")


def _refused(reason: str) -> RejectedInput:
    return RejectedInput("url_not_allowed", f"Events cannot be sent to this URL: {reason}.")
