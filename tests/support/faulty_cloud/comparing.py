"""Compare bucket, documents, database and derived objects of an album photo by photo, after everything settled.

It shares no code with what writes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from google.cloud import storage
from google.cloud.firestore import Client

from photofinish.domain.photo import PhotoRef
from support.faulty_cloud.album import ALBUM

_RESULT_EVENTS = ("photo.done", "photo.rejected", "photo.failed")


@dataclass
class Comparison:
    """What is not as it should be; each line says which photo and what."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    orphaned: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    """What the product's own check of the album finds."""

    def __add__(self, other: Comparison) -> Comparison:
        return Comparison(
            [*self.lost, *other.lost],
            [*self.duplicated, *other.duplicated],
            [*self.orphaned, *other.orphaned],
            [*self.checked, *other.checked],
        )

    def __bool__(self) -> bool:
        return bool(self.lost or self.duplicated or self.orphaned or self.checked)


def compare(
    live: Iterable[PhotoRef],
    firestore: Client,
    derived: storage.Bucket,
    conninfo: str,
    *,
    poisoned: Collection[PhotoRef] = (),
) -> Comparison:
    """`live`: the newest version of each photo that the bucket has; those that are `poisoned` must have failed."""
    found = Comparison()
    photos = {ref.photo_id: ref for ref in live}
    documents = {one.id: one.to_dict() or {} for one in firestore.collection(f"albums/{ALBUM}/photos").stream()}
    objects: dict[str, list[str]] = {}
    for blob in derived.list_blobs():
        objects.setdefault(blob.name.split("/")[2], []).append(blob.name)
    with psycopg.connect(conninfo) as connection:
        rows = {
            UUID(str(photo_id)).hex: (generation, pipeline)
            for photo_id, generation, pipeline in connection.execute(
                "SELECT photo_id, generation, pipeline_version FROM photo"
            )
        }
        faces = Counter(UUID(str(photo_id)).hex for (photo_id,) in connection.execute("SELECT photo_id FROM face"))
        events = Counter(
            (UUID(str(photo_id)).hex, generation, kind)
            for photo_id, generation, kind in connection.execute(
                "SELECT photo_id, generation, type FROM album_event WHERE type = ANY(%s)", (list(_RESULT_EVENTS),)
            )
        )
    for photo_id, ref in photos.items():
        what = f"{ref.name} of version {ref.generation}"
        fields = documents.get(photo_id)
        if fields is None or fields.get("status") not in (("failed",) if ref in poisoned else ("done", "rejected")):
            found.lost.append(f"{what} is {fields.get('status') if fields else 'not recorded'}: {_why(fields)}")
            continue
        if fields["photo"]["generation"] != ref.generation:
            found.lost.append(f"{what} has the document of version {fields['photo']['generation']}")
            continue
        _compare_result(found, what, ref, fields, rows.get(photo_id), faces[photo_id], objects.get(photo_id, []))
        if not any(events[photo_id, ref.generation, kind] for kind in _RESULT_EVENTS):
            found.lost.append(f"{what}: no event tells of its result")
    for (photo_id, generation, kind), number in events.items():
        if number > 1:
            found.duplicated.append(f"photo {photo_id} of version {generation}: {number} events {kind}")
    for photo_id, fields in documents.items():
        if photo_id not in photos and fields.get("status") != "erased":
            found.orphaned.append(f"{fields['photo']['name']} is {fields['status']}, but it is not in the bucket")
    for photo_id in faces.keys() - photos.keys():
        found.orphaned.append(f"photo {photo_id} is not in the bucket, but has faces in the index")
    for photo_id in objects.keys() - photos.keys():
        found.orphaned.append(f"photo {photo_id} is not in the bucket, but there is {objects[photo_id][0]}")
    found.orphaned += _left_leases(firestore)
    return found


def _compare_result(
    found: Comparison, what: str, ref: PhotoRef, fields: dict[str, Any], row: Any, faces: int, objects: list[str]
) -> None:
    has_result = fields["status"] == "done" and not fields.get("duplicate_of")
    old = [name for name in objects if not name.rpartition("/")[2].startswith(f"{ref.generation}.")]
    if old or (objects and not has_result):
        found.orphaned.append(f"{what}: {len(old or objects)} objects of no use, such as {(old or objects)[0]}")
    if not has_result:
        if faces:
            found.orphaned.append(f"{what} has no result of its own, but {faces} faces in the index")
        return
    sidecars = [name for name in objects if name.startswith("sidecars/")]
    if fields["sidecar"] not in objects:
        found.lost.append(f"{what}: its sidecar {fields['sidecar']} is not there")
    if len(sidecars) > 1:
        found.duplicated.append(f"{what} has {len(sidecars)} sidecars")
    if row is None or row[0] != ref.generation or row[1] != fields["pipeline_version"]:
        found.lost.append(f"{what}: the index has {row}")
    if faces != len(fields["faces"]):
        kind = found.duplicated if faces > len(fields["faces"]) else found.lost
        kind.append(f"{what}: {len(fields['faces'])} faces in its document, {faces} in the index")


def _left_leases(firestore: Client) -> list[str]:
    leases = (firestore.document("runtime/analysis_tasks").get().to_dict() or {}).get("leases", {})
    now = datetime.now(UTC)
    return [
        f"the lease {name} is still held"
        for name, lease in leases.items()
        if lease["renewed_at"] + timedelta(seconds=lease["expires_in_s"]) > now
    ]


def _why(fields: dict[str, Any] | None) -> str:
    return str({key: (fields or {}).get(key) for key in ("error", "last_error", "open_attempts", "queued_at")})
