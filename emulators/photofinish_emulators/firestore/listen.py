"""Listen streams: the current results of each target, and then every change, in the order of commits.

A stream sends consistent snapshots: all changes up to a time, then NO_CHANGE with that time and a resume token. The
token contains the time; a target that is added with a token receives the changes since then, from the history.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import grpc

from photofinish_emulators.common.rpc_errors import Refused, invalid
from photofinish_emulators.firestore import execution
from photofinish_emulators.firestore.access import Access
from photofinish_emulators.firestore.documents import Change, StoredDocument, View, split_key
from photofinish_emulators.firestore.paths import Name, document_name
from photofinish_emulators.firestore.planner import Planner
from photofinish_emulators.firestore.protos import (
    DocumentChange,
    DocumentDelete,
    DocumentRemove,
    ExistenceFilter,
    ListenResponse,
    Message,
    TargetChange,
    micros,
    timestamp,
)
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.store import HISTORY_US
from photofinish_emulators.firestore.targets import DocumentKey, Listeners, Target

log = logging.getLogger(__name__)
HEARTBEAT_S = 45.0
"""An idle stream receives a new resume token at this interval."""
_ADD, _REMOVE, _CURRENT, _RESET, _NO_CHANGE = 1, 2, 3, 4, 0


class ListenStream:
    """One client's Listen stream."""

    def __init__(self, listeners: Listeners, planner: Planner, access: Access) -> None:
        self._listeners = listeners
        self._store = listeners.store
        self._planner = planner
        self._access = access
        self._targets: dict[int, Target] = {}
        self._requests: deque[Message] = deque()
        self._finished = False
        self._fell_behind = False
        self._woken = asyncio.Event()

    async def responses(self, requests: AsyncIterator[Message]) -> AsyncGenerator[Message]:
        """Serve the stream until the client closes it."""
        reader = asyncio.create_task(self._read(requests))
        try:
            while not self._finished or self._requests:
                self._woken.clear()
                while self._requests:
                    async for response in self._handle(self._requests.popleft()):
                        yield response
                for response in self._pending():
                    yield response
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._woken.wait()
                except TimeoutError:
                    for response in self._pending(always_token=True):
                        yield response
            await reader  # raises what refused a request
        finally:
            reader.cancel()
            self._remove_targets()

    def wake(self) -> None:
        """Handle new requests and changes."""
        self._woken.set()

    def give_up(self) -> None:
        """Drop all pending changes, because the client reads too slowly; the stream ends when it reads again."""
        self._fell_behind = True
        self._remove_targets()

    def _remove_targets(self) -> None:
        for target in self._targets.values():
            self._listeners.remove(target)
        self._targets.clear()

    async def _read(self, requests: AsyncIterator[Message]) -> None:
        try:
            async for request in requests:
                self._requests.append(request)
                self.wake()
        finally:
            self._finished = True
            self.wake()

    async def _handle(self, request: Message) -> AsyncIterator[Message]:
        kind = request.WhichOneof("target_change")
        if kind == "remove_target":
            target = self._targets.pop(request.remove_target, None)
            if target is not None:
                self._listeners.remove(target)
            yield _target_change(_REMOVE, [request.remove_target])
        elif kind == "add_target":
            async for response in self._add(request.database, request.add_target):
                yield response

    async def _add(self, database: str, message: Message) -> AsyncIterator[Message]:
        id = message.target_id or next(number for number in range(1, 2**31) if number not in self._targets)
        if id in self._targets:
            raise invalid(f"Target id {id} is in use on this stream.")
        try:
            target = self._parse(database, message, id)
            since_us = self._resume_time(message)
            if target.query is not None:
                await self._planner.prepare(target.query)
            self._check_access(target)
        except Refused as refused:  # the target is refused, but the stream continues
            yield _target_change(_REMOVE, [id], cause=refused)
            return
        yield _target_change(_ADD, [id])
        with self._store.snapshot() as snapshot:
            target.seen_us = snapshot.time_us
            self._targets[id] = target
            self._listeners.add(target)
            for count, response in enumerate(self._initial(target, snapshot.view, snapshot.time_us, since_us)):
                yield response
                if count % 64 == 63:
                    await asyncio.sleep(0)
        yield _target_change(_CURRENT, [id], snapshot.time_us, self._token(snapshot.time_us))
        for response in self._pending(always_token=True):
            yield response
        if target.once:
            self._listeners.remove(target)
            self._targets.pop(id, None)
            yield _target_change(_REMOVE, [id])

    def _parse(self, database: str, message: Message, id: int) -> Target:
        kind = message.WhichOneof("target_type")
        if kind == "query":
            query = self._planner.parse(message.query.parent, message.query.structured_query)
            return Target(id, message.once, self, query, {})
        if kind == "documents":
            names = [document_name(name, database) for name in message.documents.documents]
            if not names:
                raise invalid("A target of documents must name at least one.")
            return Target(id, message.once, self, None, {split_key(name): name for name in names})
        raise invalid("A target must be a query or documents.")

    def _check_access(self, target: Target) -> None:
        with self._store.snapshot() as snapshot:
            if target.query is not None:
                self._access.check_query(snapshot.view, target.query)
            for name in target.documents.values():
                self._access.check_get(snapshot.view, name, snapshot.view.get(name))

    def _resume_time(self, message: Message) -> int | None:
        """The time up to which the client has all changes; None: it does not resume; 0: it must start over."""
        kind = message.WhichOneof("resume_type")
        if kind == "read_time":
            since_us = micros(message.read_time)
        elif kind == "resume_token" and message.resume_token:
            if len(message.resume_token) != _TOKEN.size:
                raise invalid("The resume token is not from this server.")
            identity, since_us = _TOKEN.unpack(message.resume_token)
            if identity != self._store.identity:
                return 0
        else:
            return None
        now_us = self._store.clock.read_time()
        return since_us if now_us - HISTORY_US < since_us <= now_us else 0

    def _initial(self, target: Target, view: View, time_us: int, since_us: int | None) -> Iterator[Message]:
        """All results of the target, or the changes since the client's resume time."""
        if since_us == 0:
            yield _target_change(_RESET, [target.id])
        if since_us and target.query is not None:
            if target.query.windowed:
                before = View(view.connection, since_us)
                target.window = {_key(document): document for document in execution.run(before, target.query)}
                yield from self._window_changes(target, view, time_us)
            else:
                collection = None if target.query.all_descendants else target.query.collection_key
                for change in view.changes_since(since_us, collection):
                    yield from _responses(target, change, time_us)
            count = execution.count(view, target.query)
            yield ListenResponse(filter=ExistenceFilter(target_id=target.id, count=count))
        elif target.query is None:
            for key, name in target.documents.items():
                if not since_us or view.changed_since(since_us, *key):
                    yield from _responses(target, Change(*key, None, view.get(name)), time_us)
        else:
            for document in execution.run(view, target.query):
                if target.query.windowed:
                    target.window[_key(document)] = document
                yield _changed(target, document)

    def _pending(self, always_token: bool = False) -> list[Message]:
        """The pending changes of all targets and the token of the snapshot they lead to; [] if there are none."""
        if self._fell_behind:
            raise Refused(
                grpc.StatusCode.UNAVAILABLE, "The client reads too slowly; it can resume with its last token."
            )
        waiting = [target for target in self._targets.values() if target.pending]
        if not waiting and not always_token:
            return []
        responses: list[Message] = []
        for target in waiting:
            changes, target.pending = target.pending, {}
            if target.query is not None and target.query.windowed:
                if any(_concerns(target.query, change) for change in changes.values()):
                    with self._store.snapshot() as snapshot:
                        responses += self._window_changes(target, snapshot.view, snapshot.time_us)
                        target.seen_us = snapshot.time_us
            else:
                for change in changes.values():
                    responses += _responses(target, change, self._store.published_us())
        time_us = self._store.published_us()
        return [*responses, _target_change(_NO_CHANGE, [], time_us, self._token(time_us))]

    def _window_changes(self, target: Target, view: View, time_us: int) -> Iterator[Message]:
        """Run a windowed query again, and send the differences to its former results."""
        assert target.query is not None
        before = target.window
        target.window = {_key(document): document for document in execution.run(view, target.query)}
        for key, document in before.items():
            if key not in target.window:
                yield _gone(target, document.message.name, time_us, exists=view.get(_name(document)) is not None)
        for key, document in target.window.items():
            if key not in before or before[key].data != document.data:
                yield _changed(target, document)

    def _token(self, time_us: int) -> bytes:
        return _TOKEN.pack(self._store.identity, time_us)


_TOKEN = struct.Struct(">IQ")


def _key(document: StoredDocument) -> DocumentKey:
    return document.collection, document.id


def _name(document: StoredDocument) -> Name:
    return document_name(document.message.name)


def _concerns(query: Query, change: Change) -> bool:
    return any(version is not None and query.selects(version) is not None for version in (change.before, change.after))


def _responses(target: Target, change: Change, time_us: int) -> Iterator[Message]:
    """The responses for a change, for a target that is not a windowed query."""
    if target.query is None:
        name = target.documents.get((change.collection, change.id))
        if name is None:
            return
        if change.after is not None:
            yield _changed(target, change.after)
        else:
            yield _gone(target, str(name), time_us, exists=False)
        return
    if change.after is not None and target.query.selects(change.after) is not None:
        yield _changed(target, change.after)
    elif change.before is not None and target.query.selects(change.before) is not None:
        if change.after is None:
            yield _gone(target, change.before.message.name, time_us, exists=False)
        else:
            document = _projected(target, change.after)
            yield ListenResponse(document_change=DocumentChange(document=document, removed_target_ids=[target.id]))


def _changed(target: Target, document: StoredDocument) -> Message:
    return ListenResponse(document_change=DocumentChange(document=_projected(target, document), target_ids=[target.id]))


def _projected(target: Target, document: StoredDocument) -> Message:
    return document.projected(target.query.select if target.query is not None else None)


def _gone(target: Target, name: str, time_us: int, *, exists: bool) -> Message:
    read_time = timestamp(time_us)
    if exists:
        remove = DocumentRemove(document=name, removed_target_ids=[target.id], read_time=read_time)
        return ListenResponse(document_remove=remove)
    delete = DocumentDelete(document=name, removed_target_ids=[target.id], read_time=read_time)
    return ListenResponse(document_delete=delete)


def _target_change(
    kind: int, ids: list[int], time_us: int | None = None, token: bytes = b"", cause: Refused | None = None
) -> Message:
    change = TargetChange(target_change_type=kind, target_ids=ids, resume_token=token)
    if time_us is not None:
        change.read_time.CopyFrom(timestamp(time_us))
    if cause is not None:
        change.cause.CopyFrom(cause.status)
    return ListenResponse(target_change=change)
