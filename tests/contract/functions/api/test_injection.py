"""Hostile text in an album's name, a bib, a cursor or a filter gets a clear answer and has no effect."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.photo import is_album_name
from support.api import Api, error_of, names_of, running_api, write_key_file
from support.examples import examples
from support.faces import bib, embedding, face, photo
from support.index import add
from support.postgres import fresh_database

ALBUM = "race"
ATTACKS = [
    "'; DROP TABLE photo; --",
    "' OR '1'='1",
    "x') UNION SELECT key_id, label FROM api_key --",
    "\\'; SELECT pg_sleep(9); --",
    "race%' AND '%'='",
    "%",
    "_" * 5,
    "$1",
    "%(album)s",
    "{0.__class__}",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "${jndi:ldap://127.0.0.1/a}",
    "\r\nSet-Cookie: a=b",
    "a\0b",
    "\ud800",
    "\u202ecar",
    "𝕏" * 50,
]
any_request = settings(max_examples=examples(60))
anything = st.one_of(st.sampled_from(ATTACKS), st.text(max_size=300))


@pytest.fixture(scope="module")
def running(encoder: FaceEncoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as patch, fresh_database() as conninfo:
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_key_file(tmp_path_factory.mktemp("key"))))
        with running_api(conninfo, encoder, patch.setenv) as made:
            look = embedding([1, 0, 0])
            add(made.cloud.index, photo("race/IMG_1.jpg"), [face(look)], [bib("42")], ["FINISH 50% _off_"])
            add(made.cloud.index, photo("race/IMG_2.jpg"), [face(look)], [bib("42")], ["another"])
            add(made.cloud.index, photo("secret/IMG_3.jpg"), [face(look)], [bib("42")], ["FINISH"])
            yield made


def check_clear(answer: TestResponse) -> None:
    """It is an answer, or a refusal with a reason: never a 500, and never a photo of another album."""
    assert answer.status_code < 500, answer.get_json()
    assert "secret/" not in answer.text
    assert "Set-Cookie" not in answer.headers
    if answer.status_code >= 400:
        assert error_of(answer)[0] in {400, 404, 422}


def check_whole(api: Api) -> None:
    """Both albums are unchanged, so that what is in the other could have been shown."""
    assert set(names_of(api.search(ALBUM, bib="42"))) == {"race/IMG_1.jpg", "race/IMG_2.jpg"}
    assert names_of(api.search("secret", bib="42")) == ["secret/IMG_3.jpg"]


def escaped(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


@any_request
@given(album=anything)
def test_in_an_albums_name(running: Api, album: str) -> None:
    answer = running.call("GET", f"/albums/{escaped(album)}/bibs/42")
    check_clear(answer)
    if album not in {ALBUM, "secret"}:
        assert answer.status_code in {404, 405}
    if is_album_name(album):
        check_clear(running.call("GET", "/albums", query_string={"after": album}))
        found = running.call("GET", f"/albums/{escaped(album)}").status_code
        assert found == (200 if album in {ALBUM, "secret"} else 404)
    check_whole(running)


@any_request
@given(
    field=st.sampled_from(["bib", "name", "text", "camera", "folder", "cursor", "taken_from", "person_id"]),
    value=anything,
)
def test_in_a_criterion(running: Api, field: str, value: str) -> None:
    answer = running.search(ALBUM, **{field: value}, **({"bib": "42"} if field == "cursor" else {}))
    check_clear(answer)
    check_whole(running)


@any_request
@given(number=anything)
def test_in_a_bib_number(running: Api, number: str) -> None:
    answer = running.call("GET", f"/albums/{ALBUM}/bibs/{escaped(number)}")
    check_clear(answer)
    if number != "42" and answer.status_code == 200:
        assert answer.get_json()["photos"] == []


def test_a_number_that_no_photo_shows_finds_nothing_and_one_that_two_show_finds_both(running: Api) -> None:
    assert names_of(running.call("GET", f"/albums/{ALBUM}/bibs/43")) == []
    assert len(names_of(running.call("GET", f"/albums/{ALBUM}/bibs/42"))) == 2


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"text": "50% off"}, ["race/IMG_1.jpg"]),
        ({"text": "50%"}, ["race/IMG_1.jpg"]),
        ({"text": "f%q"}, []),
        ({"name": "%"}, None),
        ({"folder": "%"}, []),
        ({"camera": "%"}, []),
    ],
)
def test_wildcards_are_letters(running: Api, criteria: dict[str, str], found: list[str] | None) -> None:
    answer = running.search(ALBUM, **criteria)
    assert (None if answer.status_code == 422 else names_of(answer)) == found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@any_request
@given(value=json_values)
def test_a_forged_cursor(running: Api, value: Any) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    check_clear(running.search(ALBUM, bib="42", cursor=cursor or "a"))


def test_a_cursor_leads_to_no_other_album(running: Api) -> None:
    cursor = running.search(ALBUM, bib="42", limit=1).get_json()["next_cursor"]
    assert cursor
    assert error_of(running.search("secret", bib="42", limit=1, cursor=cursor)) == (422, "invalid_query")
    assert error_of(running.search(ALBUM, bib="43", limit=1, cursor=cursor)) == (422, "invalid_query")


@any_request
@given(body=json_values)
def test_any_json_as_a_query(running: Api, body: Any) -> None:
    for path in (f"/albums/{ALBUM}/search", "/rerank"):
        check_clear(running.call("POST", path, data=json.dumps(body), content_type="application/json"))
