"""A start list cannot be read by searching it."""

from __future__ import annotations

import pytest

from photofinish.domain.access import RateLimit, Scope
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.start_list import StartList
from photofinish_functions.api.routes import search
from support.api import Api, error_of, names_of
from support.faces import bib, photo
from support.index import add

NAMES = {str(number): f"Ada Number{number}" for number in range(1, 41)}


@pytest.fixture
def race(api: Api) -> Api:
    api.cloud.album_rules.set_bib_rules("race", BibRules(start_list=StartList(NAMES)))
    add(api.cloud.index, photo("race/1.jpg"), [], [bib("7", 0.9)])
    return api


def test_who_may_read_the_list_gets_names_and_numbers(race: Api) -> None:
    answer = race.search("race", key=race.key_for(Scope.WRITE), name="ada")
    assert answer.get_json()["numbers"] == NAMES
    assert answer.get_json()["photos"][0]["name"]["name"] == "Ada Number7"


def test_a_caller_without_write_access_reads_no_names(race: Api) -> None:
    answer = race.search("race", key=race.key_for(Scope.SEARCH), name="ada number7")
    assert names_of(answer) == ["race/1.jpg"]
    assert answer.get_json()["numbers"] == {}
    assert (answer.get_json()["photos"][0]["name"]["name"], answer.get_json()["photos"][0]["name"]["number"]) == (
        None,
        "7",
    )
    answer = race.search("race", key=race.key_for(Scope.SEARCH), name="a")
    assert (answer.get_json()["numbers"], answer.get_json()["photos"]) == ({}, [])
    assert "Ada" not in race.search("race", key=race.key_for(Scope.SEARCH), name="ada").get_data(as_text=True)


def test_searching_names_has_a_budget(race: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "NAME_SEARCHES", RateLimit(per_second=1e-6, burst=2))
    key = race.key_for(Scope.SEARCH)
    assert [race.search("race", key=key, name="ada").status_code for _ in range(3)] == [200, 200, 429]
    assert error_of(race.search("race", key=key, name="ada")) == (429, "rate_limited")
    assert race.search("race", key=key, bib="7").status_code == 200, "other searches go on"
    assert race.search("race", key=race.key_for(Scope.WRITE), name="ada").status_code == 200
    assert race.audit()[-3][4] == "429 rate_limited"
