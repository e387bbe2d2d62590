"""Signed-in users without custom claims find themselves by selfie or bib number, and learn nothing about others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from photofinish.domain.access import AlbumAccess, Reading
from photofinish_functions.api.find_me import shown_to
from photofinish_functions.api.guarding import Guard
from photofinish_functions.api.search_answers import FoundBib, FoundName, FoundPhoto
from support.api import Api, error_of, names_of, selfie_of_astronaut
from support.faces import bib, face, photo
from support.firebase_keys import PROJECT, KeyServer, serving
from support.index import add

FIND_ME = {
    *("list_albums", "show_album", "search", "search_bib"),
    *("give_feedback", "opt_out_myself", "show_session", "end_session"),
    *("download_photo", "create_download"),
    *("subscribe", "list_subscriptions", "show_subscription", "end_subscription"),
    *("create_download", "download_photo"),
}
BROWSE = FIND_ME | {"list_photos", "show_photo", "create_event_ticket", "search_words"}


class User:
    """A signed-in user of the API without claims."""

    def __init__(self, api: Api, google: KeyServer) -> None:
        self.api = api
        self.headers = {"Authorization": f"Bearer {google.token('one')}"}

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.api.client.open(f"/v1{path}", method=method, headers=self.headers, **options)

    def search(self, **criteria: Any) -> TestResponse:
        return self.call("POST", "/albums/race/search", json=criteria)


@pytest.fixture(scope="module")
def google() -> Iterator[KeyServer]:
    with serving() as made:
        made.add("one")
        yield made


@pytest.fixture
def user(api: Api, google: KeyServer, monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setenv("PHOTOFINISH_FIREBASE_PROJECT", PROJECT)
    monkeypatch.setenv("PHOTOFINISH_FIREBASE_KEYS_URL", google.url)
    monkeypatch.setenv("PHOTOFINISH_USER_RATE", "1000/1000")
    add(api.cloud.index, photo("race/1.jpg"), [face(), face()], [bib("42", face_index=0)])
    add(api.cloud.index, photo("race/2.jpg"), [face()], [])
    api.cloud.access.set_album_access("race", AlbumAccess(users_may_search=True))
    return User(api, google)


def test_every_route_says_what_users_without_claims_may_do(user: User) -> None:
    """A new route is closed to them until it says otherwise."""
    guards: list[Guard] = [view.guard for view in user.api.app.view_functions.values()]  # type: ignore[attr-defined]
    guarded = [guard for guard in guards if guard.scope is not None]
    assert {one.action for one in guarded if Reading.FIND_ME.includes(one.reading)} == FIND_ME
    assert {one.action for one in guarded if Reading.BROWSE.includes(one.reading)} == BROWSE


@pytest.fixture
def found() -> FoundPhoto:
    """With a name and an inferred number."""
    bib = FoundBib.model_construct(
        number="42", face_id="f", evidence_photo_id="p", evidence_face_id="e", inferred=True, confirmed=False
    )
    name = FoundName.model_construct(name="Ada", number="42", person_id=None, bib=None, face=None)
    return FoundPhoto.model_construct(score=1.0, bib=bib, name=name, face=None)


@pytest.mark.parametrize(
    "criteria",
    [
        {"name": "ada"},
        {"name": "ada", "bib": "42"},
        {"person_id": "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"},
        {"bib": "42", "min_similarity": -1},
        {"text": "42"},
        {"taken_from": "2000-01-01T00:00:00"},
        {"folder": "cam2"},
    ],
    ids=str,
)
def test_searches_for_others_and_for_everything_are_refused(user: User, criteria: dict[str, Any]) -> None:
    assert error_of(user.search(**criteria)) == (403, "find_me_only")


def test_a_bib_number_finds_its_photos(user: User) -> None:
    for answer in (user.search(bib="42"), user.call("GET", "/albums/race/bibs/42")):
        assert names_of(answer) == ["race/1.jpg"]
        [found] = answer.get_json()["photos"]
        assert (found["bib"]["number"], found["name"], found["face"]) == ("42", None, None)


def test_a_selfie_finds_and_says_which_face_was_used(user: User) -> None:
    answer = user.call("POST", "/albums/race/search", data={"selfie": [(io.BytesIO(selfie_of_astronaut()), "me.jpg")]})
    assert names_of(answer) == []
    assert len(answer.get_json()["selfies"]) == 1


def test_the_answer_has_no_names_and_no_ids_of_other_photos(found: FoundPhoto) -> None:
    assert shown_to(Reading.ALL, found) == found
    browsing = shown_to(Reading.BROWSE, found)
    assert (browsing.name, browsing.bib) == (None, found.bib)
    mine = shown_to(Reading.FIND_ME, found)
    assert mine.bib is not None
    assert mine.bib.evidence_photo_id is mine.bib.evidence_face_id is mine.name is None
    assert mine.bib.face_id, "the runner's own face, which may be drawn"


def test_listing_photos_needs_an_album_that_users_may_browse(user: User) -> None:
    add(user.api.cloud.index, photo("open/1.jpg"), [], [bib("42")])
    user.api.cloud.access.set_album_access("open", AlbumAccess(users_may_search=True, users_may_browse=True))
    assert error_of(user.call("GET", "/albums/race/photos")) == (403, "forbidden")
    assert user.call("GET", "/albums/open/photos").status_code == 200
    assert error_of(user.call("GET", "/albums/open/people")) == (403, "forbidden")
    assert user.call("POST", "/albums/open/search", json={"folder": "cam2"}).status_code == 200
    assert error_of(user.call("POST", "/albums/open/search", json={"name": "ada"})) == (403, "find_me_only")
