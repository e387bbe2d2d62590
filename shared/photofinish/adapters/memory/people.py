"""People in memory: the public doubles of what apps see of them, and of who wears which number."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.domain.bib_links import FaceOfPerson, NumberEvidence, OfferedFace, offered_faces, person_numbers
from photofinish.domain.people import PersonDocument


class MemoryPeopleDocuments:
    """Documents by album and person, as `FirestorePeople` writes them; threads may share it."""

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


class MemoryWearers:
    """Who wears which number, as `PgPeopleChanges` tells it: by the bibs that `index` has beside people's faces."""

    def __init__(self, index: MemoryFaceIndex) -> None:
        self._index = index
        self._owners: dict[str, str] = {}
        self._decisions: dict[tuple[str, str], bool] = {}

    def confirm(self, person_id: str, face_ids: Iterable[str]) -> None:
        """These faces are the person's."""
        self._owners.update(dict.fromkeys(face_ids, person_id))

    def decide_number(self, person_id: str, number: str, *, confirmed: bool) -> None:
        """The number is this person's, or is not."""
        self._decisions[person_id, number] = confirmed

    def photos_by_number(self, album: str, number: str, limit: int) -> list[OfferedFace]:
        faces, evidence = [], []
        for photo in self._index.analyses(album):
            for face_id, face in zip(photo.face_ids, photo.analysis.faces, strict=True):
                if owner := self._owners.get(face_id):
                    faces.append(
                        FaceOfPerson(person_id=owner, face_id=face_id, photo_id=photo.photo.photo_id, box=face.box)
                    )
            for bib in photo.analysis.bibs:
                worn_by = None if bib.face_index is None else photo.face_ids[bib.face_index]
                if worn_by is not None and (owner := self._owners.get(worn_by)):
                    evidence.append(
                        NumberEvidence(
                            person_id=owner,
                            number=bib.number,
                            ocr_score=bib.ocr_score,
                            partial=bib.partial,
                            face_id=worn_by,
                            photo=photo.photo,
                            box=bib.box,
                        )
                    )
        return offered_faces(number, faces, person_numbers(evidence, self._decisions))[: max(limit, 0)]
