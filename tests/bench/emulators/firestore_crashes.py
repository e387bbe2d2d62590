"""Kills the Firestore server during sets, batches and transactions; checks documents, an index and a listener."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import AsyncRetry
from google.cloud import firestore
from kills import Kills, Outcome

from support.firestore_server import FirestoreServer, emulator_environment

SETTERS, PAIRERS, COUNTERS = 6, 4, 3
IDS_PER_WRITER = 60  # so many documents in total that queries use an index
BETWEEN_KILLS = 100  # acknowledged writes
DEADLINE_S = 30.0
NOT_ACKNOWLEDGED = (exceptions.GoogleAPICallError, exceptions.RetryError)
ONCE: dict[str, Any] = {"retry": AsyncRetry(deadline=0), "timeout": 5}


class Load:
    """Writers that record what was acknowledged, and pause while the restarted server is checked."""

    def __init__(self, client: firestore.AsyncClient) -> None:
        self.client = client
        self.sets: dict[str, int] = {}
        self.pairs: dict[str, int] = {}
        self.increments: dict[str, int] = defaultdict(int)
        self.unknown_increments: dict[str, int] = defaultdict(int)
        self.acknowledged = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.in_flight = 0
        self.stopped = False

    async def run(self, work: Callable[[int, int], Any], writer: int) -> None:
        number = 0
        while True:
            while not self.gate.is_set():
                await self.gate.wait()
            if self.stopped:
                return
            number += 1
            self.in_flight += 1
            try:
                await work(writer, number)
                self.acknowledged += 1
            except NOT_ACKNOWLEDGED:
                await asyncio.sleep(0.02)
            finally:
                self.in_flight -= 1

    async def progress(self) -> None:
        target = self.acknowledged + BETWEEN_KILLS
        await _until(lambda: self.acknowledged >= target, "writes are acknowledged")

    async def set_one(self, writer: int, number: int) -> None:
        id = f"w{writer}-{number % IDS_PER_WRITER}"
        try:
            await self.client.document(f"photos/{id}").set({"n": number, "even": number % 2 == 0}, **ONCE)
        except NOT_ACKNOWLEDGED:
            self.sets.pop(id, None)  # this version may exist or not; the id counts again with its next version
            raise
        self.sets[id] = number

    async def commit_pair(self, writer: int, number: int) -> None:
        id = f"w{writer}-{number % IDS_PER_WRITER}"
        batch = self.client.batch()
        for half in ("left", "right"):
            batch.set(self.client.document(f"{half}/{id}"), {"n": number})
        try:
            await batch.commit(**ONCE)
        except NOT_ACKNOWLEDGED:
            self.pairs.pop(id, None)
            raise
        self.pairs[id] = number

    async def increment(self, writer: int, number: int) -> None:
        """One transaction on two documents; all writers share two pairs, so they contend."""
        name = f"c{number % 2}"
        debit, credit = self.client.document(f"debit/{name}"), self.client.document(f"credit/{name}")
        transaction = self.client.transaction(max_attempts=1)

        @firestore.async_transactional
        async def move(transaction: firestore.AsyncTransaction) -> None:
            before = await credit.get(transaction=transaction)
            n = before.get("n") if before.exists else 0
            transaction.set(debit, {"n": -n - 1})
            transaction.set(credit, {"n": n + 1})

        try:
            await asyncio.wait_for(move(transaction), DEADLINE_S)
        except (exceptions.Aborted, ValueError):  # the client raises ValueError after aborted attempts
            return
        except NOT_ACKNOWLEDGED:
            self.unknown_increments[name] += 1
            raise
        self.increments[name] += 1

    async def check(self) -> None:
        """Check that all acknowledged writes exist, that commits are atomic, and that the index is consistent."""
        photos = await self._numbers(self.client.collection("photos"))
        lost = {id: n for id, n in self.sets.items() if photos.get(id, 0) < n}
        assert not lost, f"acknowledged sets are lost: {lost}"
        halves = [await self._numbers(self.client.collection(half)) for half in ("left", "right")]
        assert halves[0] == halves[1], f"half a commit: {set(halves[0].items()) ^ set(halves[1].items())}"
        lost = {id: n for id, n in self.pairs.items() if halves[0].get(id, 0) < n}
        assert not lost, f"acknowledged commits are lost: {lost}"
        credits = await self._numbers(self.client.collection("credit"))
        debits = await self._numbers(self.client.collection("debit"))
        assert credits == {id: -n for id, n in debits.items()}, f"half a transaction: {credits}, {debits}"
        for name, certain in self.increments.items():
            found, upper = credits.get(name, 0), certain + self.unknown_increments[name]
            assert certain <= found <= upper, f"{name} is {found}, not between {certain} and {upper}"
        for even in (True, False):
            query = self.client.collection("photos").where(filter=firestore.FieldFilter("even", "==", even))
            indexed = await self._numbers(query)
            assert indexed == {id: n for id, n in photos.items() if (n % 2 == 0) is even}, "the index is wrong"

    async def _numbers(self, query: Any) -> dict[str, int]:
        return {one.id: one.get("n") async for one in query.stream(retry=AsyncRetry(deadline=10))}


async def _until(condition: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {DEADLINE_S:g} s: {what}"
        await asyncio.sleep(0.01)


async def _run(server: FirestoreServer, kills: Kills) -> Outcome:
    with emulator_environment(server):
        client, listening = firestore.AsyncClient(project="crash"), firestore.Client(project="crash")
    received: dict[str, int] = {}

    def on_snapshot(found: list[Any], changes: list[Any], read_time: object) -> None:
        nonlocal received
        received = {one.id: one.get("n") for one in found}

    watch = listening.collection("photos").on_snapshot(on_snapshot)
    load = Load(client)
    work = [load.set_one] * SETTERS + [load.commit_pair] * PAIRERS + [load.increment] * COUNTERS
    writers = [asyncio.create_task(load.run(one, number)) for number, one in enumerate(work)]
    for _ in range(kills.number):
        await load.progress()
        server.kill()
        load.gate.clear()
        await asyncio.to_thread(kills.start, server.start)
        await _until(lambda: load.in_flight == 0, "writes of the killed server have failed")
        await load.check()
        load.gate.set()
    await load.progress()
    load.gate.clear()
    await _until(lambda: load.in_flight == 0, "the last writes have ended")
    await load.check()
    expected = await load._numbers(client.collection("photos"))
    await _until(lambda: received == expected, "the listener has received every photo")
    load.stopped = True
    load.gate.set()
    await asyncio.gather(*writers)
    watch.unsubscribe()
    listening.close()
    return Outcome(
        f"{load.acknowledged} writes, {sum(load.increments.values())} of them transactions",
        "none lost, none partial, index and listener agree",
    )


def kill_firestore(folder: Path, kills: Kills) -> Outcome:
    with FirestoreServer(folder / "firestore") as server:
        return asyncio.run(_run(server, kills))
