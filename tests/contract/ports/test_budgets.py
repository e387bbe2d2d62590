"""The promises of Budgets and HaltedAlbums, kept by every implementation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.firestore import Client as FirestoreClient

from photofinish.adapters.google.halted_albums import FirestoreHaltedAlbums
from photofinish.adapters.memory.budgets import MemoryBudgets, MemoryHaltedAlbums
from photofinish.adapters.postgres.budgets import PgBudgets
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.application.album_budgets import AlbumBudgets
from photofinish.domain.album_budget import Budget, Halted
from photofinish.domain.album_event import EventFilter
from photofinish.ports import Budgets, HaltedAlbums


@pytest.fixture(params=["memory", "postgres"])
def budgets(request: pytest.FixtureRequest) -> Budgets:
    if request.param == "memory":
        return MemoryBudgets()
    return PgBudgets(request.getfixturevalue("connections"))


@pytest.fixture(params=["memory", "firestore"])
def halted(request: pytest.FixtureRequest) -> HaltedAlbums:
    if request.param == "memory":
        return MemoryHaltedAlbums()
    client: FirestoreClient = request.getfixturevalue("firestore_client")
    return FirestoreHaltedAlbums(client)


def test_a_budget_is_set_changed_and_removed(budgets: Budgets) -> None:
    assert budgets.set_budget("race", 20.0) == Budget(usd=20.0, revision=1)
    assert budgets.set_budget("race", 20.0) == Budget(usd=20.0, revision=1), "twice equals once"
    assert budgets.set_budget("party", 5.0) == Budget(usd=5.0, revision=1)
    assert budgets.set_budget("race", 30.0) == Budget(usd=30.0, revision=2)
    assert budgets.budgets(["race", "party", "unknown"]) == {
        "race": Budget(usd=30.0, revision=2),
        "party": Budget(usd=5.0, revision=1),
    }
    assert budgets.set_budget("race", None) is None
    assert budgets.budgets(["race"]) == {}
    assert budgets.set_budget("race", 30.0) == Budget(usd=30.0, revision=4)


def test_what_is_reached_is_told_once_for_each_budget(connections: Database) -> None:
    budgets, spent = PgBudgets(connections), [0.0]
    keeping = AlbumBudgets(budgets, MemoryHaltedAlbums(), lambda _: spent[0])
    keeping.set_budget("race", 10.0)
    for usd in (4.9, 5.0, 5.0, 9.0, 11.0, 12.0):
        spent[0] = usd
        keeping.check(["race", "party"])
    keeping.set_budget("race", 20.0)
    events = PgEventLog(connections).page("race", EventFilter(), after=0, limit=100).events
    told = [(one.event.type.value, dict(one.event.data)) for one in events]
    assert [data for _, data in told] == [
        {"percent": 50, "usd": 10.0},
        {"percent": 80, "usd": 10.0},
        {"percent": 100, "usd": 10.0},
        {"percent": 50, "usd": 20.0},
    ]
    assert {event_type for event_type, _ in told} == {"budget.reached"}


def test_an_album_is_halted_when_its_budget_is_used_up_and_resumed_when_it_is_raised(halted: HaltedAlbums) -> None:
    assert halted.read() == Halted()
    keeping = AlbumBudgets(MemoryBudgets(), halted, lambda _: 10.0)
    keeping.set_budget("race", 10.01)
    assert halted.read() == Halted(), "an album that was never halted has nothing to resume"
    keeping.set_budget("race", 10.0)
    assert halted.read() == Halted(halted=frozenset({"race"}))
    keeping.set_budget("race", 11.0)
    now = halted.read()
    assert (now.halted, set(now.resumed), now.without_tasks) == (frozenset(), {"race"}, {"race"})
    assert (datetime.now(UTC) - now.resumed["race"]).total_seconds() < 60
    keeping.set_budget("race", 9.0)
    assert halted.read() == Halted(halted=frozenset({"race"}))


def test_albums_that_are_halted_at_the_same_time_all_are(halted: HaltedAlbums) -> None:
    def halt(number: int) -> None:
        halted.update(lambda known: known.with_halted(f"race-{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(halt, range(8)))
    assert halted.read().halted == {f"race-{number}" for number in range(8)}


def test_a_budget_that_is_raised_while_a_task_compares_is_the_one_that_counts(halted: HaltedAlbums) -> None:
    budgets = MemoryBudgets()
    organiser = AlbumBudgets(budgets, halted, lambda _: 10.0)

    def raised_meanwhile(_: str) -> float:
        organiser.set_budget("race", 20.0)
        return 10.0

    budgets.set_budget("race", 5.0)
    AlbumBudgets(budgets, halted, raised_meanwhile).check(["race"])
    now = halted.read()
    assert (now.halted, set(now.resumed)) == (frozenset(), {"race"})


def test_names_of_halted_albums_may_have_any_character(halted: HaltedAlbums) -> None:
    album = "Lauf 2026, 5.000 m"
    halted.update(lambda known: known.with_halted(album))
    halted.update(lambda known: known.with_resumed(album, datetime.now(UTC)))
    [(resumed, at)] = halted.read().resumed.items()
    assert resumed == album
    halted.update(lambda known: known.with_queued(album, at - timedelta(microseconds=1)))
    assert halted.read().resumed == {album: at}, "that is of an earlier time that it was resumed"
    halted.update(lambda known: known.with_queued(album, at))
    assert halted.read() == Halted()
