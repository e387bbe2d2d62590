"""The promises of AlbumRules, kept by every implementation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.adapters.postgres.database import Database
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.start_list import StartList
from photofinish.errors import RejectedInput
from photofinish.ports import AlbumRules

RACE = BibRules(
    min_digits=3,
    max_digits=4,
    prefixes=("1", "29"),
    edits={"O": "0"},
    start_list=StartList({"2906": "Ada Lovelace", "0107": "", "1111": "Łukasz Żółć"}),
)


@pytest.fixture(params=["memory", "postgres"])
def rules(request: pytest.FixtureRequest) -> Iterator[AlbumRules]:
    if request.param == "memory":
        yield MemoryAlbumRules()
        return
    opened = Database(request.getfixturevalue("database"))
    yield PgAlbumRules(opened)
    opened.close()


def test_an_album_without_its_own_has_the_usual_rules(rules: AlbumRules) -> None:
    assert rules.bib_rules("nobody's") == BibRules()


def test_what_was_set_is_what_is_there(rules: AlbumRules) -> None:
    rules.set_bib_rules("spring 10k", RACE)
    rules.set_bib_rules("spring 10k", RACE)
    assert rules.bib_rules("spring 10k") == RACE
    assert rules.bib_rules("autumn 10k") == BibRules()


def test_the_last_rules_leave_nothing_of_the_ones_before(rules: AlbumRules) -> None:
    rules.set_bib_rules("spring 10k", RACE)
    other = BibRules(start_list=StartList({"7": "Alan Turing"}), min_digits=1)
    rules.set_bib_rules("spring 10k", other)
    assert rules.bib_rules("spring 10k") == other
    rules.set_bib_rules("spring 10k", BibRules())
    assert rules.bib_rules("spring 10k") == BibRules()


@pytest.mark.parametrize("album", ["", "..", "a/b", "a\0b"])
def test_what_cannot_be_an_album_gets_no_rules(rules: AlbumRules, album: str) -> None:
    with pytest.raises(RejectedInput, match="cannot be the name of an album"):
        rules.set_bib_rules(album, RACE)
    assert rules.bib_rules(album) == BibRules()
