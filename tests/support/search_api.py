"""A real Flask application around the two search functions, as functions-framework would call them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from flask import Flask, Request, Response, request
from flask.testing import FlaskClient
from numpy.typing import NDArray
from werkzeug.test import TestResponse

from photofinish_functions.api_keys import ApiKeys

KEY = "pf_test-key"
API_KEYS = ApiKeys.from_setting(hashlib.sha256(KEY.encode()).hexdigest())
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def client_of(handler: Callable[[Request], Response]) -> FlaskClient:
    app = Flask("search")

    @app.route("/", defaults={"path": ""}, methods=METHODS, provide_automatic_options=False)
    @app.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
    def call(path: str) -> Response:
        return handler(request._get_current_object())  # type: ignore[attr-defined,no-any-return]

    return app.test_client()


def post_selfies(
    client: FlaskClient, *selfies: bytes, query: dict[str, Any] | None = None, **form: str
) -> TestResponse:
    files = [(io.BytesIO(content), f"selfie {number}.jpg") for number, content in enumerate(selfies)]
    return client.post("/", query_string=query, data={"selfie": files, **form}, headers=AUTHORIZED)


def jpeg(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def error_of(response: TestResponse) -> tuple[int, str]:
    """Status and code; checks that the answer is an error as documented."""
    body = response.get_json()
    assert response.mimetype == "application/json"
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"]
    return response.status_code, body["error"]["code"]
