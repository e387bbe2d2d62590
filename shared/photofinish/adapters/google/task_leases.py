"""TaskLeases on Firestore: one internal document with all leases, and below it a report of each running task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud.firestore import DELETE_FIELD, Client, Transaction, transactional
from google.cloud.firestore_v1.field_path import FieldPath

from photofinish.adapters.google.errors import unavailable_when_transient

_TIMEOUT_S = 30.0
_REPORTS_KEPT_FOR = timedelta(hours=1)  # a killed task's, by the TTL of `expires_at`


class FirestoreTaskLeases:
    """All leases in one document (field `places`); only a launch needs a transaction, a heartbeat writes one field."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._document = client.collection("runtime").document("analysis_tasks")

    @unavailable_when_transient
    def reserve(self, count_for: Callable[[int], int], *, launch_id: str, expires_in_s: float) -> int:
        @transactional
        def write(transaction: Transaction) -> int:
            now = datetime.now(UTC)
            live = _live_leases(self._document.get(transaction=transaction, timeout=_TIMEOUT_S), now)
            count = count_for(len(live))
            if count > 0:
                expires_at = now + timedelta(seconds=expires_in_s)
                leases = live | {f"{launch_id}/{index}": expires_at for index in range(count)}
                transaction.set(self._document, {"places": leases})
            return count

        return int(write(self._client.transaction()))

    @unavailable_when_transient
    def heartbeat(self, lease_id: str, *, expires_in_s: float) -> None:
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in_s)
        self._document.set({"places": {lease_id: expires_at}}, merge=True, timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def release(self, lease_ids: Sequence[str]) -> None:
        if not lease_ids:
            return
        fields = {FieldPath("places", lease_id).to_api_repr(): DELETE_FIELD for lease_id in lease_ids}
        try:
            self._document.update(fields, timeout=_TIMEOUT_S)
        except exceptions.NotFound:
            return  # no lease was ever taken

    @unavailable_when_transient
    def live(self) -> int:
        return len(_live_leases(self._document.get(timeout=_TIMEOUT_S), datetime.now(UTC)))

    @unavailable_when_transient
    def held(self) -> dict[str, datetime]:
        return dict((self._document.get(timeout=_TIMEOUT_S).to_dict() or {}).get("places", {}))

    @unavailable_when_transient
    def report(self, lease_id: str, report: Mapping[str, Any] | None) -> None:
        # One document for each task: the document of the leases takes only about one write a second.
        document = self._document.collection("reports").document(lease_id.replace("/", "~"))
        if report is None:
            document.delete(timeout=_TIMEOUT_S)
        else:
            expires_at = datetime.now(UTC) + _REPORTS_KEPT_FOR
            document.set({"place": lease_id, "report": dict(report), "expires_at": expires_at}, timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def reports(self) -> dict[str, Mapping[str, Any]]:
        found = (
            snapshot.to_dict() or {} for snapshot in self._document.collection("reports").stream(timeout=_TIMEOUT_S)
        )
        return {fields["place"]: fields["report"] for fields in found}


def _live_leases(snapshot: Any, now: datetime) -> dict[str, datetime]:
    leases: dict[str, datetime] = (snapshot.to_dict() or {}).get("places", {})
    return {lease_id: expires_at for lease_id, expires_at in leases.items() if expires_at > now}
