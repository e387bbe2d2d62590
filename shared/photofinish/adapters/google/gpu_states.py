"""GpuStates on Firestore: one internal document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from google.cloud.firestore import Client, Transaction, transactional

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.gpu_quota import GpuLaunch, GpuRefusal, GpuState

_TIMEOUT_S = 30.0


class FirestoreGpuStates:
    """The document `runtime/gpus` with the fields of a state."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._document = client.collection("runtime").document("gpus")

    @unavailable_when_transient
    def read(self) -> GpuState:
        return _state(self._document.get(timeout=_TIMEOUT_S))

    @unavailable_when_transient
    def update(self, change: Callable[[GpuState], GpuState]) -> GpuState:
        @transactional
        def write(transaction: Transaction) -> GpuState:
            before = _state(self._document.get(transaction=transaction, timeout=_TIMEOUT_S))
            after = change(before)
            if after != before:
                transaction.set(self._document, asdict(after))
            return after

        changed: GpuState = write(self._client.transaction())
        return changed


def _state(snapshot: Any) -> GpuState:
    fields = snapshot.to_dict() or {}
    refusal, launch = fields.get("refusal"), fields.get("launch")
    return GpuState(
        refusal=GpuRefusal(**refusal) if refusal else None,
        launch=GpuLaunch(**launch) if launch else None,
        confirmed_launch=fields.get("confirmed_launch"),
    )
