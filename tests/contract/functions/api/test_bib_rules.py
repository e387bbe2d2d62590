"""The bib rules of an album, over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from photofinish.domain.access import Scope
from photofinish.domain.bib_rules import LOOKALIKES, BibRules, Letters
from photofinish.domain.start_list import StartList
from support.api import Api

PATH = "/albums/spring%2010k/bib-rules"
RACE = {
    "min_digits": 3,
    "max_digits": 4,
    "letters": "before",
    "prefixes": ["1", "29", "A"],
    "edits": {"O": "0"},
    "start_list": [{"number": "1107", "name": ""}, {"number": "A2906", "name": "Łucja Żak"}],
}
USUAL = {
    "min_digits": 2,
    "max_digits": 5,
    "letters": "none",
    "prefixes": [],
    "edits": dict(LOOKALIKES),
    "start_list": None,
}


def test_an_album_without_rules_has_the_defaults(api: Api) -> None:
    assert api.call("GET", PATH).get_json() == USUAL


def test_the_analysis_follows_the_rules_that_are_set(api: Api) -> None:
    answer = api.call("PUT", PATH, json=RACE)
    nothing = {"photos": 0, "added": 0, "removed": 0, "changed": 0, "skipped": 0, "remaining": 0}
    assert (answer.status_code, answer.get_json()) == (200, RACE | {"rescoring": nothing})
    assert api.call("GET", PATH).get_json() == RACE
    assert api.cloud.album_rules.bib_rules("spring 10k") == BibRules(
        min_digits=3,
        max_digits=4,
        letters=Letters.BEFORE,
        prefixes=("1", "29", "A"),
        edits={"O": "0"},
        start_list=StartList({"A2906": "Łucja Żak", "1107": ""}),
    )
    assert api.call("PUT", PATH, json={}).get_json() == USUAL | {"rescoring": nothing}


def test_numbers_are_answered_in_their_normal_form(api: Api) -> None:
    answer = api.call("PUT", PATH, json={"prefixes": ["a-1"], "start_list": [{"number": "a 12"}]}).get_json()
    assert answer["prefixes"] == ["A1"]
    assert answer["start_list"] == [{"number": "A12", "name": ""}]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"min_digits": 4, "max_digits": 3}, "max_digits"),
        ({"min_digits": 0}, "min_digits"),
        ({"prefixes": ["1x"]}, "prefixes"),
        ({"letters": "inside"}, "letters"),
        ({"start_list": [{"number": "A1"}, {"number": "a-1"}]}, "start_list"),
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


def test_of_a_wrong_start_list_the_first_wrong_entry_is_told(api: Api) -> None:
    listed = [{"number": "1"}] + [{"number": "?"}] * 99_999
    answer = api.call("PUT", PATH, json={"start_list": listed})
    assert answer.status_code == 400
    message = answer.get_json()["error"]["message"]
    assert message.startswith("start_list.1.number: must be a bib number")
    assert "more problems" not in message, "describing all of them takes seconds and half a gigabyte"


def test_reading_names_needs_write_access(api: Api) -> None:
    for scope, status in [(Scope.SEARCH, 403), (Scope.WRITE, 200)]:
        key = api.key_for(scope, frozenset({"spring 10k"}))
        assert api.call("GET", PATH, key=key).status_code == status
    elsewhere = api.key_for(Scope.WRITE, frozenset({"autumn 10k"}))
    assert api.call("PUT", PATH, key=elsewhere, json=RACE).status_code == 404
