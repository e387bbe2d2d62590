"""The last steps of a photo's way. Every write is keyed and guarded, so repeating any of them changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.domain.face import face_id
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import preview_name, sidecar, sidecar_bytes, sidecar_name
from photofinish.errors import RejectedInput
from photofinish.ports import Documents, FaceIndex, PhotoStore, ResultEvents


def commit_analysis(
    photo: PhotoRef,
    analyzed: AnalyzedPhoto,
    *,
    fetch_ms: float,
    store: PhotoStore,
    index: FaceIndex,
    documents: Documents,
    events: ResultEvents,
) -> None:
    """Sidecar ▸ preview ▸ Postgres ▸ Firestore ▸ result message; the caller acknowledges afterwards.

    A crash between any two steps is healed by the next delivery, which runs all of them again.
    """
    pipeline_version = analyzed.pipeline_version
    document = sidecar(photo, analyzed.analysis, pipeline_version)
    began = time.perf_counter()
    store.put_derived(sidecar_name(photo, pipeline_version), sidecar_bytes(document), "application/json")
    store.put_derived(preview_name(photo, pipeline_version), analyzed.preview_jpeg, "image/jpeg")
    stored = time.perf_counter()
    index.replace(photo, pipeline_version, analyzed.analysis)
    indexed = time.perf_counter()
    # The sidecar tells the analysis' times; these are known only once it is written.
    io_ms = {"fetch": fetch_ms, "store": (stored - began) * 1000, "index": (indexed - stored) * 1000}
    fields = document_fields(photo, document)
    fields["timings_ms"] = fields["timings_ms"] | {stage: round(ms, 2) for stage, ms in io_ms.items()}
    documents.record_final(photo, PhotoStatus.DONE, fields)
    events.publish_result(photo, PhotoStatus.DONE)


def commit_rejection(
    photo: PhotoRef, rejection: RejectedInput, *, index: FaceIndex, documents: Documents, events: ResultEvents
) -> None:
    """Nothing of an older version stays searchable; the photo gets the reason, in words."""
    index.remove(photo)
    documents.record_final(photo, PhotoStatus.REJECTED, {}, error=(rejection.code, rejection.message))
    events.publish_result(photo, PhotoStatus.REJECTED)


def document_fields(photo: PhotoRef, document: Mapping[str, Any]) -> dict[str, Any]:
    """The photo's Firestore fields out of its sidecar: a projection that can be rebuilt at any time.

    Boxes and landmarks become maps, because Firestore takes no array inside an array. Embeddings are never here.
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
