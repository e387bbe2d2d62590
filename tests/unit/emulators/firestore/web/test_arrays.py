"""Messages of a channel are received once and in order, whatever happens to the requests that carry them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore.web import arrays
from photofinish_emulators.firestore.web.arrays import Inbox, Outbox, chunk, parse_form, parse_headers, parse_number


def test_a_form_of_two_maps() -> None:
    body = b"count=2&ofs=5&req0___data__=%7B%22a%22%3A%22%C3%BC%20%2B%26%22%7D&req1___data__=x"
    assert parse_form(body) == {5: '{"a":"ü +&"}', 6: "x"}


def test_a_form_with_headers_and_without_maps() -> None:
    body = b"headers=Authorization%3ABearer%20owner%0D%0AX-Client%3A%20a%3Ab%0D%0A&count=0"
    assert parse_form(body) == {}
    assert parse_headers(body) == {"authorization": "Bearer owner", "x-client": "a:b"}
    assert parse_headers(b"count=0") == {}


@pytest.mark.parametrize(
    "body", [b"count=1&ofs=-1&req0___data__=x", b"count=1&ofs=x&req0___data__=x", b"a=%ff", b"\xff"]
)
def test_other_forms_are_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        parse_form(body)


def test_a_form_with_too_many_fields_is_refused() -> None:
    with pytest.raises(Refused):
        parse_form(b"&".join(b"req%d___data__=x" % number for number in range(arrays.MAX_MAPS_PER_REQUEST + 10)))


@given(
    st.integers(1, 30).flatmap(lambda count: st.tuples(st.just(count), st.lists(st.lists(st.integers(0, count - 1)))))
)
def test_maps_arrive_once_and_in_order(sent: tuple[int, list[list[int]]]) -> None:
    """Requests with any of the maps, in any order and repeated; at the end, one with all of them."""
    count, requests = sent
    inbox = Inbox()
    received = []
    for numbers in [*requests, list(range(count))]:
        received += inbox.take({number: str(number) for number in numbers})
    assert received == [str(number) for number in range(count)]


def test_maps_that_never_become_next_are_refused() -> None:
    with pytest.raises(Refused, match="wait for message 0"):
        Inbox().take(dict.fromkeys(range(1, arrays.MAX_EARLY_MAPS + 2), ""))


@given(st.lists(st.one_of(st.just("add"), st.tuples(st.integers(0, 3), st.booleans())), max_size=60))
def test_arrays_arrive_once_and_in_order(events: list[str | tuple[int, bool]]) -> None:
    """Arrays are added; back channels deliver some batches and break; clients skip arrays that they already have."""
    outbox = Outbox()
    added = 0
    seen: list[str] = []
    received = 0  # by the client

    def deliver(batches: int) -> None:
        nonlocal received
        sent = received
        for _ in range(batches):
            batch = outbox.after(sent)
            if batch is None:
                return
            sent = batch.last
            for number, data in json.loads(batch.text):
                if number > received:
                    seen.append(data)
                    received = number

    for event in events:
        if event == "add":
            added += 1
            outbox.add(str(added))
        else:
            assert isinstance(event, tuple)
            batches, confirmed = event
            deliver(batches)
            if confirmed:
                outbox.confirm(received)
    deliver(added + 1)
    outbox.confirm(received)
    assert seen == [str(number) for number in range(1, added + 1)]
    assert (outbox.size, outbox.after(0)) == (0, None)


def test_a_batch_has_a_bounded_size_but_at_least_one_array() -> None:
    outbox = Outbox()
    large = "x" * (arrays.MAX_CHUNK_BYTES // 2 + 10)
    for _ in range(3):
        outbox.add(large)
    first = outbox.after(0)
    assert first is not None
    assert first.last == 1
    assert outbox.size_after(1) == 2 * (len(large) + 2)


@given(st.text(min_size=1))
def test_the_length_of_a_chunk_counts_what_the_client_counts(text: str) -> None:
    outbox = Outbox()
    outbox.add(text)
    batch = outbox.after(0)
    assert batch is not None
    length, _, rest = chunk(batch.text).decode().partition("\n")
    utf16_units = len(rest.encode("utf-16-le", "surrogatepass")) // 2
    assert int(length) == utf16_units
    assert json.loads(rest) == [[1, text]]


@pytest.mark.parametrize("text", ["", "x", "1.5", "9" * 30])
def test_what_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="AID must be a number"):
        parse_number(text, "AID", 0)
