"""Bodies that are too large, endless or without a key, through the application of functions-framework."""

from __future__ import annotations

import io
from typing import Any

import functions_framework
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from photofinish_functions.api.guarding import MAX_JSON_BYTES, MAX_PICTURES_BYTES
from support.api import Api, error_of
from support.faces import bib, photo
from support.index import add

PHOTO = photo("race/IMG_1.jpg")
MULTIPART = "multipart/form-data; boundary=x"


@pytest.fixture
def race(api: Api) -> Api:
    add(api.cloud.index, PHOTO, [], [bib("42")])
    return api


class TestBodies:
    """Through the application of functions-framework, as in the cloud."""

    @pytest.fixture
    def served(self, race: Api, tmp_path: Any) -> FlaskClient:
        _served.append(race)
        source = tmp_path / "main.py"
        source.write_text(_SOURCE.format(module=__name__))
        client: FlaskClient = functions_framework.create_app("api", str(source), "http").test_client()
        return client

    def test_a_request_is_answered(self, served: FlaskClient, race: Api) -> None:
        answer = served.get("/v1/albums/race/bibs/42", headers={"X-Api-Key": race.key})
        assert answer.get_json()["photos"][0]["photo"]["name"] == PHOTO.name

    @pytest.mark.parametrize(
        ("content_type", "limit"), [(MULTIPART, MAX_PICTURES_BYTES), ("application/json", MAX_JSON_BYTES)]
    )
    def test_a_body_with_too_large_a_content_length_is_not_read(
        self, served: FlaskClient, race: Api, content_type: str, limit: int
    ) -> None:
        answer, bytes_read = post_stream(served, race.key, content_type, CONTENT_LENGTH=str(limit + 1))
        assert error_of(answer) == (413, "too_large")
        assert bytes_read <= limit + 2**20

    @pytest.mark.parametrize("content_type", [MULTIPART, "application/json"])
    def test_an_endless_body_is_read_no_further_than_32_mib_beyond_its_limit(
        self, served: FlaskClient, race: Api, content_type: str
    ) -> None:
        chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        answer, bytes_read = post_stream(served, race.key, content_type, **chunked)
        assert error_of(answer) == (413, "too_large")
        assert bytes_read <= 2 * MAX_PICTURES_BYTES + 2**20

    def test_without_a_key_the_body_is_not_read(self, served: FlaskClient) -> None:
        answer, bytes_read = post_stream(served, "", "application/json", CONTENT_LENGTH="1000")
        assert error_of(answer) == (401, "unauthorized")
        assert bytes_read == 0


_served: list[Api] = []
_SOURCE = """
import functions_framework
from photofinish_functions.api.app import serve
import sys

@functions_framework.http
def api(request):
    return serve(sys.modules["{module}"]._served[-1].app, request)
"""


def post_stream(client: FlaskClient, key: str, content_type: str, **environ: Any) -> tuple[TestResponse, int]:
    """Post an endless body; returns the answer, and how many bytes of the body were read."""
    start = b'--x\r\nContent-Disposition: form-data; name="selfie"; filename="a"\r\n\r\n'
    body = _CountingStream(start if content_type == MULTIPART else b" ")
    answer = client.post(
        "/v1/albums/race/search",
        content_type=content_type,
        headers={"X-Api-Key": key},
        environ_overrides={"wsgi.input": body} | environ,
    )
    return answer, body.bytes_read


class _CountingStream(io.RawIOBase):
    """`start` followed by endless zeros; counts the bytes that are read."""

    def __init__(self, start: bytes) -> None:
        self._start = io.BytesIO(start)
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._start.read(len(buffer)) or bytes(len(buffer))
        buffer[: len(content)] = content
        self.bytes_read += len(content)
        return len(content)
