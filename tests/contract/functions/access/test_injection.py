"""Text with a meaning in SQL, paths or patterns is treated as text, wherever the OpenAPI document accepts text."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from photofinish.domain.access import Scope
from support.api import Api
from support.faces import bib, photo
from support.index import add

SECRET = "only-in-the-other-album"
PHOTO = photo("race/cam1/IMG_1.jpg")
HALF_A_PAIR = "\ud800"  # valid in JSON, but no database can store it
HOSTILE = [
    "'",
    "' OR '1'='1",
    "'; DROP TABLE photo; --",
    "$$ || (SELECT label FROM api_key) || $$",
    "%(album)s {album_id} %s",
    "%",
    "_",
    "\\",
    "*",
    ".*",
    "../secret",
    "secret/../race",
    "..%2fsecret",
    "\0",
    "\x1b[31m",
    "𝟒𝟐",
    "\u202e42",
    "x" * 5000,
    "null",
    "-1",
    "9" * 30,
    base64.urlsafe_b64encode(b'{"album": "secret", "after": "zz"}').decode(),
    base64.urlsafe_b64encode(b"\x80\x04\x95\x00\x00\x00\x00.").decode(),
]


@pytest.fixture
def albums(api: Api) -> Api:
    for album, text in (("race", "hello"), ("secret", SECRET)):
        add(api.cloud.index, photo(f"{album}/cam1/IMG_1.jpg"), [], [bib("42")], [text], camera=f"Canon {text}")
    return api


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        _, kind, name = schema["$ref"].rsplit("/", 2)
        schema = document["components"][kind][name]
    return schema


def takes_text(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    schema = resolved(document, schema)
    return schema.get("type") == "string" or any(takes_text(document, part) for part in schema.get("anyOf", []))


def usual(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value that the schema accepts, made from its example or type."""
    schema = resolved(document, schema)
    if "example" in schema:
        return schema["example"]
    return {"string": "x", "integer": 1, "number": 0.5, "boolean": True, "array": [], "object": {}}.get(
        schema.get("type", ""), "x"
    )


def attacks(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with each of its texts in turn hostile: method, path, the rest of the request."""
    places = {"album": "race", "number": "42", "photo_id": PHOTO.photo_id}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [resolved(document, parameter) for parameter in operation.get("parameters", [])]
            content = operation.get("requestBody", {}).get("content", {})
            schema = resolved(document, content.get("application/json", {}).get("schema", {}))
            fields = schema.get("properties", {})
            needed = {name: usual(document, fields[name]) for name in schema.get("required", [])}
            at = {
                parameter["name"]: places.get(parameter["name"], str(usual(document, parameter["schema"])))
                for parameter in parameters
                if parameter["in"] == "path"
            }
            for text in HOSTILE:
                for name in at:
                    filled = {other: quote(value, safe="") for other, value in (at | {name: text}).items()}
                    yield method, path.format(**filled), {"json": needed} if content else {}
                plain = path.format(**at)
                for parameter in parameters:
                    if parameter["in"] == "query":
                        yield method, plain, {"query_string": {parameter["name"]: text}}
                for name in [name for name, field in fields.items() if takes_text(document, field)]:
                    yield method, plain, {"json": needed | {name: text}}
                    yield method, plain, {"json": needed | {name: text + HALF_A_PAIR}}


def rows(api: Api) -> dict[str, int]:
    with api.database.transaction() as conn:
        counts = {
            table: conn.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
            for table in ("album", "photo", "bib", "face", "api_key")
        }
    return {table: count[0] for table, count in counts.items()}  # type: ignore[index]


def test_text_is_never_interpreted(albums: Api) -> None:
    """No request with a key of `race` causes a server error, reads another album, or deletes anything."""
    before = rows(albums)
    of_the_other = albums.search("secret", bib="42").get_data(as_text=True)
    assert SECRET in of_the_other, "who may see the other album sees it"
    key = albums.key_for(Scope.ADMIN, frozenset({"race"}))
    document = albums.client.get("/v1/openapi.json").get_json()
    statuses: Counter[int] = Counter()
    for method, path, request in attacks(document):
        answer = albums.client.open(path, method=method.upper(), headers={"X-Api-Key": key}, **request)
        what = f"{method} {path[:200]} {str(request)[:200]}"
        assert answer.status_code < 500, f"{what}: {answer.get_data(as_text=True)}"
        assert SECRET not in answer.get_data(as_text=True), what
        statuses[answer.status_code] += 1
    assert statuses.total() > 500
    assert {200, 404, 422} <= statuses.keys(), "texts are accepted, unknown and refused"
    assert rows(albums) == before | {"api_key": before["api_key"] + 1}
