"""The targets of listeners, indexed so that a commit finds those it affects."""

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
"""A stream whose client falls behind by more is ended; the client resumes with its last token."""
DocumentKey = tuple[bytes, bytes]
"""Keys of the collection and of the id."""
K = TypeVar("K", bound=Hashable)


class Stream(Protocol):
    """The stream of one client."""

    def wake(self) -> None:
        """Send the pending changes of targets."""

    def give_up(self) -> None:
        """Drop all targets, because too many changes are pending."""


@dataclass(eq=False)
class Target:
    """One listener's query or documents, with the changes that its stream has not sent yet."""

    id: int
    once: bool
    stream: Stream
    query: Query | None
    documents: dict[DocumentKey, Name]
    """The names of a target that lists documents, by key."""
    seen_us: int = 0
    """Changes up to this time have been sent or are contained in the current results."""
    pending: dict[DocumentKey, Change] = field(default_factory=dict)
    window: dict[DocumentKey, StoredDocument] = field(default_factory=dict)
    """The results last sent for a query with a limit or an offset, which must be compared as a whole."""


class Listeners:
    """The targets of all streams, by collection and by document."""

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
