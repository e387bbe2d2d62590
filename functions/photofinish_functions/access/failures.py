"""The rate limit of failed authentications, per network address."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Lock

from cachetools import TLRUCache
from werkzeug.sansio.request import Request

from photofinish.domain.access import RateLimit
from photofinish.domain.secret_versions import SecretVersions
from photofinish.logs import fields
from photofinish.ports import AccessStore

log = logging.getLogger(__name__)
_MAX_BLOCKED = 4096
_AUDITED_IPV4_BITS = 24  # a whole address is personal data
_IPV6_NETWORK_BITS = 64  # the smallest network that a customer gets


class FailureLimit:
    """Limits failed authentications per address. Requests with a valid key are neither counted nor delayed.

    A failure above the limit is still a failed authentication, and says when to try again: who sends a wrong key must
    not be told to send fewer requests. It costs no database query, and one warning in the log for operators. The limit
    need not stop guessing: a secret has 256 random bits.
    """

    def __init__(self, store: AccessStore, limit: RateLimit, *, proxy_hops: int, pepper: SecretVersions) -> None:
        self._store = store
        self._limit = limit
        self._proxy_hops = proxy_hops
        self._pepper = pepper
        # Once an address is over its limit, its failures are answered without the database until the limit allows more.
        self._blocked_until: TLRUCache[str, float, float] = TLRUCache(_MAX_BLOCKED, lambda _, until, _now: until)
        self._lock = Lock()

    def count(self, request: Request) -> float:
        """Count a failed authentication; return for how many seconds its address is over the limit, 0 for not."""
        buckets = self._buckets(request)
        bucket = buckets[0]
        now = time.monotonic()
        with self._lock:
            blocked_until = self._blocked_until.get(bucket, now)
        if blocked_until > now:
            return blocked_until - now
        wait_s = max(self._store.take(counted, self._limit) for counted in buckets)
        if wait_s > 0:
            with self._lock:
                self._blocked_until[bucket] = now + wait_s
            log.warning("too many failed authentications from one address", extra=fields(address=bucket, wait_s=wait_s))
        return wait_s

    def _buckets(self, request: Request) -> list[str]:
        # Addresses are personal data, and a plain hash of one can be found by trying all of them: hence the pepper.
        # While it is replaced, an address is counted with both values, so that no count starts again at zero.
        return ["address:" + hashed_network(request, self._proxy_hops, value) for value in self._pepper.accepted]


def hashed_network(request: Request, proxy_hops: int, pepper: bytes) -> str:
    """Return a keyed hash of the network that a request came from."""
    network = client_network(request, proxy_hops).encode()
    return hmac.digest(pepper, network, hashlib.sha256).hex()[:32]


def audited_network(request: Request, proxy_hops: int) -> str | None:
    """Return the network of a request's client as the audit keeps it: the first 24 bits of IPv4, 64 of IPv6."""
    network = client_network(request, proxy_hops)
    if network == "unknown":
        return None
    bits = _IPV6_NETWORK_BITS if ":" in network else _AUDITED_IPV4_BITS
    return str(ip_network(f"{network}/{bits}", strict=False))


def client_network(request: Request, proxy_hops: int) -> str:
    """Return the IPv4 address, or IPv6 network, that a request came from; ``unknown`` where it cannot be parsed.

    Each of our `proxy_hops` proxies appends the address of its client to X-Forwarded-For. Everything before those was
    written by the caller and is not trusted.
    """
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    text = seen[-proxy_hops] if 0 < proxy_hops <= len(seen) else request.remote_addr or ""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS))
