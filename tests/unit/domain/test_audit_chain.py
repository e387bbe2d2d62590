"""Anchors find every entry that was changed, removed or added, and say which."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.access import AuditEntry
from photofinish.domain.audit_chain import (
    START,
    Anchor,
    Finding,
    Problem,
    StoredEntry,
    anchor,
    chain_problems,
    entry_problems,
)
from support.access import audit_entry

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1000)
OTHER = {
    "principal": "user",
    "principal_id": "k2",
    "action": "erase",
    "album": None,
    "target": "p",
    "outcome": "404 unknown_photo",
    "request_id": "r2",
    "count": None,
    "network": "198.51.100.0/24",
    "at": NOW + timedelta(microseconds=1),
}


def stored(number: int, **changes: object) -> StoredEntry:
    return StoredEntry(number, audit_entry(**{"at": NOW} | changes))


ENTRIES = {number: stored(number) for number in (1, 2, 4, 5)}
MADE = anchor(ENTRIES.values(), after=0, upto=6, previous=START)


def problems(entries: dict[int, StoredEntry], *, expired_before: datetime = LONG_AGO) -> list[Problem]:
    return list(entry_problems(MADE, entries, expired_before=expired_before))


def test_untouched_entries_have_no_problem_and_expired_ones_neither() -> None:
    assert problems(ENTRIES) == []
    assert problems({4: ENTRIES[4], 5: ENTRIES[5]}, expired_before=NOW + timedelta(seconds=1)) == []


def test_every_field_counts() -> None:
    assert OTHER.keys() == {field.name for field in fields(AuditEntry)}
    for name, value in OTHER.items():
        assert problems(ENTRIES | {2: stored(2, **{name: value})}) == [Problem(Finding.CHANGED, 2)], name


def test_removed_and_added_entries_are_named() -> None:
    without = {number: one for number, one in ENTRIES.items() if number != 4}
    assert problems(without) == [Problem(Finding.REMOVED, 4)]
    assert problems(ENTRIES | {3: stored(3)}) == [Problem(Finding.INSERTED, 3)]
    swapped = ENTRIES | {1: replace(ENTRIES[2], entry_id=1), 2: replace(stored(1, action="x"), entry_id=2)}
    assert Problem(Finding.CHANGED, 2) in problems(swapped)


@given(st.data())
def test_any_set_of_changes_is_found_exactly(data: st.DataObject) -> None:
    how = data.draw(st.fixed_dictionaries(dict.fromkeys(ENTRIES, st.sampled_from([None, *Finding][:3]))))
    entries = {
        number: replace(one, entry=replace(one.entry, action="x")) if how[number] is Finding.CHANGED else one
        for number, one in ENTRIES.items()
        if how[number] is not Finding.REMOVED
    }
    assert problems(entries) == [Problem(how[number], number) for number in ENTRIES if how[number] is not None]


def test_anchors_continue_each_other() -> None:
    second = anchor([stored(7)], after=6, upto=7, previous=MADE.last)
    third = anchor([], after=7, upto=9, previous=second.last)
    fourth = anchor([stored(10)], after=9, upto=10, previous=third.last)
    assert list(chain_problems([MADE, second, third, fourth])) == []
    assert list(chain_problems([second, third])) == [Problem(Finding.ANCHOR_BROKEN, 6)]
    assert list(chain_problems([MADE, third, fourth])) == [Problem(Finding.ANCHOR_BROKEN, 7)]
    forged = anchor([stored(7, action="x")], after=6, upto=7, previous=MADE.last)
    assert list(chain_problems([MADE, forged, third, fourth])) == [Problem(Finding.ANCHOR_BROKEN, 7)]


def test_an_anchor_is_read_as_it_was_written() -> None:
    assert Anchor.from_text(MADE.to_text()) == MADE


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', "no JSON", MADE.to_text() + "[1]\n"])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Anchor.from_text(text)
