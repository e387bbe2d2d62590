"""A local server that checks the contract of Firebase Cloud Messaging's HTTP v1 API, `projects.messages.send`.

By firebase.google.com/docs/reference/fcm/rest/v1/projects.messages (fields and types), …/send (path, scopes) and
firebase.google.com/docs/cloud-messaging/error-codes (errors).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from support.http_server import HttpServer

PROJECT = "my-app"
ACCESS_TOKEN = "ya29.of-a-test"
MAX_BYTES = 4096
_MESSAGE_FIELDS = {
    "name", "data", "notification", "android", "webpush", "apns", "fcm_options", "token", "topic", "condition",
}  # fmt: skip
_RESERVED = {"from", "message_type"}


@dataclass
class FcmServer:
    url: str = ""
    tokens: set[str] = field(default_factory=lambda: {"valid-token"})
    """Those of installed apps."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    unavailable: bool = False


def refusal(code: int, status: str, error_code: str | None = None, message: str = "") -> tuple[int, dict[str, Any]]:
    details = []
    if error_code is not None:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": error_code})
    return code, {"error": {"code": code, "message": message, "status": status, "details": details}}


def _answer(server: FcmServer, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
    if path != f"/v1/projects/{PROJECT}/messages:send":
        return refusal(404, "NOT_FOUND")
    if headers["Authorization"] != f"Bearer {ACCESS_TOKEN}":
        return refusal(401, "UNAUTHENTICATED")
    if server.unavailable:
        return refusal(503, "UNAVAILABLE", "UNAVAILABLE")
    request = json.loads(body)
    message = request["message"]
    problems = [
        set(request) - {"message", "validate_only"},
        set(message) - _MESSAGE_FIELDS,
        set(message["notification"]) - {"title", "body", "image"},
        {key for key, value in message["data"].items() if not isinstance(value, str)},
        {key for key in message["data"] if key in _RESERVED or key.startswith(("google", "gcm"))},
        set(message.get("webpush", {})) - {"headers", "data", "notification", "fcm_options"},
    ]
    link = message.get("webpush", {}).get("fcm_options", {}).get("link", "https://")
    payload = json.dumps([message["notification"], message["data"]], ensure_ascii=False).encode()
    targets = [name for name in ("token", "topic", "condition") if name in message]
    if any(problems) or len(targets) != 1 or not link.startswith("https://") or len(payload) > MAX_BYTES:
        return refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", f"invalid: {problems}")
    if message["token"] == "malformed":
        text = "The registration token is not a valid FCM registration token"
        return refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", text)
    if message["token"] not in server.tokens:
        return refusal(404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")
    server.messages.append(message)
    return 200, {"name": f"projects/{PROJECT}/messages/{len(server.messages)}"}


@contextmanager
def fcm_server() -> Iterator[FcmServer]:
    made = FcmServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = _answer(made, self.path, self.headers, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    server = HttpServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
