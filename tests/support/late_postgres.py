"""Postgres behind a proxy whose network appears late, as on Cloud Run."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class LatePostgres:
    """Accepts connections and closes them, as the Cloud SQL proxy does, until :meth:`arrive`; then it relays them."""

    def __init__(self, database: str) -> None:
        target = conninfo_to_dict(database)
        self._target = (str(target["host"]), int(str(target["port"])))
        self._arrived = threading.Event()
        self.attempts = 0
        """Connections that were closed."""
        late = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                late._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = make_conninfo(database, host="127.0.0.1", port=self._server.server_address[1])

    def arrive(self) -> None:
        self._arrived.set()

    def _serve(self, client: socket.socket) -> None:
        if not self._arrived.is_set():
            self.attempts += 1
            return
        with socket.create_connection(self._target) as server:
            backward = threading.Thread(target=_copy, args=(server, client), daemon=True)
            backward.start()
            _copy(client, server)
            backward.join()

    @contextmanager
    def serving(self) -> Iterator[LatePostgres]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
