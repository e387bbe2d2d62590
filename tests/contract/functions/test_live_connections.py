"""How many live connections there are, how long they last, and who loses theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.datastructures import Headers
from werkzeug.sansio.request import Request

from photofinish.adapters.memory.shares import MemorySessions, MemoryShares
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.application.sharing import create_share
from photofinish.domain.access import Principal, Reading, Scope
from photofinish.domain.album_card import Downloads
from photofinish.domain.album_event import EventFilter, EventType
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.shares import ShareMay
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.live_tickets import LiveTickets
from photofinish_functions.access.refusals import Forbidden, NotVisible
from photofinish_functions.live import connections
from photofinish_functions.live.admission import Admission, Caller, NoKeyOrTicket, readable
from photofinish_functions.live.connections import Connections
from photofinish_functions.live.feed import Ending
from photofinish_functions.refused import Refused
from support.access import PEPPER, new_key, pg_access, settings

TICKETS = LiveTickets(SecretVersions.parse(PEPPER))


@pytest.fixture
def store(database: str) -> Iterator[PgAccessStore]:
    with pg_access(database) as store:
        yield store


@pytest.fixture
def admission(store: PgAccessStore) -> Admission:
    return Admission(Gate(store, settings(), keep_s=0), TICKETS, store)


def request(**headers: str) -> Request:
    sent = Headers([(name.replace("_", "-"), value) for name, value in headers.items()])
    return Request("GET", "http", None, "", "/", b"", sent, "203.0.113.7")


def by_key(admission: Admission, text: str) -> Caller:
    return admission.connect(request(X_Api_Key=text), None, "request")


def test_a_connection_ends_when_its_key_is_revoked_or_expires(store: PgAccessStore, admission: Admission) -> None:
    async def test() -> None:
        open_ones, ended = Connections(admission), []
        presented = new_key(store)
        for one in (presented, new_key(store)):
            open_ones.add(by_key(admission, one.text), lambda ending, one=one: ended.append((one.key_id, ending)))
        await open_ones.check_callers()
        assert ended == []
        store.revoke_key(presented.key_id)
        await open_ones.check_callers()
        assert ended == [(presented.key_id, Ending.REVOKED)]

    asyncio.run(test())


def test_an_expired_key_is_not_valid_any_more(store: PgAccessStore) -> None:
    at = datetime.now(UTC)
    now = [at]
    admission = Admission(Gate(store, settings(), keep_s=0, now=lambda: now[0]), TICKETS, store)
    caller = by_key(admission, new_key(store, expires_at=at + timedelta(minutes=1)).text)
    assert admission.is_still_valid(caller.principal, {"race"})
    now[0] += timedelta(minutes=1)
    assert not admission.is_still_valid(caller.principal, {"race"})


def test_callers_get_the_albums_that_they_see(store: PgAccessStore, admission: Admission) -> None:
    caller = by_key(admission, new_key(store, albums=frozenset({"race"})).text)
    admission.subscribe(caller, "race")
    with pytest.raises(NotVisible):
        admission.subscribe(caller, "other")
    assert [(entry.action, entry.album, entry.outcome) for entry in store.audit_entries()] == [
        ("stream_events", "race", "200"),
        ("stream_events", None, "404 unknown_album"),
    ]


def test_a_ticket_is_used_once_and_ends_with_its_key(store: PgAccessStore, admission: Admission) -> None:
    presented = new_key(store, scope=Scope.ADMIN)
    ticket = TICKETS.ticket("key", presented.key_id, "race")
    caller = admission.connect(request(), ticket, "request")
    assert (caller.principal.id, caller.principal.albums) == (presented.key_id, frozenset({"race"}))
    with pytest.raises(NoKeyOrTicket):
        admission.connect(request(), ticket, "request")
    another = TICKETS.ticket("key", presented.key_id, "race")
    store.revoke_key(presented.key_id)
    with pytest.raises(NoKeyOrTicket):
        admission.connect(request(), another, "request")


def test_a_signed_in_user_streams_by_ticket_for_some_minutes(admission: Admission) -> None:
    caller = admission.connect(request(), TICKETS.ticket("user", "ada", "race"), "request")
    assert caller.principal == Principal("user", "ada", Scope.SEARCH, frozenset({"race"}), reading=Reading.ALL)
    assert caller.lasts_s is not None
    with pytest.raises(NoKeyOrTicket):
        admission.connect(request(Authorization="Bearer an.id.token"), None, "request")


def test_a_visitor_who_may_browse_streams_events_of_photos_until_the_link_ends(store: PgAccessStore) -> None:
    shares = MemoryShares(MemorySessions())
    now = datetime.now(UTC)
    share, _ = create_share(
        shares,
        "race",
        label=None,
        may=ShareMay.BROWSE,
        downloads=Downloads.WEB,
        pin=None,
        expires_at=now + timedelta(days=1),
        now=now,
    )
    admission = Admission(Gate(store, settings(), keep_s=0), TICKETS, store, shares)

    def ticket(reading: Reading) -> str:
        return TICKETS.ticket("share", share.share_id, "race", reading=reading)

    caller = admission.connect(request(), ticket(Reading.BROWSE), "request")
    admission.subscribe(caller, "race")
    wanted = readable(caller.principal, EventFilter())
    assert wanted.types is not None
    assert EventType.PHOTO_DONE in wanted.types
    assert EventType.PERSON_CREATED not in wanted.types
    with pytest.raises(Forbidden):
        readable(caller.principal, EventFilter(person_id="ada"))
    with pytest.raises(Forbidden):
        admission.subscribe(admission.connect(request(), ticket(Reading.FIND_ME), "request"), "race")
    assert admission.is_still_valid(caller.principal, {"race"})
    shares.revoke("race", share.share_id)
    assert not admission.is_still_valid(caller.principal, {"race"})
    with pytest.raises(NoKeyOrTicket):
        admission.connect(request(), ticket(Reading.BROWSE), "request")


def test_no_more_connections_than_fit_are_opened(store: PgAccessStore, admission: Admission) -> None:
    async def test() -> None:
        open_ones = Connections(admission, most=1)
        caller = by_key(admission, new_key(store).text)
        first = open_ones.add(caller, lambda _: None)
        with pytest.raises(Refused) as refused:
            open_ones.check_room()
        assert (refused.value.status, refused.value.code) == (503, "too_many_connections")
        assert "Retry-After" in refused.value.headers
        first.close()
        open_ones.check_room()

    asyncio.run(test())


def test_a_connection_ends_before_cloud_run_would_break_it(
    store: PgAccessStore, admission: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LONGEST_S", 0)

    async def test() -> None:
        ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        Connections(admission).add(by_key(admission, new_key(store).text), ended.set_result)
        assert await ended is Ending.TIME_IS_UP

    asyncio.run(test())


def test_all_connections_end_and_none_is_opened_while_the_server_stops(
    store: PgAccessStore, admission: Admission
) -> None:
    async def test() -> None:
        open_ones, ended = Connections(admission), []
        open_ones.add(by_key(admission, new_key(store).text), ended.append)
        open_ones.end_all()
        assert ended == [Ending.RESTARTING]
        with pytest.raises(Refused):
            open_ones.check_room()

    asyncio.run(test())
