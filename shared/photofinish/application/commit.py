"""What a task records about a photo, from the start of its analysis to its result.

Every write is keyed and guarded by generation, so repeating it changes nothing: a crash between any two writes is
healed by the next delivery, which makes all of them again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.domain.face import face_id
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import preview_name, sidecar, sidecar_bytes, sidecar_name
from photofinish.domain.work import is_version
from photofinish.errors import RejectedInput
from photofinish.ports import Documents, FaceIndex, PhotoStore, ResultEvents


class Committer:
    """Writes photos' progress and results to all stores; callers acknowledge afterwards. Threads may share it."""

    def __init__(self, store: PhotoStore, index: FaceIndex, documents: Documents, events: ResultEvents) -> None:
        self._store = store
        self._index = index
        self._documents = documents
        self._events = events

    def begin(self, photos: Sequence[PhotoRef], *, worker: str) -> set[PhotoRef]:
        """Mark photos as processing and return those that still need analysis.

        The result of one that is already final is published again, in case its task died before it could.
        """
        needed = self._documents.record_processing(photos, worker=worker)
        if repeated := [photo for photo in photos if photo not in needed]:
            states = self._documents.states(repeated)
            for photo in repeated:
                state = states.get(photo)
                if is_version(state, photo) and state.is_final:
                    self._events.publish_result(photo, state.status)
        return needed

    def commit(self, photo: PhotoRef, analyzed: AnalyzedPhoto, *, fetch_ms: float) -> None:
        """Write a result: sidecar ▸ preview ▸ Postgres ▸ Firestore ▸ result message."""
        version = analyzed.pipeline_version
        document = sidecar(photo, analyzed.analysis, version)
        began = time.perf_counter()
        self._store.put_derived(sidecar_name(photo, version), sidecar_bytes(document), "application/json")
        self._store.put_derived(preview_name(photo, version), analyzed.preview_jpeg, "image/jpeg")
        stored = time.perf_counter()
        self._index.replace(photo, version, analyzed.analysis)
        indexed = time.perf_counter()
        # The sidecar has the times of the analysis; these are known only after it is written.
        io_ms = {"fetch": fetch_ms, "store": (stored - began) * 1000, "index": (indexed - stored) * 1000}
        fields = document_fields(photo, document)
        fields["timings_ms"] = fields["timings_ms"] | {stage: round(ms, 2) for stage, ms in io_ms.items()}
        self._documents.record_final(photo, PhotoStatus.DONE, fields)
        self._events.publish_result(photo, PhotoStatus.DONE)

    def reject(self, photo: PhotoRef, rejection: RejectedInput) -> None:
        """Record why a photo cannot be analysed, and remove its older versions from the search."""
        self._index.remove(photo)
        self._documents.record_final(photo, PhotoStatus.REJECTED, {}, error=(rejection.code, rejection.message))
        self._events.publish_result(photo, PhotoStatus.REJECTED)

    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        """Record why this attempt failed, for operators; the photos stay unfinished."""
        self._documents.note_failure(photos, reason)


def document_fields(photo: PhotoRef, document: Mapping[str, Any]) -> dict[str, Any]:
    """Build the photo's Firestore fields from its sidecar: a projection that can be rebuilt at any time.

    Boxes become maps, because Firestore takes no array inside an array. Embeddings are never included.
    """
    version = document["pipeline_version"]
    return {
        "image": document["image"],
        "sharpness": document["sharpness"],
        "faces": [
            {
                "face_id": face_id(photo, version, number),
                "box": _box(face["box"]),
                "detection_score": face["detection_score"],
                "sharpness": face["sharpness"],
                "quality": face["quality"],
                "person_id": None,
            }
            for number, face in enumerate(document["faces"])
        ],
        "bibs": [
            {
                "number": bib["number"],
                "ocr_score": bib["ocr_score"],
                "partial": bib["partial"],
                "candidates": bib.get("candidates", []),
                "box": _box(bib["box"]),
                "face_id": None if bib["face_index"] is None else face_id(photo, version, bib["face_index"]),
            }
            for bib in document["bibs"]
        ],
        "bib_numbers": sorted({bib["number"] for bib in document["bibs"]}),
        "text": [line["text"] for line in document["text"]],
        "sidecar": sidecar_name(photo, version),
        "renditions": {"preview": preview_name(photo, version)},
        "pipeline_version": version,
        "models": document["models"],
        "timings_ms": document["timings_ms"],
    }


def _box(box: list[float]) -> dict[str, float]:
    return dict(zip("xywh", box, strict=True))
