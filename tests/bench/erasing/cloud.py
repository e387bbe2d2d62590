"""What lies in the stores of a local cloud, read by official clients: shares no code with what erases."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from google.cloud import storage
from google.cloud.firestore import Client

from support import erasure_checker

Item = tuple[str, ...]
"""One thing that an erasure of something else must not remove: what it is, and its ids."""

_ROWS = {
    "row of a photo": "SELECT photo_id FROM photo",
    "row of a face": "SELECT photo_id, face_id FROM face",
    "row of a number": "SELECT photo_id, face_id, number FROM bib",
    "row of a person": "SELECT person_id FROM person WHERE name IS NOT NULL",
    "row of a person's face": "SELECT person_id, face_id FROM person_face JOIN person USING (person_id)"
    " WHERE name IS NOT NULL",
    "row of an enrolment": "SELECT person_id, upload_id FROM enrolment",
}


@dataclass(frozen=True)
class Place:
    """Where a face is: no sidecar may have it there any more."""

    album: str
    photo_id: str
    x: float
    y: float


class Stores:
    """All stores of the local cloud that this process's environment names."""

    def __init__(self) -> None:
        self.conninfo = os.environ["DATABASE_URL"]
        self.firestore = Client(project=os.environ["GOOGLE_CLOUD_PROJECT"])
        self._storage = storage.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"])

    def bucket(self, name: str) -> storage.Bucket:
        """The bucket that the setting `PHOTOFINISH_{name}_BUCKET` names."""
        return self._storage.bucket(os.environ[f"PHOTOFINISH_{name}_BUCKET"])

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.conninfo) as conn:
            return conn.execute(statement, parameters).fetchall()  # type: ignore[arg-type]

    def objects(self) -> list[tuple[str, str, int]]:
        """Bucket, name and generation of every version."""
        return [
            (name, blob.name, int(blob.generation))
            for name in ("PHOTO", "DERIVED", "ENROLMENT")
            for blob in self.bucket(name).list_blobs(versions=True)
        ]

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Path and fields of every document."""
        yield from _below(self.firestore.collections())

    def items(self) -> set[Item]:
        """Everything that must stay, but for clusters, which people may change at any time."""
        found: set[Item] = {("object", bucket, name) for bucket, name, _ in self.objects()}
        for kind, statement in _ROWS.items():
            found |= {(kind, *map(_plain, row)) for row in self.sql(statement)}
        for path, fields in self.documents():
            if "/people/" in path and fields.get("name"):
                found.add(("document of a person", path))
            if "/photos/" in path and fields["status"] != "erased":
                found.add(("document of a photo", path))
                found |= {("face in a document", path, one["face_id"]) for one in fields.get("faces", ())}
                found |= {
                    ("number in a document", path, one["number"], str(one["face_id"])) for one in fields.get("bibs", ())
                }
        return found

    def left(self, tokens: Collection[str], places: Collection[Place]) -> list[str]:
        """What is left of the things with these ids and names, and of faces at these places."""
        return [
            *erasure_checker.left_in_postgres(self.conninfo, tokens),
            *erasure_checker.left_in_documents(self.documents(), tokens),
            *erasure_checker.left_in_objects(self.objects(), tokens),
            *(one for place in places for one in self._in_sidecars(place)),
        ]

    def _in_sidecars(self, place: Place) -> list[str]:
        sidecars = self.bucket("DERIVED").list_blobs(prefix=f"sidecars/{place.album}/{place.photo_id}/")
        contents = [blob.download_as_bytes() for blob in sidecars]
        return erasure_checker.faces_in_sidecars(contents, [(place.x, place.y)])


def lost(before: set[Item], after: set[Item], tokens: Collection[str]) -> list[Item]:
    """What is gone and is not about any of `tokens`."""
    erased = [_plain(token) for token in tokens]
    return sorted(item for item in before - after if not any(one in _plain(" ".join(item)) for one in erased))


def _below(collections: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for collection in collections:
        for snapshot in collection.stream():
            yield snapshot.reference.path, snapshot.to_dict() or {}
        if collection.id != "photos":  # which have nothing below them; there are many
            for reference in collection.list_documents():
                yield from _below(reference.collections())


def _plain(value: object) -> str:
    """Without dashes, as object names have ids."""
    return str(value).replace("-", "")
