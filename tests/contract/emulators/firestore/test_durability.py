"""``kill -9`` under load: acknowledged writes survive, listeners continue, and a restart is fast."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.api_core.retry import AsyncRetry
from google.cloud import firestore

from support.firestore_server import FirestoreServer, emulator_environment

DEADLINE_S = 20.0
KILLS = 3
WRITERS = 8


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[FirestoreServer]:
    server = FirestoreServer(tmp_path / "state")
    server.start()
    yield server
    server.stop()


def test_nothing_acknowledged_is_lost(own_server: FirestoreServer) -> None:
    """Writers record what was acknowledged while the server is killed; after each restart all of it must exist."""
    acknowledged: dict[str, int] = {}

    async def write(client: firestore.AsyncClient, writer: int, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            id = f"w{writer}-{number % 50}"
            try:
                await client.document(f"photos/{id}").set({"n": number}, retry=AsyncRetry(deadline=0), timeout=5)
            except (exceptions.GoogleAPICallError, exceptions.RetryError):
                # Not acknowledged: this version may exist or not, so the id counts again with its next version.
                acknowledged.pop(id, None)
                await asyncio.sleep(0.02)
                continue
            acknowledged[id] = number

    async def load() -> int:
        with emulator_environment(own_server):
            clients = [firestore.AsyncClient(project="crash") for _ in range(2)]
        stop = asyncio.Event()
        writers = [asyncio.create_task(write(clients[one % 2], one, stop)) for one in range(WRITERS)]
        lost = 0
        for _ in range(KILLS):
            before = sum(acknowledged.values())
            await _until(lambda before=before: sum(acknowledged.values()) > before + 200)
            own_server.kill()
            noted = dict(acknowledged)
            await asyncio.to_thread(own_server.start)
            photos = clients[0].collection("photos").stream(retry=AsyncRetry(deadline=10))
            found = {photo.id: photo.get("n") async for photo in photos}
            lost += sum(found.get(id, 0) < number for id, number in noted.items())
        stop.set()
        await asyncio.gather(*writers)
        return lost

    assert asyncio.run(load()) == 0
    assert len(acknowledged) > WRITERS, "the writers continued after every kill"


async def _until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "no write was acknowledged"
        await asyncio.sleep(0.01)


def test_a_listener_continues_without_loss(own_server: FirestoreServer) -> None:
    with emulator_environment(own_server):
        client = firestore.Client(project="listen")
    photos = client.collection("photos")
    photos.document("deleted").set({"n": -1})
    changed, documents = threading.Condition(), {}

    def on_snapshot(found: list, changes: list, read_time: object) -> None:
        with changed:
            documents.clear()
            documents.update({one.id: one.get("n") for one in found})
            changed.notify_all()

    watch = photos.on_snapshot(on_snapshot)
    for round_number in range(3):
        photos.document(f"before-{round_number}").set({"n": round_number})
        if round_number == 1:
            photos.document("deleted").delete()
        own_server.kill()
        own_server.start()
        photos.document(f"after-{round_number}").set({"n": round_number})
    expected = {f"{when}-{number}": number for when in ("before", "after") for number in range(3)}
    with changed:
        assert changed.wait_for(lambda: documents == expected, DEADLINE_S), f"the listener has {documents}"
    watch.unsubscribe()
    client.close()


def test_transactions_and_indexes_survive(own_server: FirestoreServer) -> None:
    with emulator_environment(own_server):
        client = firestore.Client(project="indexes")
    photos = client.collection("photos")
    writer = client.bulk_writer()
    for number in range(300):
        writer.set(photos.document(f"p{number:03}"), {"n": number % 10})
    writer.close()
    query = photos.where(filter=firestore.FieldFilter("n", "==", 3)).order_by("__name__")
    assert len(query.get()) == 30
    open_transaction = client.transaction()
    open_transaction._begin()
    own_server.kill()
    took_s = own_server.start()
    assert took_s < 10.0, "the bar is 2 s on an idle machine"
    photos.document("p000").update({"n": 3})
    assert len(query.get()) == 31, "the index is updated after the restart"
    open_transaction.set(photos.document("late"), {})
    with pytest.raises(exceptions.InvalidArgument, match="transaction has expired"):
        open_transaction._commit()
    client.close()


def test_a_state_directory_or_port_in_use_is_reported(own_server: FirestoreServer, tmp_path: Path) -> None:
    def start(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "photofinish_emulators", "firestore", *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    same_state = start("--state-dir", str(own_server.state_dir))
    assert same_state.returncode == 2
    assert "is in use by another process" in same_state.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        same_port = start("--state-dir", str(tmp_path / "other"), "--port", str(taken.getsockname()[1]))
    assert same_port.returncode == 2
    assert "is taken" in same_port.stderr
    wrong_indexes = start("--state-dir", str(tmp_path / "third"), "--indexes", str(tmp_path / "absent.json"))
    assert wrong_indexes.returncode == 2
    assert "absent.json cannot be read" in wrong_indexes.stderr
    assert "Traceback" not in same_state.stderr + same_port.stderr + wrong_indexes.stderr


def test_it_stops_on_sigterm(own_server: FirestoreServer) -> None:
    assert own_server.stop() == 0
    own_server.start()
