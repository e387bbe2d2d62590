"""Documents of people in Firestore, ``albums/{album}/people/{person_id}``; fields: see the README of `shared/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.cloud.firestore import Client

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.bib_links import PersonNumber, worn_numbers
from photofinish.domain.people import PersonDocument, ShownFace

_TIMEOUT_S = 30.0
# A request may have 10 MiB: so many documents with 1,000 faces each have about half of that.
_DOCUMENTS_PER_COMMIT = 40


class FirestorePeopleDocuments:
    """Writes the documents of people; they contain nothing biometric."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @unavailable_when_transient
    def write(self, album: str, documents: Mapping[str, PersonDocument | None]) -> None:
        people = self._client.collection("albums").document(album).collection("people")
        items = list(documents.items())
        for start in range(0, len(items), _DOCUMENTS_PER_COMMIT):
            batch = self._client.batch()
            for person_id, document in items[start : start + _DOCUMENTS_PER_COMMIT]:
                if document is None:
                    batch.delete(people.document(person_id))
                else:
                    batch.set(people.document(person_id), person_fields(document))
            batch.commit(timeout=_TIMEOUT_S)


def person_fields(document: PersonDocument) -> dict[str, Any]:
    """Return the fields of a person's document."""
    person = document.person
    photo_ids = list(dict.fromkeys(face.photo.photo_id for face in document.faces))
    return {
        "name": person.name,
        "user_id": person.user_id,
        "created_at": person.created_at,
        "face_count": person.face_count,
        "confirmed_count": person.confirmed_count,
        "cover": _face(document.faces[0]) | {"box": document.faces[0].box.by_name} if document.faces else None,
        "faces": [_face(face) for face in document.faces],
        "photo_ids": photo_ids,
        "numbers": [_number(number) for number in document.numbers],
        "bib_numbers": worn_numbers(document.numbers),
    }


def _face(face: ShownFace) -> dict[str, Any]:
    return {"face_id": face.face_id, "photo_id": face.photo.photo_id}


def _number(number: PersonNumber) -> dict[str, Any]:
    return {
        "number": number.number,
        "state": number.state.value,
        "score": round(number.score, 4),
        "part_of": number.part_of,
        "has_conflict": bool(number.conflicts),
        "photo_ids": [evidence.photo.photo_id for evidence in number.evidence[:20]],
    }
