"""Which albums will be erased, over the API, and that an erasure is finished at once."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from photofinish.adapters.memory.retention import MemoryRetentionRuns
from photofinish.domain.access import Scope
from photofinish.domain.album_policy import AlbumPolicy
from photofinish.errors import Unavailable
from support.api import Api, error_of
from support.faces import bib, photo
from support.index import add


def test_albums_that_end_are_listed_the_next_one_first(api: Api) -> None:
    policies = api.cloud.album_policies
    policies.set_policy("wedding", AlbumPolicy(ends_on=date(2999, 12, 31), purpose="the couple"))
    policies.set_policy("race", AlbumPolicy(ends_on=date(2026, 2, 28)))
    policies.set_policy("forever", AlbumPolicy())
    first, second = api.call("GET", "/retention").get_json()["albums"]
    assert (first["album"], first["erased_on"]) == ("race", "2026-03-01")
    assert first["days_left"] == (date(2026, 3, 1) - datetime.now(UTC).date()).days
    assert (second["album"], second["purpose"], second["ends_on"]) == ("wedding", "the couple", "2999-12-31")
    api.cloud.retention_records.note_end_enforced("race", date(2026, 2, 28))
    assert [album["album"] for album in api.call("GET", "/retention").get_json()["albums"]] == ["wedding"]


def test_it_needs_a_key_of_all_albums_with_scope_admin(api: Api) -> None:
    for key in (api.key_for(Scope.WRITE), api.key_for(Scope.ADMIN, albums=frozenset({"race"}))):
        assert error_of(api.call("GET", "/retention", key=key)) == (403, "forbidden")


def test_what_is_requested_to_be_erased_is_finished_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = api.cloud.retention_runs
    assert isinstance(runs, MemoryRetentionRuns)
    for name in "ab":
        add(api.cloud.index, photo(f"race/{name}.jpg"), [], [bib("42")])
    assert api.call("DELETE", "/albums/no-album").status_code == 404
    assert runs.erasures == []
    erased = api.call("DELETE", f"/albums/race/photos/{photo('race/a.jpg').photo_id}")
    assert runs.erasures == [erased.get_json()["erasure_id"]]

    def refuse(_: str) -> None:
        raise Unavailable("no topic")

    monkeypatch.setattr(runs, "finish_erasure", refuse)
    assert api.call("DELETE", "/albums/race").status_code == 202, "the hourly run finishes it"
