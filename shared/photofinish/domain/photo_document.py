"""The identity of a photo in its Firestore document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from photofinish.domain.erasure import ErasedPhoto, lines_without
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto


def identity_fields(ref: PhotoRef) -> dict[str, Any]:
    """The fields that say which version of which photo a document is about.

    `object` is the spelling of 0.1: it is written until all documents have `photo`, for apps and queries that use it.
    """
    named = {"bucket": ref.bucket, "name": ref.name, "generation": ref.generation}
    return {"photo": named | {"album": ref.album, "photo_id": ref.photo_id}, "object": named}


def stored_fields(photo: StoredPhoto) -> dict[str, Any]:
    """The :func:`identity_fields` of an uploaded photo, with its size and type."""
    fields = identity_fields(photo.ref)
    fields["photo"] |= {"size_bytes": photo.size_bytes, "content_type": photo.content_type}
    fields["object"] |= {"size": photo.size_bytes, "content_type": photo.content_type}
    return fields if photo.checksum is None else fields | {"checksum": photo.checksum}


# What an analysis found; a photo that is rejected when it is analysed again has none of it.
RESULT_FIELDS = frozenset(
    {"image", "warnings", "has_warnings", "sharpness", "faces", "face_areas", "withheld_faces", "bibs", "bib_numbers"}
    | {"kind", "video", "text", "sidecar", "renditions", "placeholder", "pipeline_version", "models", "timings_ms"}
)


def progress_fields(parts_done: int, parts: int, *, now: datetime) -> dict[str, Any]:
    """How far the analysis of a video is; one attempt is open, and it goes well."""
    return {"progress": {"parts_done": parts_done, "parts": parts}, "changed_at": now, "open_attempts": 1}


def duplicate_fields(original: str) -> dict[str, Any]:
    """The result of a photo with the bytes of another one: that one has what was found.

    Without its checksum, because no photo is to be the duplicate of a duplicate.
    """
    nothing: dict[str, Any] = {name: [] for name in ("faces", "bibs", "bib_numbers", "text", "warnings")}
    return nothing | {"duplicate_of": original, "checksum": None, "has_warnings": False}


def original_among(found: Iterable[tuple[str, Mapping[str, Any]]]) -> str | None:
    """Return the photo, of id and document, that was queued first of those that have a result or will have one."""
    usable = {PhotoStatus.QUEUED.value, PhotoStatus.PROCESSING.value, PhotoStatus.DONE.value}
    queued = [(fields["queued_at"], photo_id) for photo_id, fields in found if fields["status"] in usable]
    return min(queued)[1] if queued else None


def erased_fields(photo: ErasedPhoto, *, album: str, at: datetime) -> dict[str, Any]:
    """All that stays in the document of an erased photo."""
    return {
        "photo": {"album": album, "photo_id": photo.photo_id, "generation": photo.generation},
        "status": PhotoStatus.ERASED.value,
        "changed_at": at,
    }


def is_erased(fields: Mapping[str, Any]) -> bool:
    """Whether the document is that of an erased photo; it has no name and cannot be shown."""
    return fields.get("status") == PhotoStatus.ERASED.value


def is_erased_upload(album: Mapping[str, Any], photo: StoredPhoto) -> bool:
    """Whether a photo was uploaded before its album was erased, by the album's document."""
    erased_at = album.get("erased_at")
    return erased_at is not None and photo.uploaded_at <= erased_at


def is_uploaded_after(fields: Mapping[str, Any], at: datetime) -> bool:
    """Whether the document is about a photo that is known to be uploaded after `at`."""
    uploaded_at = fields.get("stages", {}).get("uploaded_at")
    return uploaded_at is not None and uploaded_at > at


def generation_of(fields: Mapping[str, Any]) -> int:
    """The generation of the photo that a document is about, also where the photo is erased."""
    return int((fields["photo"] if "photo" in fields else fields["object"])["generation"])


def without_faces(fields: Mapping[str, Any], face_ids: Collection[str]) -> dict[str, Any]:
    """Leave erased faces out of the fields of a photo's document, with the numbers and lines of text beside them."""
    bibs = [bib for bib in fields.get("bibs", ()) if bib.get("face_id") not in face_ids]
    gone = {bib["number"] for bib in fields.get("bibs", ()) if bib not in bibs}
    return dict(fields) | {
        "faces": [face for face in fields.get("faces", ()) if face["face_id"] not in face_ids],
        "bibs": bibs,
        "bib_numbers": sorted({bib["number"] for bib in bibs}),
        "text": lines_without(fields.get("text", ()), gone),
    }


def without_erased_faces(fields: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Leave faces that were erased from the `known` document out of new fields for it."""
    erased = known.get("erased_faces", ())
    return without_faces(fields, erased) if erased and "faces" in fields else dict(fields)


def ref_of(fields: Mapping[str, Any]) -> PhotoRef:
    """The photo version that a document is about, whether it was written by this version or by 0.1."""
    named = fields["photo"] if "photo" in fields else fields["object"]
    return PhotoRef(bucket=named["bucket"], name=named["name"], generation=int(named["generation"]))
