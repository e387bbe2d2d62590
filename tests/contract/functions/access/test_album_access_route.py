"""`/v1/albums/{album}/access`: an admin opens an album, and a signed-in user can search it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photofinish.adapters.memory.access_documents import MemoryAccessDocuments
from photofinish.adapters.memory.failing import fail_once
from photofinish.domain.access import AlbumAccess, Scope
from photofinish.errors import Unavailable
from support.api import Api, error_of
from support.faces import bib, photo
from support.firebase_keys import PROJECT, KeyServer, serving
from support.index import add

CLOSED = {"album": "race", "users_may_search": False, "users_may_browse": False, "anonymous_users": False}


def documents(api: Api) -> dict[str, AlbumAccess]:
    written = api.cloud.access_documents
    assert isinstance(written, MemoryAccessDocuments)
    return written.documents


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    with serving() as made:
        made.add("one")
        monkeypatch.setenv("PHOTOFINISH_FIREBASE_PROJECT", PROJECT)
        monkeypatch.setenv("PHOTOFINISH_FIREBASE_KEYS_URL", made.url)
        yield made


def test_a_signed_in_user_can_search_once_the_album_is_open(api: Api, google: KeyServer) -> None:
    add(api.cloud.index, photo("race/1.jpg"), [], [bib("42")])
    add(api.cloud.index, photo("wedding/1.jpg"), [], [bib("42")])
    assert api.call("GET", "/albums/race/access").get_json() == CLOSED
    opened = api.call("PUT", "/albums/race/access", json={"users_may_search": True})
    assert opened.get_json() == CLOSED | {"users_may_search": True}
    assert documents(api) == {"race": AlbumAccess(users_may_search=True)}
    token = {"Authorization": f"Bearer {google.token('one')}"}
    listed = api.client.get("/v1/albums", headers=token).get_json()["albums"]
    assert [album["album"] for album in listed] == ["race"]
    found = api.client.get("/v1/albums/race/bibs/42", headers=token)
    assert [one["photo"]["name"] for one in found.get_json()["photos"]] == ["race/1.jpg"]
    closed = api.client.get("/v1/albums/wedding/bibs/42", headers=token)
    assert error_of(closed) == (404, "unknown_album")
    assert error_of(api.client.get("/v1/albums/race/access", headers=token)) == (403, "forbidden")
    assert [(action, outcome) for _, action, _, _, outcome, _, _ in api.audit()] == [
        ("show_album_access", "200"),
        ("set_album_access", "200"),
        ("list_albums", "200"),
        ("search_bib", "200"),
        ("search_bib", "404 unknown_album"),
        ("show_album_access", "403 forbidden"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"users_may_search": "yes"},
        {"users_may_search": 1},
        {"users_may_search": None},
        {"users_may_search": False, "users_may_browse": True},
        {"users_may_browse": True},
        [],
    ],
)
def test_a_malformed_body_does_not_open_the_album(api: Api, body: object) -> None:
    assert api.call("PUT", "/albums/race/access", json=body).status_code in (400, 422)
    assert api.call("GET", "/albums/race/access").get_json()["users_may_search"] is False


@pytest.mark.parametrize("scope", [Scope.SEARCH, Scope.WRITE])
def test_only_admins_may_open_an_album(api: Api, scope: Scope) -> None:
    key = api.key_for(scope)
    for method in ("GET", "PUT"):
        answer = api.call(method, "/albums/race/access", key=key, json={"users_may_search": True})
        assert error_of(answer) == (403, "forbidden")


def test_a_change_that_firestore_did_not_take_is_not_confirmed_and_not_lost(api: Api) -> None:
    """Closing an album must not be confirmed while apps can still read it; and a crash here must not leave it open."""
    api.call("PUT", "/albums/race/access", json={"users_may_search": True, "users_may_browse": True})
    fail_once(api.cloud.access_documents.write, Unavailable("Firestore is away"))
    answer = api.call("PUT", "/albums/race/access", json={"users_may_search": False})
    assert error_of(answer) == (503, "unavailable")
    assert documents(api)["race"].users_may_browse
    assert api.cloud.access_projector.sweep() == 1
    assert documents(api)["race"] == AlbumAccess()
    assert api.cloud.access_projector.sweep() == 0
