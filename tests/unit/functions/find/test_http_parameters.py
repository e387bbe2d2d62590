"""What comes out of the parameters can be trusted; anything else is a bad request that names its field."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from photofinish.domain.photo import is_album_name
from photofinish_functions.http_answers import Refused
from photofinish_functions.http_parameters import DEFAULT_LIMIT, MAX_LIMIT, album_in, bib_number_in, limit_in

EVIL = ["' OR 1=1 --", "'; DROP TABLE face; --", "a\0b", "%", "%s", "$1", "{}", "../x", "١٢", "1_000", "0x10", "\ud800"]


def fields(**values: str | list[str]) -> MultiDict[str, str]:
    return MultiDict(values)


def refused(read: Callable[..., object], *sources: MultiDict[str, str]) -> str:
    with pytest.raises(Refused) as raised:
        read(*sources)
    assert (raised.value.status, raised.value.code) == (400, "bad_request")
    return raised.value.message


@example("'; DROP TABLE face; --")
@given(st.text(max_size=200))
def test_an_album_is_passed_on_as_it_is_or_refused(text: str) -> None:
    if is_album_name(text):
        assert album_in(fields(album=text)) == text
    else:
        assert "'album'" in refused(album_in, fields(album=text))


@given(st.one_of(st.text(max_size=30), st.integers().map(str), st.sampled_from(EVIL)))
def test_a_limit_is_a_number_in_its_range_or_refused(text: str) -> None:
    sane = text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT
    if sane:
        assert limit_in(fields(limit=text)) == int(text)
    else:
        assert "'limit'" in refused(limit_in, fields(limit=text))


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9A-Z]{1,20}", fullmatch=True), st.sampled_from(EVIL)))
def test_a_bib_number_is_short_and_plain_or_refused(text: str) -> None:
    sane = (
        1 <= len(text) <= 16 and text.isascii() and all(character.isalnum() or character == "-" for character in text)
    )
    if sane:
        assert bib_number_in(fields(number=text)) == text
    else:
        assert "'number'" in refused(bib_number_in, fields(number=text))


def test_what_is_missing_or_said_twice() -> None:
    assert limit_in(fields()) == DEFAULT_LIMIT
    assert "missing" in refused(album_in, fields())
    assert "missing" in refused(bib_number_in, fields())
    assert "2 times" in refused(album_in, fields(album=["a", "b"]))
    assert "2 times" in refused(album_in, fields(album="a"), fields(album="a"))
    assert "2 times" in refused(limit_in, fields(limit=["1", "2"]))
    assert album_in(fields(), fields(album="a")) == "a"
