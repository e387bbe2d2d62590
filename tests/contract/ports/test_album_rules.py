"""The promises of AlbumRules, kept by every implementation."""

from __future__ import annotations

import pytest

from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.domain.bib_rules import BibRules, Letters
from photofinish.domain.start_list import StartList
from photofinish.errors import RejectedInput
from photofinish.ports import AlbumRules

RACE = BibRules(
    min_digits=3,
    max_digits=4,
    letters=Letters.BOTH,
    prefixes=("1", "29", "A"),
    edits={"O": "0"},
    start_list=StartList({"2906": "Ada Lovelace", "A0107": "", "1111": "Łukasz Żółć"}),
)


@pytest.fixture(params=["memory", "postgres"])
def rules(request: pytest.FixtureRequest) -> AlbumRules:
    return MemoryAlbumRules() if request.param == "memory" else PgAlbumRules(request.getfixturevalue("connections"))


def test_an_album_without_rules_has_the_default_rules(rules: AlbumRules) -> None:
    assert rules.bib_rules("an album without rules") == BibRules()


def test_rules_are_returned_as_they_were_set(rules: AlbumRules) -> None:
    rules.set_bib_rules("spring 10k", RACE)
    rules.set_bib_rules("spring 10k", RACE)
    assert rules.bib_rules("spring 10k") == RACE
    assert rules.bib_rules("autumn 10k") == BibRules()


def test_new_rules_replace_all_earlier_ones(rules: AlbumRules) -> None:
    rules.set_bib_rules("spring 10k", RACE)
    other = BibRules(start_list=StartList({"7": "Alan Turing"}), min_digits=1)
    rules.set_bib_rules("spring 10k", other)
    assert rules.bib_rules("spring 10k") == other
    rules.set_bib_rules("spring 10k", BibRules())
    assert rules.bib_rules("spring 10k") == BibRules()


@pytest.mark.parametrize("album", ["", "..", "a/b", "a\0b"])
def test_a_name_that_cannot_be_an_album_is_refused(rules: AlbumRules, album: str) -> None:
    with pytest.raises(RejectedInput, match="cannot be the name of an album"):
        rules.set_bib_rules(album, RACE)
    assert rules.bib_rules(album) == BibRules()
