"""The database and the code agree on which words differ by a letter, and looking words up uses the index."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.domain.word_matching import spellings
from photofinish.domain.words import words
from support.examples import examples

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=24), max_size=6)


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as made:
        yield made


@given(TEXTS)
@settings(max_examples=examples(200))
def test_both_have_the_same_forms(conn: psycopg.Connection, lines: list[str]) -> None:
    read = [word for line in lines for word in words(line)]
    stored = "\n".join(" ".join(words(line)) for line in lines)
    [(forms,)] = conn.execute("SELECT spellings(%s)", [stored]).fetchall()
    assert set(forms) == {form for word in read for form in spellings(word)}


def test_looking_words_up_uses_the_index(conn: psycopg.Connection) -> None:
    plan = "\n".join(
        line
        for (line,) in conn.execute(
            "EXPLAIN SELECT photo_id FROM photo WHERE album_id = 1 AND words <> ''"
            " AND spellings(words) && ARRAY['finish', 'finsh']"
        )
    )
    assert "photo_spellings" in plan, plan
