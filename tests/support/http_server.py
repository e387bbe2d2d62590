"""Serve a WSGI application by a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import make_server

POLL_S = 0.02
"""How often a server looks whether it must stop; stopping takes as long."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the application on a free port; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
