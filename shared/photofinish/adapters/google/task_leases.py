"""TaskLeases on Firestore: one internal document with all leases, and below it a report of each running task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud.firestore import DELETE_FIELD, SERVER_TIMESTAMP, Client, Transaction, transactional
from google.cloud.firestore_v1.field_path import FieldPath

from photofinish.adapters.google.errors import unavailable_when_transient

_TIMEOUT_S = 30.0
_REPORTS_KEPT_FOR = timedelta(hours=1)  # a killed task's, by the TTL of `expires_at`


class FirestoreTaskLeases:
    """All leases in one document (field `leases`); only a launch needs a transaction, a heartbeat writes one field.

    Firestore's clock alone decides what has expired: it stamps when a lease was renewed, and every answer with the time
    at which it was read. A task or launcher whose own clock is wrong neither loses leases nor keeps them.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._document = client.collection("runtime").document("analysis_tasks")

    @unavailable_when_transient
    def reserve(self, count_for: Callable[[int], int], *, launch_id: str, expires_in_s: float) -> int:
        @transactional
        def write(transaction: Transaction) -> int:
            live = _live(self._document.get(transaction=transaction, timeout=_TIMEOUT_S))
            count = count_for(len(live))
            if count > 0:
                new = {f"{launch_id}/{index}": _renewed(expires_in_s) for index in range(count)}
                transaction.set(self._document, {"leases": live | new})
            return count

        return int(write(self._client.transaction()))

    @unavailable_when_transient
    def heartbeat(self, lease_id: str, *, expires_in_s: float) -> None:
        self._document.set({"leases": {lease_id: _renewed(expires_in_s)}}, merge=True, timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def release(self, lease_ids: Sequence[str]) -> None:
        if not lease_ids:
            return
        fields = {FieldPath("leases", lease_id).to_api_repr(): DELETE_FIELD for lease_id in lease_ids}
        try:
            self._document.update(fields, timeout=_TIMEOUT_S)
        except exceptions.NotFound:
            return  # no lease was ever taken

    @unavailable_when_transient
    def live(self) -> int:
        return len(_live(self._document.get(timeout=_TIMEOUT_S)))

    @unavailable_when_transient
    def held(self) -> dict[str, datetime]:
        return {
            lease_id: _expires_at(lease) for lease_id, lease in _leases(self._document.get(timeout=_TIMEOUT_S)).items()
        }

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


def _renewed(expires_in_s: float) -> dict[str, Any]:
    return {"renewed_at": SERVER_TIMESTAMP, "expires_in_s": expires_in_s}


def _leases(snapshot: Any) -> dict[str, dict[str, Any]]:
    return dict((snapshot.to_dict() or {}).get("leases", {}))


def _live(snapshot: Any) -> dict[str, dict[str, Any]]:
    now = snapshot.read_time
    return {lease_id: lease for lease_id, lease in _leases(snapshot).items() if _expires_at(lease) > now}


def _expires_at(lease: Mapping[str, Any]) -> datetime:
    renewed_at: datetime = lease["renewed_at"]
    return renewed_at + timedelta(seconds=lease["expires_in_s"])
