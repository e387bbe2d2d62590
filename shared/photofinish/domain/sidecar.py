"""The sidecar: versioned, deterministic JSON of everything found in one photo."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from photofinish.domain.analysis import PhotoAnalysis, PictureAnalysis, kept_numbers
from photofinish.domain.bib import Bib, TextLine
from photofinish.domain.depiction import stored_depiction
from photofinish.domain.face import DescribedFace, Face, FaceTrack
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.start_list import CONFUSION

SIDECAR_VERSION = 2
_DERIVED = re.compile(
    r"(sidecars|renditions)/[^/]+/(?P<photo_id>[^/]+)/"
    r"(?P<generation>[0-9]+)\.(?P<version>.+)\.(json|preview\.jpg|thumbnail\.webp|unlinked\.(jpg|webp))"
)
_FRACTION_DIGITS = 6
_TIME_DIGITS = 3


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
    } | findings(analysis, embeddings=embeddings)


def findings(analysis: PhotoAnalysis, *, embeddings: bool = False) -> dict[str, Any]:
    """Return what a sidecar says of the picture itself."""
    found = findings_of_picture(analysis) | {"face_areas": [_box(area) for area in analysis.face_areas]}
    if embeddings:
        found["faces"] = [
            described
            | {"embedding": {"space": face.embedding.space, "vector": [float(v) for v in face.embedding.vector]}}
            for described, face in zip(found["faces"], analysis.faces, strict=True)
        ]
    if analysis.depiction is not None:
        found["depiction"] = stored_depiction(analysis.depiction)
    return found | _left_out(analysis) | _of_renditions(analysis) | _of_video(analysis)


def findings_of_picture(analysis: PictureAnalysis) -> dict[str, Any]:
    """Return what is found in any picture, in the form of a sidecar."""
    return {
        "image": {
            "width": analysis.image.width,
            "height": analysis.image.height,
            "format": analysis.image.format,
            "taken_at": analysis.image.taken_at.isoformat() if analysis.image.taken_at else None,
            "camera": analysis.image.camera,
        },
        "warnings": [{"code": warning.code.value, "message": warning.message} for warning in analysis.warnings],
        "faces": [face_document(face) for face in analysis.faces],
        "bibs": bib_documents(analysis.bibs),
        "text": [
            {"text": line.text, "ocr_score": _round(line.ocr_score), "box": _box(line.box)}
            | ({"corners": [{"x": _round(x), "y": _round(y)} for x, y in line.quad.corners]} if line.quad else {})
            | _digits(line)
            for line in analysis.text
        ],
        "sharpness": {
            "frame": _round(analysis.sharpness.frame),
            "laplacian_variance": _round(analysis.sharpness.laplacian_variance),
            "is_blurry": analysis.sharpness.is_blurry,
        },
        "models": dict(analysis.models),
        "timings_ms": {stage: round(ms, 2) for stage, ms in analysis.timings_ms.items()},
    }


def bib_documents(bibs: Sequence[Bib]) -> list[dict[str, Any]]:
    """The numbers of a sidecar."""
    return [
        {
            "number": bib.number,
            "ocr_score": _round(bib.ocr_score),
            "box": _box(bib.box),
            "face_index": bib.face_index,
            "partial": bib.partial,
            "candidates": [
                {"number": candidate.number, "probability": _round(candidate.probability)}
                for candidate in bib.candidates
            ],
        }
        for bib in bibs
    ]


def face_document(face: DescribedFace) -> dict[str, Any]:
    """A face of a sidecar, without its embedding."""
    return {
        "box": _box(face.box),
        "landmarks": [{"x": _round(x), "y": _round(y)} for x, y in face.landmarks],
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
    } | (_track(face.track) if isinstance(face, Face) and face.track is not None else {})


def _track(track: FaceTrack) -> dict[str, Any]:
    return {
        "seen_s": _seconds(track.seen_s),
        "sightings": [_box(box) for box in track.sightings],
        "poster_box": None if track.poster_box is None else _box(track.poster_box),
    }


def face_places(face: Mapping[str, Any]) -> tuple[Box, ...]:
    """Everywhere a face of a sidecar was found, see :attr:`Face.places`."""
    return Box(**face["box"]), *(Box(**box) for box in face.get("sightings", ()))


def face_numbers(document: Mapping[str, Any]) -> tuple[int, ...]:
    """The number of each face of a sidecar, which its id is made of; see :attr:`PhotoAnalysis.face_numbers`."""
    withheld = [one["number"] for one in document.get("withheld_faces", ())]
    return kept_numbers(len(document["faces"]), [*document.get("erased_faces", ()), *withheld])


def sidecar_bytes(document: dict[str, Any]) -> bytes:
    """Encode a document as canonical JSON (sorted keys, no spaces, UTF-8): equal documents give equal bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def read_sidecar(content: bytes) -> dict[str, Any]:
    """Parse a sidecar of this version or the one before, and return it in the form of this version.

    Raises:
        ValueError: it is not a sidecar of these versions.
    """
    document = json.loads(content)
    match document:
        case {"sidecar_version": 1}:
            return _in_version_2(document)
        case {"sidecar_version": 2}:
            found: dict[str, Any] = document
            return found
        case _:
            raise ValueError("not a sidecar of version 1 or 2; a newer photofinish may have written it")


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


def thumbnail_name(photo: PhotoRef, pipeline_version: str) -> str:
    """Name of the thumbnail in the derived bucket."""
    return f"renditions/{photo.album}/{photo.photo_id}/{photo.generation}.{pipeline_version}.thumbnail.webp"


def unlinked_name(rendition: str) -> str | None:
    """The name that a preview or a thumbnail has after all links to it were ended, see `application/previews.py`.

    None for any other name, such as one of these.
    """
    for linked, unlinked in ((".preview.jpg", ".unlinked.jpg"), (".thumbnail.webp", ".unlinked.webp")):
        if rendition.endswith(linked):
            return rendition.removesuffix(linked) + unlinked
    return None


def derived_of(name: str) -> tuple[str, int, str] | None:
    """The photo's id, generation and pipeline version in the name of a derived object; None for another form."""
    match = _DERIVED.fullmatch(name)
    return None if match is None else (match["photo_id"], int(match["generation"]), match["version"])


def _in_version_2(document: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had boxes as [x, y, w, h], points as [x, y], and `candidates` only where there were any."""

    def boxed(part: Mapping[str, Any]) -> dict[str, Any]:
        return {**part, "box": dict(zip("xywh", part["box"], strict=True))}

    return document | {
        "sidecar_version": 2,
        "faces": [
            boxed(face) | {"landmarks": [dict(zip("xy", point, strict=True)) for point in face["landmarks"]]}
            for face in document["faces"]
        ],
        "bibs": [{"candidates": []} | boxed(bib) for bib in document["bibs"]],
        "text": [boxed(line) for line in document["text"]],
    }


def _left_out(analysis: PhotoAnalysis) -> dict[str, Any]:
    """Faces that were found and are not among `faces`; absent where there is none."""
    withheld = [{"number": one.number, "box": _box(one.box)} for one in analysis.withheld_faces]
    left_out = {"erased_faces": list(analysis.erased_faces), "withheld_faces": withheld}
    return {what: faces for what, faces in left_out.items() if faces}


def _of_renditions(analysis: PhotoAnalysis) -> dict[str, Any]:
    """The placeholder, and what similar photos are found by; absent where there are none."""
    found: dict[str, Any] = {}
    if analysis.placeholder is not None:
        found["placeholder"] = base64.b64encode(analysis.placeholder).decode("ascii")
    if analysis.perceptual_hash is not None:
        found["perceptual_hash"] = f"{analysis.perceptual_hash:016x}"
    return found


def _of_video(analysis: PhotoAnalysis) -> dict[str, Any]:
    """What only videos have; absent in photos."""
    video = analysis.video
    if video is None:
        return {}
    info = video.info
    return {
        "video": {
            "duration_s": _seconds(video.duration_s),
            "codec": info.codec,
            "frames_a_second": _seconds(info.frames_a_second),
            "rotation_deg": info.rotation_deg,
            "transfer": info.transfer,
            "audio_tracks": info.audio_tracks,
            "poster_s": _seconds(video.poster_s),
            "scenes": [{"start_s": _seconds(scene.start_s), "end_s": _seconds(scene.end_s)} for scene in video.scenes],
        }
    }


def _digits(line: TextLine) -> dict[str, Any]:
    """What a start list needs to judge the line's numbers; nothing for a line without digits.

    Only words with a digit can be numbers, and a start list counts any probability below `CONFUSION` as that.
    """
    found = {}
    for word in re.finditer(r"\S+", line.text if line.digit_probabilities else ""):
        if not re.search("[0-9]", word[0]):
            continue
        for position in range(word.start(), word.end()):
            likely = {
                str(digit): _round(probability)
                for digit, probability in enumerate(line.digit_probabilities[position])
                if probability >= CONFUSION
            }
            if likely:
                found[str(position)] = likely
    return {"digit_probabilities": found} if found else {}


def _box(box: Box) -> dict[str, float]:
    return {name: _round(value) for name, value in box.by_name.items()}


def _seconds(value: float) -> float:
    return round(float(value), _TIME_DIGITS)


def _round(value: float) -> float:
    return round(float(value), _FRACTION_DIGITS)
