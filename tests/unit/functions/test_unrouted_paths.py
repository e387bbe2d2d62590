"""Whatever path and method is asked for, a function answers in its own documented form, never with a page of HTML."""

from __future__ import annotations

from collections.abc import Callable

import functions_framework
import pytest
from flask import Flask, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from photofinish_functions import entry_points
from support.access import SECRETS
from support.examples import examples

# Nothing listens there: what asks a service is answered as unavailable.
CLOUD = {
    "GOOGLE_CLOUD_PROJECT": "nowhere",
    "PHOTOFINISH_REGION": "local",
    "PHOTOFINISH_PHOTO_BUCKET": "photos",
    "PHOTOFINISH_DERIVED_BUCKET": "derived",
    **SECRETS,
    "DATABASE_URL": "postgresql://127.0.0.1:9/nowhere",
}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "MOVE")
PATHS = (
    "/", "//", "/.", "/..", "/v1/../v1/albums", "/v1//albums", "/v1/albums/", "/v1/nothing", "/V1/health",
    "/robots.txt", "/favicon.png", "/*", "/v1/albums;a=b", "/v1/albums/a/b/c", "/v1/no\nsuch", "/\n", "/\r\n",
    "/v1/albums/\0/nothing", "/v1/\u2028", "/v1/😀", "/v1/albums/\udcff/nothing", "/" + "a" * 70_000, "/a" * 5_000,
)  # fmt: skip

Ask = Callable[[str, str], Response]


def asking(target: str, signature: str, monkeypatch: pytest.MonkeyPatch) -> Ask:
    for name, value in (CLOUD | {"FUNCTION_TARGET": target}).items():
        monkeypatch.setenv(name, value)
    app: Flask = functions_framework.create_app(target, entry_points.__file__, signature)

    def ask(method: str, path: str) -> Response:
        """`path` as a WSGI server passes it on, percent-decoded: lone surrogates are bytes that are no UTF-8."""
        environ = EnvironBuilder("/", method=method).get_environ()
        environ["PATH_INFO"] = path.encode("utf-8", "surrogateescape").decode("latin-1")
        return Response.from_app(app, environ, buffered=True)

    return ask


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Ask:
    return asking("api", "http", monkeypatch)


@pytest.fixture
def rekognition(monkeypatch: pytest.MonkeyPatch) -> Ask:
    return asking("rekognition", "http", monkeypatch)


@pytest.fixture
def event_function(monkeypatch: pytest.MonkeyPatch) -> Ask:
    return asking("launch_workers", "cloudevent", monkeypatch)


@pytest.mark.parametrize("method", METHODS)
def test_the_api_knows_none_of_these_paths(api: Ask, method: str) -> None:
    for path in PATHS:
        answer = api(method, path)
        assert (answer.status_code, answer.mimetype) == (404, "application/json"), path[:30]
        if method != "HEAD":
            error = answer.get_json()["error"]
            assert (error["code"], error["request_id"]) == ("unknown_path", answer.headers["X-Request-Id"])


@settings(max_examples=examples(50))
@given(
    path=st.lists(st.sampled_from(["v1", "nothing", "..", ".", ""]) | st.text(max_size=8), max_size=6).map("/".join),
    method=st.sampled_from(METHODS),
)
def test_the_api_answers_any_path_with_json(api: Ask, path: str, method: str) -> None:
    answer = api(method, f"/{path}")
    assert (answer.status_code, answer.mimetype) == (404, "application/json")


@pytest.mark.parametrize("path", ["/v1/albums", "/v1/albums/a\nb", "/v1/health"])
def test_a_method_that_a_path_does_not_have_is_refused_with_those_it_has(api: Ask, path: str) -> None:
    answer = api("PATCH", path)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]
    options = api("OPTIONS", path)
    assert (options.status_code, options.data) == (200, b"")
    assert "GET" in options.headers["Allow"]


@pytest.mark.parametrize("method", METHODS)
def test_rekognition_answers_in_the_form_of_its_protocol(rekognition: Ask, method: str) -> None:
    for path in PATHS:
        answer = rekognition(method, path)
        assert (answer.status_code, answer.mimetype) == (400, "application/x-amz-json-1.1"), path[:30]
        assert answer.headers["x-amzn-RequestId"]
        if method != "HEAD":
            assert answer.get_json(force=True)["__type"] == "UnknownOperationException"


@pytest.mark.parametrize("method", METHODS)
def test_an_event_function_takes_events_only(event_function: Ask, method: str) -> None:
    for path in PATHS:
        answer = event_function(method, path)
        assert answer.status_code in ({400, 404, 415} if method == "POST" else {404, 405}), path[:30]
        assert answer.mimetype == "application/json"
        if method != "HEAD":
            assert set(answer.get_json()["error"]) == {"code", "message"}
