"""A real HTTP server instead of Google's public keys, and ID tokens as Firebase makes them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from support.http_server import POLL_S, HttpServer

PROJECT = "race-photos"
UID = "Xq3uid"


class KeyServer:
    """Serves a set of public keys as Google does, and counts the requests."""

    def __init__(self) -> None:
        self.private: dict[str, rsa.RSAPrivateKey] = {}
        self.fetches = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.fetches += 1
                content = json.dumps({"keys": outer.public()}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.server = HttpServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"

    def public(self) -> list[dict[str, Any]]:
        return [
            RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": "RS256", "use": "sig"}
            for kid, key in self.private.items()
        ]

    def add(self, kid: str) -> rsa.RSAPrivateKey:
        self.private[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self.private[kid]

    def token(self, kid: str, **changes: Any) -> str:
        return jwt.encode(claims(**changes), self.private[kid], algorithm="RS256", headers={"kid": kid})


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a user who signed in a minute ago; a change to None leaves a claim out."""
    now = int(time.time())
    usual = {
        "iss": f"https://securetoken.google.com/{PROJECT}",
        "aud": PROJECT,
        "auth_time": now - 60,
        "iat": now - 60,
        "exp": now + 3540,
        "sub": UID,
        "user_id": UID,
        "email": "runner@example.org",
        "firebase": {"identities": {}, "sign_in_provider": "password"},
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def unsigned_token(uid: str, **changes: Any) -> str:
    """An ID token without a signature, as the SDKs make for ``mockUserToken``; only local servers accept it."""
    return jwt.encode(claims(sub=uid, user_id=uid, **changes), None, algorithm="none")


@contextmanager
def serving() -> Iterator[KeyServer]:
    made = KeyServer()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": POLL_S})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
