"""Everything that is kept about one person of an album, as an archive for them.

`subject.json` has the person, their consents, opt-outs, enrolment pictures, faces, photos, bib numbers and the audit's
entries about them; `photos/` has a preview of each of their photos, with every other face redacted. Embeddings are left
out: they tell a person nothing, and anyone else who gets the archive could find the person by them. Their number is
told.
"""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from photofinish.analysis.imaging.redaction import redacted_jpeg
from photofinish.application.previews import read_rendition
from photofinish.domain.album_policy import RedactionStyle
from photofinish.domain.people import Person, UnknownPerson
from photofinish.domain.photo import PhotoRef
from photofinish.domain.redaction import faces_in_picture, redacted_areas
from photofinish.errors import NotFound
from photofinish.ports import (
    AccessStore,
    Consents,
    DerivedObjects,
    Documents,
    Enrolments,
    People,
    PeopleNumbers,
    PersonFace,
    Subscriptions,
    SuppressionList,
)

# A response of Cloud Run over HTTP/1 has at most 32 MiB.
MAX_PREVIEW_BYTES = 24 * 2**20
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectAccess:
    """Collects what is kept about people."""

    people: People
    numbers: PeopleNumbers
    enrolments: Enrolments
    consents: Consents
    suppression: SuppressionList
    subscriptions: Subscriptions
    access: AccessStore
    documents: Documents
    derived: DerivedObjects

    def archive(self, album: str, person_id: str) -> bytes:
        """Return a zip file; previews beyond 24 MiB are left out, and `subject.json` says so for each photo.

        Raises:
            UnknownPerson: the album has no such person.
        """
        person = self.people.get(album, person_id)
        if person is None:
            raise UnknownPerson
        faces = list(self._faces(person))
        file, photos, left = io.BytesIO(), [], MAX_PREVIEW_BYTES
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for photo, own in _by_photo(faces).items():
                preview = self._preview(photo, {face.face.face_id for face in own})
                name = f"photos/{photo.photo_id}.jpg" if preview is not None and len(preview) <= left else None
                if name is not None and preview is not None:
                    archive.writestr(name, preview)
                    left -= len(preview)
                photos.append({"name": photo.name, "generation": photo.generation, "preview": name})
            document = self._document(person, faces, photos)
            archive.writestr("subject.json", json.dumps(document, indent=2, ensure_ascii=False, default=str))
        return file.getvalue()

    def _document(
        self, person: Person, faces: Sequence[PersonFace], photos: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        album, person_id = person.album, person.person_id
        return {
            "made_at": datetime.now(UTC).isoformat(),
            "person": asdict(person),
            "consents": [asdict(record) for record in self.consents.records(album, person_id)],
            "opt_outs": [asdict(entry) for entry in self.suppression.of_person(album, person_id)],
            # Not where messages go: a friend may have asked to be told about this person.
            "subscriptions": [
                {
                    "subscription_id": one.subscription_id,
                    "channel": one.channel,
                    "selfies": one.selfies,
                    "created_at": one.created_at,
                    "ends_at": one.ends_at,
                }
                for one in self.subscriptions.about(album, person_id)
            ],
            "enrolment_pictures": [asdict(upload) for upload in self.enrolments.uploads(album, person_id)],
            "bib_numbers": [
                {"number": one.number, "state": one.state, "score": one.score}
                for one in self.numbers.numbers(album, person_id)
            ],
            "faces": [
                {
                    "face_id": one.face.face_id,
                    "photo": one.face.photo.name,
                    "box": one.face.box.by_name,
                    "detection_score": one.face.detection_score,
                    "sharpness": one.face.sharpness,
                    "quality": one.face.quality,
                    "source": one.source,
                }
                for one in faces
            ],
            "photos": photos,
            "embeddings": {
                "of_faces": len(faces),
                "of_enrolment_pictures": person.enrolled_count,
                "why_not_here": "They are numbers by which anyone could recognise you. They are used to find your "
                "photos, kept in one database, and deleted with your faces.",
            },
            "audit": [asdict(entry) for entry in self.access.entries_about(album, person_id)],
        }

    def _faces(self, person: Person) -> Iterator[PersonFace]:
        offset = 0
        while page := self.people.faces(person.album, person.person_id, limit=_PAGE, offset=offset):
            yield from page
            offset += len(page)

    def _preview(self, photo: PhotoRef, own: set[str]) -> bytes | None:
        """The photo's preview with every other face redacted; None where it has none."""
        record = self.documents.get(photo.album, photo.photo_id)
        fields = record.fields if record is not None and record.ref == photo else {}
        name = (fields.get("renditions") or {}).get("preview")
        if name is None:
            return None
        faces, areas = faces_in_picture(fields)
        hidden = redacted_areas(areas, faces, own & faces.keys())
        try:
            preview = read_rendition(self.derived, name)
        except NotFound:
            return None
        return redacted_jpeg(preview, hidden, RedactionStyle.SOLID, noise_key=secrets.token_bytes(32))


def _by_photo(faces: Sequence[PersonFace]) -> dict[PhotoRef, list[PersonFace]]:
    photos: dict[PhotoRef, list[PersonFace]] = {}
    for face in sorted(faces, key=lambda one: one.face.photo.name):
        photos.setdefault(face.face.photo, []).append(face)
    return photos
