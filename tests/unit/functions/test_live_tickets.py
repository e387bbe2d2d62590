"""Tickets of live streams."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from photofinish.domain.secret_versions import SecretVersions
from photofinish_functions.access.live_tickets import TICKET_S, LiveTickets

OLD, NEW = "a test's secret of 32 characters..", "another secret of 32 characters..."


def tickets(*secrets: str, at_s: float = 1000.0) -> LiveTickets:
    return LiveTickets(SecretVersions.parse(",".join(secrets)), now_s=lambda: at_s)


@given(st.text(), st.text())
def test_a_ticket_says_who_may_read_which_album(principal_id: str, album: str) -> None:
    text = tickets(NEW).ticket("key", principal_id, album)
    read = tickets(NEW).read(text)
    assert read is not None
    assert (read.kind, read.principal_id, read.album) == ("key", principal_id, album)
    assert read.expires_at_s == 1000 + TICKET_S


def test_a_ticket_is_valid_for_a_minute() -> None:
    text = tickets(NEW).ticket("key", "ada", "race")
    assert tickets(NEW, at_s=1000 + TICKET_S - 1).read(text) is not None
    assert tickets(NEW, at_s=1000 + TICKET_S).read(text) is None


def test_a_replaced_secret_is_accepted_until_it_is_removed() -> None:
    text = tickets(OLD).ticket("user", "ada", "race")
    assert tickets(NEW, OLD).read(text) is not None
    assert tickets(NEW).read(text) is None


@given(st.integers(0), st.sampled_from("abcdefghijklmnopqrstuvwxyz.-_"))
def test_a_changed_ticket_is_refused(place: int, other: str) -> None:
    text = tickets(NEW).ticket("key", "ada", "race")  # each is another, so what is drawn must not depend on it
    at = place % len(text)
    assume(other != text[at])
    assert tickets(NEW).read(text[:at] + other + text[at + 1 :]) is None


@given(st.text())
def test_anything_else_is_refused(text: str) -> None:
    assert tickets(NEW).read(text) is None


def test_each_ticket_is_another() -> None:
    assert tickets(NEW).ticket("key", "ada", "race") != tickets(NEW).ticket("key", "ada", "race")
