"""The bib rules of an album, over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from photofinish.domain.access import Scope
from photofinish.domain.bib_rules import LOOKALIKES, BibRules
from photofinish.domain.start_list import StartList
from support.api import Api

PATH = "/albums/spring%2010k/bib-rules"
RACE = {
    "min_digits": 3,
    "max_digits": 4,
    "prefixes": ["1", "29"],
    "edits": {"O": "0"},
    "start_list": [{"number": "1107", "name": ""}, {"number": "2906", "name": "Łucja Żak"}],
}
USUAL = {"min_digits": 2, "max_digits": 5, "prefixes": [], "edits": dict(LOOKALIKES), "start_list": None}


def test_an_album_without_rules_has_the_defaults(api: Api) -> None:
    assert api.call("GET", PATH).get_json() == USUAL


def test_the_analysis_follows_the_rules_that_are_set(api: Api) -> None:
    answer = api.call("PUT", PATH, json=RACE)
    assert (answer.status_code, answer.get_json()) == (200, RACE)
    assert api.call("GET", PATH).get_json() == RACE
    assert api.cloud.album_rules.bib_rules("spring 10k") == BibRules(
        min_digits=3,
        max_digits=4,
        prefixes=("1", "29"),
        edits={"O": "0"},
        start_list=StartList({"2906": "Łucja Żak", "1107": ""}),
    )
    assert api.call("PUT", PATH, json={}).get_json() == USUAL


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"min_digits": 4, "max_digits": 3}, "max_digits"),
        ({"min_digits": 0}, "min_digits"),
        ({"prefixes": ["x"]}, "prefixes"),
        ({"edits": {"OO": "0"}}, "edits"),
        ({"edits": {"O": "٣"}}, "edits"),
        ({"start_list": []}, "start_list"),
        ({"start_list": [{"number": "1"}, {"number": "1"}]}, "start_list"),
        ({"start_list": [{"number": "1'; DROP TABLE entrant"}]}, "start_list.0.number"),
        ({"start_list": [{"number": "1", "name": "a\0b"}]}, "start_list.0.name"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_the_message_names_an_invalid_rule(api: Api, wrong: dict[str, Any], field: str) -> None:
    answer = api.call("PUT", PATH, json=wrong)
    assert answer.status_code in (400, 422), answer.text
    assert field in answer.get_json()["error"]["message"]
    assert api.call("GET", PATH).get_json() == USUAL


def test_the_start_list_of_a_marathon_is_accepted(api: Api) -> None:
    entrants = [{"number": str(number), "name": f"Runner Number {number}"} for number in range(1, 50_001)]
    answer = api.call("PUT", PATH, data=json.dumps({"start_list": entrants}), content_type="application/json")
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.get_json()["start_list"]) == 50_000


def test_reading_names_needs_write_access(api: Api) -> None:
    for scope, status in [(Scope.SEARCH, 403), (Scope.WRITE, 200)]:
        key = api.key_for(scope, frozenset({"spring 10k"}))
        assert api.call("GET", PATH, key=key).status_code == status
    elsewhere = api.key_for(Scope.WRITE, frozenset({"autumn 10k"}))
    assert api.call("PUT", PATH, key=elsewhere, json=RACE).status_code == 404
