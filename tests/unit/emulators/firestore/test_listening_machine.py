"""Listeners that go, come back with their token and see restarts: each has what its query finds, whatever happened."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.types import ListenRequest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from photofinish_emulators.firestore.access import Gate
from photofinish_emulators.firestore.listen import ListenStream
from photofinish_emulators.firestore.planner import Planner
from photofinish_emulators.firestore.protos import Document, Message, Write
from photofinish_emulators.firestore.store import DocumentStore
from photofinish_emulators.firestore.targets import Listeners
from photofinish_emulators.firestore.writes import parse_write
from support.examples import examples

DATABASE = "projects/p/databases/(default)"
ROOT = f"{DATABASE}/documents"
DEADLINE_S = 30
IDS = "abcdef"
BELOW_4 = {
    "from": [{"collection_id": "photos"}],
    "where": {"field_filter": {"field": {"field_path": "n"}, "op": "LESS_THAN", "value": {"integer_value": 4}}},
}
FIRST_2 = {
    "from": [{"collection_id": "photos"}],
    "order_by": [{"field": {"field_path": "n"}, "direction": "ASCENDING"}],
    "limit": {"value": 2},
}
TWO_DOCUMENTS = [f"{ROOT}/photos/{one}" for one in "ab"]
# What is listened to, and what it finds in all documents (id → n).
TARGETS: list[tuple[dict[str, Any], Any]] = [
    ({"query": {"parent": ROOT, "structured_query": BELOW_4}}, lambda all_: {i: n for i, n in all_.items() if n < 4}),
    (
        {"query": {"parent": ROOT, "structured_query": FIRST_2}},
        lambda all_: dict(sorted(all_.items(), key=lambda one: (one[1], one[0]))[:2]),
    ),
    ({"documents": {"documents": TWO_DOCUMENTS}}, lambda all_: {i: n for i, n in all_.items() if i in "ab"}),
]


class Client:
    """What one listener knows: it keeps its documents and its token while it is away."""

    def __init__(self, target: dict[str, Any]) -> None:
        self.target = target
        self.found: dict[str, int] = {}
        self.token = b""
        self.snapshots = 0
        self._requests: asyncio.Queue[Message] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_listening(self) -> bool:
        return self._reading is not None

    async def listen(self, stream: ListenStream) -> None:
        resumed = {"resume_token": self.token} if self.token else {}
        if not self.token:
            self.found.clear()
        request = {"database": DATABASE, "add_target": {**self.target, "target_id": 1, **resumed}}
        await self._requests.put(ListenRequest(request)._pb)
        seen = self.snapshots
        self._reading = asyncio.create_task(self._read(stream))
        async with asyncio.timeout(DEADLINE_S):
            while self.snapshots == seen:
                await asyncio.sleep(0)
                if self._reading.done():
                    self._reading.result()

    async def leave(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None

    async def _read(self, stream: ListenStream) -> None:
        async for response in stream.responses(self._asked()):
            self._take(response)

    async def _asked(self) -> AsyncIterator[Message]:
        while True:
            yield await self._requests.get()

    def _take(self, response: Message) -> None:
        match response.WhichOneof("response_type"):
            case "document_change":
                document = response.document_change.document
                name = document.name.rsplit("/", 1)[1]
                if response.document_change.target_ids:
                    self.found[name] = document.fields["n"].integer_value
                else:
                    self.found.pop(name, None)
            case "document_delete":
                self.found.pop(response.document_delete.document.rsplit("/", 1)[1], None)
            case "document_remove":
                self.found.pop(response.document_remove.document.rsplit("/", 1)[1], None)
            case "target_change":
                change = response.target_change
                if change.target_change_type == 4:  # RESET
                    self.found.clear()
                if change.target_change_type == 0 and not change.target_ids:  # a consistent snapshot
                    self.token = change.resume_token
                    self.snapshots += 1


class ListeningMachine(RuleBasedStateMachine):
    """The server's store and streams on a loop that runs only within a step."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm")
        self.loop = asyncio.new_event_loop()
        self.documents: dict[str, int] = {}
        self.clients = [Client(target) for target, _ in TARGETS]
        self._open()

    def _open(self) -> None:
        self.store = DocumentStore(Path(self.folder.name) / "db")
        self.listeners = Listeners(self.store)
        self.planner = Planner(self.store, None)

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        async def and_what_follows() -> None:
            await work
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(and_what_follows())

    def _commit(self, *writes: Message) -> None:
        self._run(self.store.commit([parse_write(write, DATABASE) for write in writes]))

    @rule(changes=st.dictionaries(st.sampled_from(IDS), st.integers(0, 7) | st.none(), min_size=1, max_size=4))
    def write(self, changes: dict[str, int | None]) -> None:
        """Set and delete documents in one commit."""
        writes = []
        for name, number in changes.items():
            path = f"{ROOT}/photos/{name}"
            if number is None:
                writes.append(Write(delete=path))
                self.documents.pop(name, None)
            else:
                writes.append(Write(update=Document(name=path, fields={"n": _helpers.encode_value(number)._pb})))
                self.documents[name] = number
        self._commit(*writes)

    @precondition(lambda self: not all(client.is_listening for client in self.clients))
    @rule(data=st.data(), forgets=st.booleans())
    def come(self, data: st.DataObject, forgets: bool) -> None:
        """Listen, with the token of the last time or from the start."""
        away = [number for number, client in enumerate(self.clients) if not client.is_listening]
        client = self.clients[data.draw(st.sampled_from(away))]
        if forgets:
            client.token = b""
        self._run(client.listen(ListenStream(self.listeners, self.planner, Gate(None).access(None))))

    @rule(number=st.integers(0, len(TARGETS) - 1))
    def leave(self, number: int) -> None:
        self._run(self.clients[number].leave())

    @rule()
    def restart(self) -> None:
        for client in self.clients:
            self._run(client.leave())
        self.store.close()
        self._open()

    @invariant()
    def each_listener_has_what_its_query_finds(self) -> None:
        for client, (_, finds) in zip(self.clients, TARGETS, strict=True):
            if client.is_listening:
                assert client.found == finds(self.documents)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            for client in self.clients:
                self._run(client.leave())
            self.store.close()
            self.loop.close()
            self.folder.cleanup()


TestListeningMachine = ListeningMachine.TestCase
TestListeningMachine.settings = settings(
    max_examples=examples(15), stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
