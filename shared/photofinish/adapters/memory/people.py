"""In-memory doubles: documents of people, and their bib numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.domain.bib_links import FaceOfPerson, InferredFace, NumberEvidence, inferred_faces, person_numbers
from photofinish.domain.people import PersonDocument
from photofinish.domain.people_rules import checked_number


class MemoryPeopleDocuments:
    """Documents by album and person, as `FirestorePeopleDocuments` writes them; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.documents: dict[tuple[str, str], PersonDocument] = {}

    def write(self, album: str, documents: Mapping[str, PersonDocument | None]) -> None:
        with self._lock:
            for person_id, document in documents.items():
                if document is None:
                    self.documents.pop((album, person_id), None)
                else:
                    self.documents[album, person_id] = document


class MemoryPeopleNumbers:
    """Finds people by bib number as `PgPeopleNumbers` does, from the bibs that `index` has beside their faces."""

    def __init__(self, index: MemoryFaceIndex) -> None:
        self._index = index
        self._owners: dict[str, str] = {}
        self._decisions: dict[tuple[str, str], bool] = {}

    def confirm(self, person_id: str, face_ids: Iterable[str]) -> None:
        """Assign these faces to the person."""
        self._owners.update(dict.fromkeys(face_ids, person_id))

    def decide_number(self, person_id: str, number: str, *, confirmed: bool) -> None:
        """Record that the person wears this number, or that they do not."""
        self._decisions[person_id, checked_number(number)] = confirmed

    def faces_by_number(self, album: str, number: str, limit: int) -> list[InferredFace]:
        faces, evidence = [], []
        for photo in self._index.analyses(album):
            for face_id, face in zip(photo.face_ids, photo.analysis.faces, strict=True):
                if owner := self._owners.get(face_id):
                    faces.append(
                        FaceOfPerson(person_id=owner, face_id=face_id, photo_id=photo.photo.photo_id, box=face.box)
                    )
            for bib in photo.bibs:
                owner = None if bib.face_id is None else self._owners.get(bib.face_id)
                if bib.face_id is not None and owner is not None:
                    one = NumberEvidence(
                        person_id=owner,
                        number=bib.number,
                        ocr_score=bib.ocr_score,
                        partial=bib.partial,
                        face_id=bib.face_id,
                        photo=photo.photo,
                        box=bib.box,
                    )
                    evidence.append(one)
        return inferred_faces(number, faces, person_numbers(evidence, self._decisions))[: max(limit, 0)]
