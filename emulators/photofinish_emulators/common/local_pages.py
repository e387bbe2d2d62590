"""Only pages of this machine and of chosen origins may use the server, and only by a name of this machine.

The second rule prevents DNS rebinding: a hostile page whose own name resolves to 127.0.0.1 sends that name as ``Host``.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

log = logging.getLogger(__name__)
PREFLIGHT_VALID_S = 3600


class LocalPages:
    """A middleware that refuses other pages and answers preflight requests, and the headers that let a page read.

    ``bound_host`` counts as this machine: a server that listens on another address is meant to be used there. An origin
    ``https://app.example:*`` stands for every port. Pages may use ``methods``, and read ``exposed`` headers.
    """

    def __init__(
        self,
        bound_host: str,
        origins: Collection[str] = (),
        *,
        methods: Collection[str] = ("GET", "POST", "PATCH", "DELETE"),
        exposed: Collection[str] = (),
    ) -> None:
        self._bound_host = bound_host
        self._origins = origins
        self._methods = ", ".join(methods)
        self._exposed = ", ".join(exposed)

    def accepts(self, origin: str) -> bool:
        """Whether pages of this origin may use the server."""
        without_port = re.sub(r":[0-9]+$", "", origin)
        return origin in self._origins or f"{without_port}:*" in self._origins or self.is_local(origin)

    def is_local(self, url: str) -> bool:
        """Whether this origin, such as ``http://localhost:5173``, or host with a port is on this machine."""
        try:
            host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
        except ValueError:
            return False
        if host in ("localhost", self._bound_host) or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if not self.is_local(request.headers.get("Host", "")):
            return _refusal("This server answers only at addresses of this machine, such as localhost and 127.0.0.1.")
        if origin is not None and not self.accepts(origin):
            return _refusal(
                f"Pages of {origin} cannot use this server: serve the page from localhost, or allow its origin."
            )
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=self._preflight(request))
        return await handler(request)

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the page read the response; called before each response is sent."""
        response.headers["X-Content-Type-Options"] = "nosniff"
        origin = request.headers.get("Origin")
        response.headers["Vary"] = "Origin"
        if origin is not None and self.accepts(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"  # the web SDK sends requests with credentials
            if self._exposed:
                response.headers["Access-Control-Expose-Headers"] = self._exposed

    def _preflight(self, request: web.Request) -> dict[str, str]:
        return {
            "Access-Control-Allow-Methods": self._methods,
            "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers", ""),
            "Access-Control-Max-Age": str(PREFLIGHT_VALID_S),
        }


def _refusal(message: str) -> web.Response:
    log.warning(message)  # pages cannot read why they are refused, and browsers only report CORS
    return web.Response(status=403, text=message + "\n")
