"""What listeners listen to, found by what a commit changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from photofinish_emulators.firestore.commits import Commit
from photofinish_emulators.firestore.documents import Change, StoredDocument
from photofinish_emulators.firestore.paths import Name
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.store import DocumentStore

MAX_PENDING_CHANGES = 20_000
"""A stream whose client falls behind by more is given up; the client comes back with its resume token."""
DocumentKey = tuple[bytes, bytes]
"""Keys of the collection and of the id."""
K = TypeVar("K", bound=Hashable)


class Stream(Protocol):
    """Who tells a client about targets."""

    def wake(self) -> None:
        """There is news in the pending changes of a target."""

    def give_up(self) -> None:
        """Too much is pending."""


@dataclass(eq=False)
class Target:
    """What one listener listens to, and what changed of it that its stream has not been told yet."""

    id: int
    once: bool
    stream: Stream
    query: Query | None
    documents: dict[DocumentKey, Name]
    """Of a target that lists documents."""
    seen_us: int = 0
    """Changes up to this time are accounted for."""
    pending: dict[DocumentKey, Change] = field(default_factory=dict)
    window: dict[DocumentKey, StoredDocument] = field(default_factory=dict)
    """The results last told of a query with a limit or an offset, whose results depend on one another."""


class Listeners:
    """All streams' targets, found by what a commit changes."""

    def __init__(self, store: DocumentStore) -> None:
        self.store = store
        self._by_collection: dict[bytes, set[Target]] = defaultdict(set)
        self._by_document: dict[DocumentKey, set[Target]] = defaultdict(set)
        self._groups: set[Target] = set()
        store.on_commit = self._on_commit

    def add(self, target: Target) -> None:
        if target.query is None:
            for key in target.documents:
                self._by_document[key].add(target)
        elif target.query.all_descendants:
            self._groups.add(target)
        else:
            self._by_collection[target.query.collection_key].add(target)

    def remove(self, target: Target) -> None:
        self._groups.discard(target)
        if target.query is not None and not target.query.all_descendants:
            _discard(self._by_collection, target.query.collection_key, target)
        for key in target.documents:
            _discard(self._by_document, key, target)

    def _on_commit(self, commit: Commit) -> None:
        fell_behind: set[Stream] = set()
        for change in commit.changes:
            key = (change.collection, change.id)
            for targets in (self._by_collection.get(change.collection), self._by_document.get(key), self._groups):
                for target in targets or ():
                    if commit.time_us > target.seen_us:
                        earlier = target.pending.get(key)
                        target.pending[key] = change if earlier is None else Change(*key, earlier.before, change.after)
                        if len(target.pending) > MAX_PENDING_CHANGES:
                            fell_behind.add(target.stream)
                        target.stream.wake()
        for stream in fell_behind:
            stream.give_up()


def _discard(index: dict[K, set[Target]], key: K, target: Target) -> None:
    index[key].discard(target)
    if not index[key]:
        del index[key]
