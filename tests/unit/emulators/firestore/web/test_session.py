"""A channel's session: errors, limits, and its end when the page has gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc
import pytest

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore import protos as p
from photofinish_emulators.firestore.web import session as session_module
from photofinish_emulators.firestore.web.session import Session

DEADLINE_S = 30.0
Call = Callable[[AsyncIterator[Any]], AsyncGenerator[Any]]


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), DEADLINE_S))


def open_session(call: Call, on_end: Callable[[], None] = lambda: None, absence_s: float = 60.0) -> Session:
    return Session(call, p.WriteRequest, on_end, absence_s=absence_s)


def response(id: str) -> Any:
    return p.WriteResponse(stream_id=id)


async def read(session: Session, received: int = 0, *, stream: bool = False) -> list[Any]:
    """The arrays of one response."""
    parts = [part async for part in session.chunks(received, stream=stream, wait_s=DEADLINE_S)]
    return [array for part in parts for array in json.loads(part.partition(b"\n")[2])]


async def forever(requests: AsyncIterator[Any], ended: asyncio.Event | None = None) -> AsyncGenerator[Any]:
    try:
        async for request in requests:
            yield response(request.stream_id)
    finally:
        if ended is not None:
            ended.set()


async def permission_denied(_: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    yield response("first")
    raise Refused(grpc.StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.")


def test_an_error_of_the_rpc_is_a_message_and_the_end() -> None:
    async def scenario() -> None:
        arrays = await read(open_session(permission_denied), stream=True)
        messages = [data for _, data in arrays if data != ["noop"]]
        error = {"code": 403, "message": "Missing or insufficient permissions.", "status": "PERMISSION_DENIED"}
        assert messages == [[{"streamId": "first"}], [{"error": error}], ["close"]]

    run(scenario)


def test_an_error_is_repeated_until_it_is_confirmed() -> None:
    async def scenario() -> None:
        session = open_session(permission_denied)
        first = await read(session, stream=True)
        assert await read(session, received=0) == first

    run(scenario)


def test_a_bug_is_an_internal_error_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: AsyncIterator[Any]) -> AsyncGenerator[Any]:
        raise ValueError("a secret")
        yield

    async def scenario() -> None:
        [(_, [body]), close] = await read(open_session(broken))
        assert body["error"]["status"] == "INTERNAL"
        assert "secret" not in body["error"]["message"]
        assert close[1] == ["close"]

    run(scenario)
    assert "a secret" in caplog.text


@pytest.mark.parametrize("text", ["{", "[]", '{"unknown": 1}', '{"writes": 5}', "[" * 100_000])
def test_a_message_that_cannot_be_read_ends_the_rpc_with_an_error(text: str) -> None:
    async def scenario() -> None:
        ended = asyncio.Event()
        session = open_session(partial(forever, ended=ended))
        await session.receive({0: "{}"})
        assert [data for _, data in await read(session)] == [[{}]]
        await session.receive({1: text})
        [(_, [body]), (_, close)] = await read(session, received=1)
        assert (body["error"]["status"], close) == ("INVALID_ARGUMENT", ["close"])
        await ended.wait()

    run(scenario)


def test_a_page_that_went_away_frees_its_listener() -> None:
    async def scenario() -> None:
        ended, forgotten = asyncio.Event(), asyncio.Event()
        session = open_session(partial(forever, ended=ended), forgotten.set, absence_s=1.0)
        await session.receive({0: "{}"})
        assert await read(session)
        await forgotten.wait()
        await ended.wait()

    run(scenario)


def test_an_open_response_keeps_the_session() -> None:
    async def scenario() -> None:
        forgotten = asyncio.Event()
        session = open_session(forever, forgotten.set, absence_s=0.05)
        reading = asyncio.create_task(read(session))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(forgotten.wait(), 0.3)
        await session.receive({0: "{}"})
        assert len(await reading) == 1
        await forgotten.wait()

    run(scenario)


def test_ending_a_session_ends_its_open_response() -> None:
    async def scenario() -> None:
        session = open_session(forever)
        reading = asyncio.create_task(read(session, stream=True))
        await asyncio.sleep(0)
        session.end()
        assert [data for _, data in await reading] in ([], [["noop"]])

    run(scenario)


def test_a_newer_response_ends_the_older_and_repeats_what_was_not_confirmed() -> None:
    async def scenario() -> None:
        session = open_session(forever)
        await session.receive({0: '{"streamId": "a"}'})
        older = asyncio.create_task(read(session, stream=True))
        while session.status(0)[1] == 0:
            await asyncio.sleep(0)
        newer = await read(session, received=0)
        assert [{"streamId": "a"}] in [data for _, data in newer]
        await older

    run(scenario)


def test_the_rpc_waits_while_the_client_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_HELD_BYTES", 1000)
    made = 0

    async def endless(_: AsyncIterator[Any]) -> AsyncGenerator[Any]:
        nonlocal made
        while True:
            made += 1
            yield response("x" * 100)
            await asyncio.sleep(0)

    async def scenario() -> None:
        session = open_session(endless)
        before = -1
        while made != before:  # until it makes no more
            before = made
            for _ in range(20):
                await asyncio.sleep(0)
        assert 5 < made < 20
        arrays = await read(session)
        assert await read(session, received=arrays[-1][0]), "it goes on when the client confirms"
        session.end()

    run(scenario)


def test_posts_wait_while_the_rpc_is_busy_and_too_many_end_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_WAITING_REQUESTS", 2)
    free = asyncio.Event()

    async def busy(requests: AsyncIterator[Any]) -> AsyncGenerator[Any]:
        await free.wait()
        async for request in requests:
            yield response(request.stream_id)

    async def scenario() -> None:
        session = open_session(busy)
        posting = asyncio.create_task(session.receive(dict.fromkeys(range(5), "{}")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not posting.done()
        await session.receive(dict.fromkeys(range(5, 30), "{}"))
        await posting
        [(_, [body]), _] = await read(session)
        assert body["error"]["status"] == "RESOURCE_EXHAUSTED"

    run(scenario)


def test_a_streaming_response_ends_after_a_while_so_that_the_client_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_RESPONSE_BYTES", 500)

    async def scenario() -> None:
        session = open_session(forever)
        reading = asyncio.create_task(read(session, stream=True))
        for number in range(20):
            await session.receive({number: '{"streamId": "x"}'})
            await asyncio.sleep(0)
        received = len(await reading)
        assert received < 21

    run(scenario)


def test_an_idle_response_gets_empty_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "KEEPALIVE_S", 0.01)

    async def scenario() -> None:
        chunks = open_session(forever).chunks(0, stream=True, wait_s=DEADLINE_S)
        for number in (1, 2, 3):
            assert json.loads((await anext(chunks)).partition(b"\n")[2]) == [[number, ["noop"]]]
        await chunks.aclose()

    run(scenario)
