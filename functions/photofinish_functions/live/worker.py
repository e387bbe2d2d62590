"""How gunicorn serves the live stream."""

from __future__ import annotations

from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

MAX_MESSAGE_BYTES = 16 * 1024


class LiveWorker(UvicornWorker):  # type: ignore[misc]
    """functions-framework's worker for ASGI functions, which stops in time and bounds what a WebSocket may send."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "auto",
        "http": "auto",
        "ws": "websockets-sansio",
        "ws_max_size": MAX_MESSAGE_BYTES,
        # A client that is gone without a word is noticed within a minute.
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "ws_per_message_deflate": False,  # needs much memory for each connection
        # The gate counts the proxies in X-Forwarded-For itself.
        "proxy_headers": False,
        "timeout_graceful_shutdown": 7,
    }
