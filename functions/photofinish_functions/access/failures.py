"""The rate limit of failed authentications, per network address."""

from __future__ import annotations

import hashlib
import hmac
import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Lock

from cachetools import TLRUCache
from flask import Request

from photofinish.domain.access import RateLimit
from photofinish.ports import AccessStore
from photofinish_functions.access.refusals import RateLimited

_MAX_BLOCKED = 4096
_IPV6_NETWORK_BITS = 64  # the smallest network that a customer gets


class FailureLimit:
    """Limits failed authentications per address. Requests with a valid key are neither counted nor delayed."""

    def __init__(self, store: AccessStore, limit: RateLimit, *, proxy_hops: int, pepper: bytes) -> None:
        self._store = store
        self._limit = limit
        self._proxy_hops = proxy_hops
        self._pepper = pepper
        # Once an address is over its limit, its failures are answered without the database until the limit allows more.
        self._blocked_until: TLRUCache[str, float, float] = TLRUCache(_MAX_BLOCKED, lambda _, until, _now: until)
        self._lock = Lock()

    def count(self, request: Request) -> None:
        """Count a failed authentication.

        Raises:
            RateLimited: there were too many from the request's address.
        """
        bucket = self._bucket(request)
        now = time.monotonic()
        with self._lock:
            blocked_until = self._blocked_until.get(bucket, now)
        if blocked_until > now:
            raise RateLimited(blocked_until - now)
        wait_s = self._store.take(bucket, self._limit)
        if wait_s > 0:
            with self._lock:
                self._blocked_until[bucket] = now + wait_s
            raise RateLimited(wait_s)

    def _bucket(self, request: Request) -> str:
        # Addresses are personal data, and a plain hash of one can be found by trying all of them: hence the pepper.
        address = client_network(request, self._proxy_hops)
        return "address:" + hmac.new(self._pepper, address.encode(), hashlib.sha256).hexdigest()[:32]


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
