"""JSON bodies that break parsers: each is answered with 400 or 422 and a sentence, and never with 500."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.api import Api, error_of
from support.faces import bib, photo
from support.index import add

DEEP = 100_000
BODIES = {
    "too deep an array": ('{"bib": ' + "[" * DEEP + "]" * DEEP + "}", 400, "nested too deeply"),
    "too deep an object": ('{"a":' * DEEP + "1" + "}" * DEEP, 400, "nested too deeply"),
    "NaN": ('{"limit": NaN}', 400, "NaN"),
    "Infinity": ('{"min_similarity": -Infinity}', 400, "-Infinity"),
    "a number beyond every float": ('{"min_similarity": 1e999}', 400, "min_similarity"),
    "an integer of many digits": ('{"limit": ' + "9" * 5000 + "}", 400, "too many digits"),
    "an integer beyond every float": ('{"min_similarity": 1' + "0" * 399 + "}", 400, "min_similarity"),
    "a key twice": ('{"bib": "1", "bib": "2"}', 400, "'bib' twice"),
    "a key twice inside": ('{"bib": "1", "weights": {"bib": 1, "bib": 2}}', 400, "'bib' twice"),
    "half a surrogate pair": (r'{"name": "\ud800"}', 400, "name"),
    "a NUL": (r'{"text": "\u0000"}', 400, "text"),
    "not UTF-8": (b'{"name": "\xff"}', 400, "not valid JSON"),
    "no object": ("[1]", 400, "must be a JSON object"),
    "nothing": ("", 400, "not valid JSON"),
    "cut off": ('{"bib": "1', 400, "not valid JSON"),
    "two documents": ('{"bib": "1"}{}', 400, "not valid JSON"),
}


@pytest.fixture
def race(api: Api) -> Api:
    add(api.cloud.index, photo("race/1.jpg"), [], [bib("42")])
    return api


@pytest.mark.parametrize(("body", "status", "said"), BODIES.values(), ids=BODIES.keys())
def test_a_search(race: Api, body: str | bytes, status: int, said: str) -> None:
    answer = race.call("POST", "/albums/race/search", data=body, content_type="application/json")
    assert error_of(answer)[0] == status
    assert said in answer.get_json()["error"]["message"]


def test_text_that_no_store_can_hold(race: Api) -> None:
    """Half a surrogate pair is JSON, but no UTF-8."""
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/albums/race/people", {"name": "\ud800"}),
        ("PUT", "/albums/race/bib-rules", {"start_list": [{"number": "1", "name": "\ud800"}]}),
        ("PUT", "/albums/race/bib-rules", {"edits": {"\ud800": "1"}}),
        ("POST", "/rerank", {"queries": [[1.0]], "candidates": [{"id": "\ud800", "vector": [1.0]}]}),
        ("POST", "/albums/race/search", {"folder": "\ud800"}),
        ("POST", "/albums/race/search", {"text": "\ud800"}),
        ("POST", "/albums/race/search", {"camera": "\ud800"}),
    ]
    for method, path, body in bodies:
        answer = race.call(method, path, data=json.dumps(body), content_type="application/json")
        assert answer.status_code in {200, 400, 422}, (path, body, answer.get_json())


def test_a_content_length_that_is_wrong(race: Api) -> None:
    body = b'{"bib": "42"}'
    for length, expected in ((str(len(body) - 1), 400), ("0", 400), ("-1", 400), ("many", 400), (str(len(body)), 200)):
        answer = race.client.post(
            "/v1/albums/race/search",
            headers={"X-Api-Key": race.key},
            content_type="application/json",
            data=body,
            environ_overrides={"CONTENT_LENGTH": length},
        )
        assert answer.status_code == expected, length


def test_head_and_options(race: Api) -> None:
    got, head = (race.call(method, "/albums/race/bibs/42") for method in ("GET", "HEAD"))
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert race.client.head("/v1/albums/race/bibs/42").status_code == 401
    asked = race.client.options("/v1/albums/race/bibs/42")
    assert (asked.status_code, asked.data) == (200, b"")
    assert set(asked.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert error_of(race.call("TRACE", "/albums/race/bibs/42")) == (405, "method_not_allowed")
