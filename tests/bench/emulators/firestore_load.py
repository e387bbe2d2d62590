"""Performance of the Firestore server with one official client of each kind."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from figures import Figure, Took, measured, memory_mb
from google.cloud import firestore

from support.firestore_server import FirestoreServer, emulator_environment

SETS, CONCURRENT_SETS, ROUNDS = 4_000, 64, 5
ONE_BY_ONE = 400
DOCUMENTS, QUERIES, LISTENERS = 20_000, 200, 100
ALL_DOCUMENTS = 50_000
BATCH = 500
DEADLINE_S = 60.0


def photo(number: int) -> dict[str, Any]:
    """A document about as large as a photo with two faces."""
    face = {"face_id": f"{number:032}", "box": [0.1, 0.2, 0.3, 0.4], "detection_score": 0.9, "quality": 0.8}
    return {
        "object": {"bucket": "photos", "name": f"run/{number}.jpg", "generation": number},
        "status": "done",
        "number": number,
        "faces": [face, face],
        "bib_numbers": [str(number // 4), f"{number % 1000:04}"],
    }


async def _sets(client: firestore.AsyncClient, pid: int, round_number: int = 0) -> Took:
    numbers = iter(range(SETS))

    async def work() -> None:
        for number in numbers:
            await client.document(f"small/{round_number}-{number}").set({"number": number, "status": "queued"})

    with measured(pid) as took:
        await asyncio.gather(*(work() for _ in range(CONCURRENT_SETS)))
    return took


async def _fill(client: firestore.AsyncClient, numbers: range) -> None:
    for first in range(numbers.start, numbers.stop, BATCH):
        batch = client.batch()
        for number in range(first, first + BATCH):
            batch.set(client.document(f"albums/run/photos/{number:06}"), photo(number))
        await batch.commit()


def _p50_ms(runs: int, run: Callable[[int], object]) -> float:
    times = []
    for number in range(runs):
        began_s = time.perf_counter()
        run(number)
        times.append((time.perf_counter() - began_s) * 1e3)
    return statistics.median(times)


def _listener_p50_ms(client: firestore.Client) -> float:
    """The time from the call of ``set`` to the listener's callback."""
    changed = threading.Condition()
    newest = -1

    def on_snapshot(found: list[Any], changes: list[Any], read_time: object) -> None:
        nonlocal newest
        with changed:
            newest = max((one.get("number") for one in found), default=-1)
            changed.notify_all()

    def set_and_wait(number: int) -> None:
        client.document("listened/one").set({"number": number})
        with changed:
            assert changed.wait_for(lambda: newest == number, DEADLINE_S), f"the listener did not receive {number}"

    watch = client.collection("listened").on_snapshot(on_snapshot)
    set_and_wait(0)
    p50_ms = _p50_ms(ONE_BY_ONE, lambda run: set_and_wait(run + 1))
    watch.unsubscribe()
    return p50_ms


def _attach_s(photos: Any) -> float:
    """The time until each of many listeners has its first snapshot."""
    attached = [threading.Event() for _ in range(LISTENERS)]
    began_s = time.perf_counter()
    watches = [
        _query(photos, number).on_snapshot(lambda *_, event=event: event.set()) for number, event in enumerate(attached)
    ]
    for event in attached:
        assert event.wait(DEADLINE_S), "a listener received no first snapshot"
    took_s = time.perf_counter() - began_s
    for watch in watches:
        watch.unsubscribe()
    return took_s


def _query(photos: Any, number: int) -> Any:
    return photos.where(filter=firestore.FieldFilter("bib_numbers", "array_contains", str(number)))


def measure_firestore(folder: Path) -> list[Figure]:
    server = FirestoreServer(folder / "firestore")
    server.start()
    name = "Firestore"
    figures = [Figure(name, "memory, idle", "MB", memory_mb(server.pid), 150)]
    with emulator_environment(server):
        client = firestore.Client(project="bench")

        async def load() -> Took:
            asynchronous = firestore.AsyncClient(project="bench")
            await asynchronous.document("small/first").set({})
            rounds = [await _sets(asynchronous, server.pid, number) for number in range(ROUNDS)]
            await _fill(asynchronous, range(DOCUMENTS))
            return sorted(rounds, key=lambda took: took.wall_s)[ROUNDS // 2]

        figures.append(
            asyncio.run(load()).rate(name, f"sets, one async client, median of {ROUNDS} rounds", SETS, 1_500)
        )
        document = client.document("small/sync")
        document.set({"number": -1})
        with measured(server.pid) as took:
            p50_ms = _p50_ms(ONE_BY_ONE, lambda number: document.set({"number": number}))
        cpu_us = (took.server_s / ONE_BY_ONE * 1e6, took.client_s / ONE_BY_ONE * 1e6)
        figures.append(Figure(name, "set, sync client, p50", "ms", p50_ms, 2.0, False, *cpu_us))
        figures.append(Figure(name, "set to listener's callback, p50", "ms", _listener_p50_ms(client), 10.0))
        photos = client.collection("albums/run/photos")
        assert len(_query(photos, 0).get()) == 4
        p50_ms = _p50_ms(QUERIES, lambda number: _query(photos, number).get())
        figures.append(Figure(name, f"indexed query, {DOCUMENTS:,} documents, p50", "ms", p50_ms, 5.0))
        figures.append(Figure(name, f"{LISTENERS} query listeners attach", "s", _attach_s(photos), 2.0))

        async def fill_up() -> None:
            await _fill(firestore.AsyncClient(project="bench"), range(DOCUMENTS, ALL_DOCUMENTS))

        asyncio.run(fill_up())
        figures.append(Figure(name, f"memory, {ALL_DOCUMENTS:,} documents", "MB", memory_mb(server.pid), 150))
        server.kill()
        figures.append(Figure(name, f"start after kill -9, {ALL_DOCUMENTS:,} documents", "s", server.start(), 2.0))
        assert photos.count().get()[0][0].value == ALL_DOCUMENTS
        client.close()
    server.stop()
    return figures
