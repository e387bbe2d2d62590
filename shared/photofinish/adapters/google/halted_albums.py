"""HaltedAlbums on Firestore: one internal document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.cloud.firestore import Client, Transaction, transactional

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.album_budget import Halted

_TIMEOUT_S = 30.0


class FirestoreHaltedAlbums:
    """The document `runtime/budgets`: names of albums, and when they were resumed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._document = client.collection("runtime").document("budgets")

    @unavailable_when_transient
    def read(self) -> Halted:
        return _halted(self._document.get(timeout=_TIMEOUT_S))

    @unavailable_when_transient
    def update(self, change: Callable[[Halted], Halted]) -> Halted:
        @transactional
        def write(transaction: Transaction) -> Halted:
            before = _halted(self._document.get(transaction=transaction, timeout=_TIMEOUT_S))
            after = change(before)
            if after != before:
                fields = {"halted": sorted(after.halted), "resumed": dict(after.resumed)}
                transaction.set(self._document, fields)
            return after

        changed: Halted = write(self._client.transaction())
        return changed


def _halted(snapshot: Any) -> Halted:
    fields = snapshot.to_dict() or {}
    return Halted(halted=frozenset(fields.get("halted", ())), resumed=dict(fields.get("resumed", {})))
