"""Restore a photo's rows and document from its sidecar. A sidecar has no embeddings: what lost those is analysed again.

Both ways ask what is erased, and the index asks who may be indexed, as every other writer does; an erasure that begins
meanwhile wins. Each write is one transaction, so a crash leaves the old state or the new one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from photofinish.application.bibs.projection import bib_fields
from photofinish.application.checking.facts import PhotoFacts
from photofinish.application.checking.results import sidecar_faces
from photofinish.application.commit import document_fields
from photofinish.application.consent.admission import FaceAdmission
from photofinish.domain.album_event import EventType
from photofinish.domain.bib_changes import PhotoBibs
from photofinish.domain.bib_corrections import corrected
from photofinish.domain.erasure import sidecar_without_erased
from photofinish.domain.photo import PhotoRef
from photofinish.domain.photo_document import stored_fields
from photofinish.domain.sidecar import preview_name, sidecar, sidecar_bytes, sidecar_name, unlinked_name
from photofinish.domain.stored_analysis import analysis_of
from photofinish.ports import AlbumContents, Documents, ErasableObjects, ErasedMeanwhile, FaceIndex, PhotoRows


class ResultRestoring:
    """Writes what a sidecar says of a result to the stores that lost it."""

    def __init__(
        self,
        *,
        documents: Documents,
        contents: AlbumContents,
        index: FaceIndex,
        objects: ErasableObjects,
        admission: FaceAdmission,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._documents = documents
        self._contents = contents
        self._index = index
        self._objects = objects
        self._admission = admission
        self._now = now

    def can_index(self, facts: PhotoFacts) -> bool:
        """Whether the sidecar, with the embeddings that the index still has, is all that the index needs."""
        return self._with_embeddings(facts, facts.rows) is not None

    def index(self, facts: PhotoFacts) -> bool:
        """Index the result of the photo's sidecar in place of what is indexed; False if it cannot be.

        Corrections stay; erased faces do not come back, nor do those that may not be indexed any more.
        """
        rows = facts.rows
        while True:
            found = self._with_embeddings(facts, rows)
            if found is None or facts.result is None:
                return False
            photo, version = facts.result
            try:
                analysis = analysis_of(*found)
            except KeyError:  # a sidecar of an early version, which lacks some of it
                return False
            admitted = self._admission.admit(photo.album, analysis)
            if admitted is not analysis or found[0] != facts.sidecar:
                content = sidecar_bytes(sidecar(photo, admitted, version))
                self._objects.replace_derived(sidecar_name(photo, version), content, "application/json")
            if rows.ref is not None and rows.ref.generation > photo.generation:
                self._contents.remove_result(photo.album, photo.photo_id, generation=photo.generation)
            try:
                return self._index.replace(photo, version, admitted) is not None
            except ErasedMeanwhile:
                rows = self._contents.rows(photo.album, [photo.photo_id])[photo.photo_id]

    def document(self, facts: PhotoFacts, *, keep_originals: bool) -> bool:
        """Write the photo's document from its sidecar and its rows; False if these do not agree, or it is newer."""
        rows = facts.rows
        while True:
            fields = self.fields(facts, rows, keep_originals=keep_originals)
            if fields is None or facts.result is None:
                return False
            photo, _ = facts.result
            written = self._documents.restore_result(photo, fields)
            # An erasure that began meanwhile may have looked at the document before it was written here.
            now = self._contents.rows(photo.album, [photo.photo_id])[photo.photo_id]
            if (now.erased_generation, now.erased_faces) == (rows.erased_generation, rows.erased_faces):
                return written
            rows = now

    def fields(self, facts: PhotoFacts, rows: PhotoRows, *, keep_originals: bool) -> dict[str, Any] | None:
        """The fields of the document; None where sidecar and database do not agree on the result."""
        if facts.result is None or facts.sidecar is None:
            return None
        photo, version = facts.result
        if rows.is_erased(photo.generation) or (rows.ref, rows.pipeline_version) != (photo, version):
            return None
        clean = sidecar_without_erased(dict(facts.sidecar), rows.erased_parts(photo.generation))
        faces = sidecar_faces(photo, version, clean)
        if faces.keys() != rows.faces.keys():
            return None
        has_renditions = keep_originals or _has_preview(facts, photo, version)
        shown = PhotoBibs(photo=photo, bibs=corrected(rows.read, faces, rows.corrections), revision=rows.revision)
        erased = sorted(face.face_id for face in rows.erased_faces if face.generation == photo.generation)
        return (
            ({} if facts.original is None or facts.original.ref != photo else stored_fields(facts.original))
            | document_fields(photo, clean, has_renditions=has_renditions)
            | bib_fields(shown)
            | ({"erased_faces": erased} if erased else {})
            | self._history(facts, photo)
        )

    def _history(self, facts: PhotoFacts, photo: PhotoRef) -> dict[str, Any]:
        """When the result came, as the event log tells it, so that the same result is not told again."""
        if facts.record is not None:
            return {}
        told = {one.type: one.occurred_at for one in facts.rows.events if one.generation == photo.generation}
        uploaded_at = facts.original.uploaded_at if facts.original is not None else None
        queued_at = told.get(EventType.PHOTO_QUEUED) or uploaded_at or self._now()
        done_at = told.get(EventType.PHOTO_DONE) or self._now()
        stages = {"uploaded_at": uploaded_at or queued_at, "queued_at": queued_at, "done_at": done_at}
        return {"queued_at": queued_at, "done_at": done_at, "stages": stages, "trace_id": uuid.uuid4().hex}

    def _with_embeddings(self, facts: PhotoFacts, rows: PhotoRows) -> tuple[dict[str, Any], list[Any]] | None:
        """The sidecar without what is erased, and its faces' embeddings, all of which the index has."""
        if facts.result is None or facts.sidecar is None:
            return None
        photo, version = facts.result
        if rows.is_erased(photo.generation):
            return None
        clean = sidecar_without_erased(dict(facts.sidecar), rows.erased_parts(photo.generation))
        face_ids = list(sidecar_faces(photo, version, clean))
        known = self._index.embeddings(photo.album, face_ids)
        if known.keys() != set(face_ids):
            return None
        return clean, [known[one] for one in face_ids]


def rows_now(facts: PhotoFacts, contents: AlbumContents) -> PhotoFacts:
    """The same facts with the rows as they are now."""
    return replace(facts, rows=contents.rows(facts.album, [facts.photo_id])[facts.photo_id])


def _has_preview(facts: PhotoFacts, photo: PhotoRef, version: str) -> bool:
    preview = preview_name(photo, version)
    return bool({preview, unlinked_name(preview)} & facts.objects)
