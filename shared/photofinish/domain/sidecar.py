"""The sidecar: versioned, deterministic JSON of everything found in one photo."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef

SIDECAR_VERSION = 1
_FRACTION_DIGITS = 6


def sidecar(
    photo: PhotoRef, analysis: PhotoAnalysis, pipeline_version: str, *, embeddings: bool = False
) -> dict[str, Any]:
    """Build the sidecar document of one analysed photo; `embeddings` adds each face's vector and its space.

    It is valid against ``sidecar.schema.json`` in this folder.
    """
    return {
        "sidecar_version": SIDECAR_VERSION,
        "pipeline_version": pipeline_version,
        "photo": {
            "bucket": photo.bucket,
            "name": photo.name,
            "generation": photo.generation,
            "album": photo.album,
            "photo_id": photo.photo_id,
        },
        "image": {
            "width": analysis.image.width,
            "height": analysis.image.height,
            "format": analysis.image.format,
            "taken_at": analysis.image.taken_at.isoformat() if analysis.image.taken_at else None,
            "camera": analysis.image.camera,
        },
        "faces": [
            {
                "box": _box(face.box),
                "landmarks": [[_round(x), _round(y)] for x, y in face.landmarks],
                "detection_score": _round(face.detection_score),
                "sharpness": _round(face.sharpness),
                "quality": _round(face.quality),
                "quality_reasons": [reason.value for reason in face.quality_reasons],
                "pose": {
                    "roll_deg": _round(face.pose.roll_deg),
                    "yaw_deg": _round(face.pose.yaw_deg),
                    "pitch_deg": _round(face.pose.pitch_deg),
                },
                "brightness": _round(face.brightness),
            }
            | (
                {"embedding": {"space": face.embedding.space, "vector": [float(v) for v in face.embedding.vector]}}
                if embeddings
                else {}
            )
            for face in analysis.faces
        ],
        "bibs": [
            {
                "number": bib.number,
                "ocr_score": _round(bib.ocr_score),
                "box": _box(bib.box),
                "face_index": bib.face_index,
                "partial": bib.partial,
            }
            | (
                {
                    "candidates": [
                        {"number": candidate.number, "probability": _round(candidate.probability)}
                        for candidate in bib.candidates
                    ]
                }
                if bib.candidates
                else {}
            )
            for bib in analysis.bibs
        ],
        "text": [
            {"text": line.text, "ocr_score": _round(line.ocr_score), "box": _box(line.box)} for line in analysis.text
        ],
        "sharpness": {
            "frame": _round(analysis.sharpness.frame),
            "laplacian_variance": _round(analysis.sharpness.laplacian_variance),
            "is_blurry": analysis.sharpness.is_blurry,
        },
        "models": dict(analysis.models),
        "timings_ms": {stage: round(ms, 2) for stage, ms in analysis.timings_ms.items()},
    }


def sidecar_bytes(document: dict[str, Any]) -> bytes:
    """Encode a document as canonical JSON (sorted keys, no spaces, UTF-8): equal documents give equal bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sidecar_schema() -> dict[str, Any]:
    """Return the JSON Schema of sidecars."""
    text = resources.files(__package__).joinpath("sidecar.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def sidecar_name(photo: PhotoRef, pipeline_version: str) -> str:
    """Name of the sidecar in the derived bucket; it contains generation and version, so the object never changes."""
    return f"sidecars/{photo.album}/{photo.photo_id}/{photo.generation}.{pipeline_version}.json"


def preview_name(photo: PhotoRef, pipeline_version: str) -> str:
    """Name of the preview rendition in the derived bucket."""
    return f"renditions/{photo.album}/{photo.photo_id}/{photo.generation}.{pipeline_version}.preview.jpg"


def _box(box: Box) -> list[float]:
    return [_round(box.x), _round(box.y), _round(box.w), _round(box.h)]


def _round(value: float) -> float:
    return round(float(value), _FRACTION_DIGITS)
