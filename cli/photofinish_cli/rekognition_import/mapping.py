"""The file that maps old face ids to new ones: written line by line, so that an import can resume where it stopped."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

from photofinish.errors import RejectedInput


class Outcome(StrEnum):
    """What became of a face of the old collection."""

    MATCHED = "matched"
    NO_EXTERNAL_IMAGE_ID = "no_external_image_id"
    """Nothing says which picture it came from."""
    NO_PICTURE = "no_picture"
    SEVERAL_PICTURES = "several_pictures"
    UNREADABLE_PICTURE = "unreadable_picture"
    FACE_NOT_FOUND = "face_not_found"
    """No face is found in the picture where the old one was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedFace:
    """One face of the old collection."""

    old_face_id: str
    new_face_id: str = ""
    outcome: Outcome
    external_image_id: str = ""
    picture: str = ""
    overlap: str = ""
    """Intersection over union of the old box and the new one."""
    detail: str = ""


_COLUMNS = [field.name for field in fields(MappedFace)]


class Mapping:
    """The faces of one import, in a CSV file with a heading; threads may share it."""

    def __init__(self, path: Path) -> None:
        """Continue the file at `path` where there is one.

        Raises:
            RejectedInput: `path` is another kind of file.
        """
        self._path = path
        self._lock = threading.Lock()
        self._faces = {face.old_face_id: face for face in _read(path)} if path.exists() else {}

    def is_matched(self, old_face_id: str) -> bool:
        found = self._faces.get(old_face_id)
        return found is not None and found.outcome is Outcome.MATCHED

    def add(self, faces: Iterable[MappedFace]) -> None:
        """Write down what became of these faces; what was said of them before does not count any more."""
        with self._lock:
            begins = not self._path.exists()
            with self._path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, _COLUMNS)
                if begins:
                    writer.writeheader()
                for face in faces:
                    writer.writerow(asdict(face))
                    self._faces[face.old_face_id] = face
                file.flush()
                os.fsync(file.fileno())

    def finish(self, old_face_ids: Iterable[str]) -> list[MappedFace]:
        """Leave one line for each of these faces, in the order of their ids; the faces."""
        kept = [self._faces[old] for old in sorted(set(old_face_ids)) if old in self._faces]
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(asdict(face) for face in kept)
        temporary.replace(self._path)
        return kept


def _read(path: Path) -> list[MappedFace]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != _COLUMNS:
            raise RejectedInput("no_mapping", f"{path} is not the mapping of an import: name another file")
        # The last line of a run that was killed may be cut off: its face is looked for again.
        rows = [
            row for row in reader if None not in row and None not in row.values() and row["outcome"] in set(Outcome)
        ]
    return [
        MappedFace(
            old_face_id=row["old_face_id"],
            new_face_id=row["new_face_id"],
            outcome=Outcome(row["outcome"]),
            external_image_id=row["external_image_id"],
            picture=row["picture"],
            overlap=row["overlap"],
            detail=row["detail"],
        )
        for row in rows
    ]
