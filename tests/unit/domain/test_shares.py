"""Tokens of share links and sessions, PINs, and what a card may say."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.domain.access import Reading
from photofinish.domain.album_card import MAX_TITLE_CHARS, AlbumCard, Downloads
from photofinish.domain.sessions import SessionToken
from photofinish.domain.shares import PinHash, ShareMay, ShareToken, end_of

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
TOKENS = st.text(LETTERS, min_size=32, max_size=32).map(ShareToken)
PINS = st.from_regex(r"[0-9]{4,8}", fullmatch=True)


@given(st.text())
def test_a_text_is_a_token_or_it_is_not(text: str) -> None:
    token = ShareToken.parse(text)
    assert token is None or ShareToken.parse(token.text) == token
    session = SessionToken.parse(text)
    assert session is None or session.text == text


def test_tokens_are_parsed_as_they_were_made_and_differ() -> None:
    made = [ShareToken.generate() for _ in range(100)]
    assert all(ShareToken.parse(one.text) == one for one in made)
    assert ShareToken.parse(f" {made[0].text.upper()} ") == made[0], "as typed from a poster"
    assert len({one.sha256 for one in made}) == 100
    session = SessionToken.generate()
    assert SessionToken.parse(session.text) == session
    assert SessionToken.parse(session.text.upper()) is None


@given(TOKENS, st.integers(0), st.integers(1, len(LETTERS) - 1))
def test_a_token_with_another_character_is_another(token: ShareToken, place: int, step: int) -> None:
    at = place % len(token.text)
    other = LETTERS[(LETTERS.index(token.text[at]) + step) % len(LETTERS)]
    changed = ShareToken.parse(token.text[:at] + other + token.text[at + 1 :])
    assert changed is not None
    assert changed.sha256 != token.sha256


def test_secrets_are_not_in_the_text_of_objects() -> None:
    token, session, pin = ShareToken.generate(), SessionToken.generate(), PinHash.of("204816")
    assert token.text not in repr(token)
    assert session.text not in repr(session)
    assert repr(pin.digest) not in repr(pin)


@settings(max_examples=5, deadline=None)
@given(PINS, PINS)
def test_a_hash_is_of_its_pin_alone(pin: str, other: str) -> None:
    stored = PinHash.from_stored(PinHash.of(pin).stored)
    assert stored.is_of(pin)
    assert stored.is_of(other) == (pin == other)
    assert PinHash.of(pin) != PinHash.of(pin), "with a salt of its own"


@pytest.mark.parametrize("pin", ["", "123", "123456789", "12a4", "١٢٣٤", "1234\n"])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(ValueError, match="4 to 8 digits"):
        PinHash.of(pin)


@given(st.sampled_from(Downloads), st.sampled_from(Downloads))
def test_downloads_within_a_limit_are_the_smaller_of_both(wanted: Downloads, limit: Downloads) -> None:
    order = list(Downloads)
    assert order.index(wanted.within(limit)) == min(order.index(wanted), order.index(limit))


def test_a_share_reads_no_more_than_it_says() -> None:
    assert (ShareMay.FIND.reading, ShareMay.BROWSE.reading) == (Reading.FIND_ME, Reading.BROWSE)


def test_a_day_ends_at_midnight_utc() -> None:
    assert end_of(date(2026, 2, 28)) == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("title", ["", "  ", "a\nb", "a\0", "x" * (MAX_TITLE_CHARS + 1), "\ud800"])
def test_a_title_is_one_line(title: str) -> None:
    with pytest.raises(ValueError, match="title"):
        AlbumCard(title=title)
