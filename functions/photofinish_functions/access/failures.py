"""How often requests that nobody's key comes with may be tried from one address."""

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
_IPV6_NETWORK_BITS = 64  # what one customer gets at least


class FailureLimit:
    """Counts failures by address. What comes with a right key is never counted, nor held up by its neighbours'."""

    def __init__(self, store: AccessStore, limit: RateLimit, *, proxy_hops: int, pepper: bytes) -> None:
        self._store = store
        self._limit = limit
        self._proxy_hops = proxy_hops
        self._pepper = pepper
        # A flood of failures is answered from memory once the database has said how long.
        self._blocked_until: TLRUCache[str, float, float] = TLRUCache(_MAX_BLOCKED, lambda _, until, _now: until)
        self._lock = Lock()

    def count(self, request: Request) -> None:
        """Count a failure.

        Raises:
            RateLimited: there were too many from its address.
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
        # Addresses are personal data, and there are few enough to try them all: only who knows the pepper can.
        address = client_network(request, self._proxy_hops)
        return "address:" + hmac.new(self._pepper, address.encode(), hashlib.sha256).hexdigest()[:32]


def client_network(request: Request, proxy_hops: int) -> str:
    """The address that a request came from, of IPv6 the network; ``unknown`` where none can be read.

    Each of our `proxy_hops` proxies appends to X-Forwarded-For whom it got the request from; what stands before that is
    whatever the client wrote.
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
