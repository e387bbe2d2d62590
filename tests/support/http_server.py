"""Real HTTP servers on free ports of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from flask import Flask
from werkzeug.serving import make_server

POLL_S = 0.02
"""How often a server looks whether it must stop; stopping takes as long."""


class HttpServer(ThreadingHTTPServer):
    """A thread a connection; many clients may connect at once.

    The standard library lets five connections wait, and the kernel resets others of a busy machine.
    """

    daemon_threads = True
    request_queue_size = 128


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the application on a free port; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
