"""The analysis in a sidecar, for stores that lost it. A sidecar holds everything but the faces' embeddings."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from photofinish.domain.analysis import ImageInfo, PhotoAnalysis, WithheldFace
from photofinish.domain.bib import Bib
from photofinish.domain.depiction import depiction_of
from photofinish.domain.face import Embedding, Face, FaceTrack
from photofinish.domain.geometry import Box
from photofinish.domain.photo_warning import PhotoWarning, WarningCode
from photofinish.domain.pose import Pose
from photofinish.domain.quality import QualityReason
from photofinish.domain.sharpness import Sharpness
from photofinish.domain.start_list import BibCandidate
from photofinish.domain.stored_text import stored_text_of
from photofinish.domain.video import Span, VideoFacts, VideoInfo


def bibs_of_sidecar(document: Mapping[str, Any]) -> tuple[Bib, ...]:
    """The numbers that a sidecar (in the form of :func:`read_sidecar`) has."""
    return tuple(
        Bib(
            number=bib["number"],
            ocr_score=bib["ocr_score"],
            box=Box(**bib["box"]),
            face_index=bib["face_index"],
            partial=bib.get("partial", False),
            candidates=tuple(BibCandidate(**one) for one in bib.get("candidates", ())),
        )
        for bib in document["bibs"]
    )


def analysis_of(document: Mapping[str, Any], embeddings: Sequence[Embedding]) -> PhotoAnalysis:
    """The analysis that a sidecar (in the form of :func:`read_sidecar`) was made of; one embedding for each face.

    Raises:
        KeyError: the sidecar is of an early version, which lacks some of it.
    """
    image, sharpness = document["image"], document["sharpness"]
    placeholder, perceptual_hash = document.get("placeholder"), document.get("perceptual_hash")
    return PhotoAnalysis(
        image=ImageInfo(
            width=image["width"],
            height=image["height"],
            format=image["format"],
            taken_at=None if image["taken_at"] is None else datetime.fromisoformat(image["taken_at"]),
            camera=image["camera"],
        ),
        faces=tuple(face_of(face, one) for face, one in zip(document["faces"], embeddings, strict=True)),
        bibs=bibs_of_sidecar(document),
        text=stored_text_of(document).lines,
        sharpness=Sharpness(
            frame=sharpness["frame"],
            laplacian_variance=sharpness["laplacian_variance"],
            is_blurry=sharpness["is_blurry"],
        ),
        models=dict(document["models"]),
        timings_ms=dict(document["timings_ms"]),
        warnings=tuple(
            PhotoWarning(code=WarningCode(one["code"]), message=one["message"]) for one in document.get("warnings", ())
        ),
        face_areas=tuple(Box(**area) for area in document.get("face_areas", ())),
        erased_faces=tuple(document.get("erased_faces", ())),
        withheld_faces=tuple(
            WithheldFace(number=one["number"], box=Box(**one["box"])) for one in document.get("withheld_faces", ())
        ),
        placeholder=None if placeholder is None else base64.b64decode(placeholder),
        perceptual_hash=None if perceptual_hash is None else int(perceptual_hash, 16),
        depiction=depiction_of(document["depiction"]) if "depiction" in document else None,
        video=_video(document["video"], image) if "video" in document else None,
    )


def _video(video: Mapping[str, Any], image: Mapping[str, Any]) -> VideoFacts:
    return VideoFacts(
        info=VideoInfo(
            container=image["format"],
            codec=video["codec"],
            width=image["width"],
            height=image["height"],
            duration_s=video["duration_s"],
            frames_a_second=video["frames_a_second"],
            rotation_deg=video["rotation_deg"],
            transfer=video["transfer"],
            audio_tracks=video["audio_tracks"],
        ),
        poster_s=video["poster_s"],
        scenes=tuple(Span(**scene) for scene in video["scenes"]),
    )


def _track(face: Mapping[str, Any]) -> FaceTrack:
    return FaceTrack(
        seen_s=face["seen_s"],
        sightings=tuple(Box(**box) for box in face["sightings"]),
        poster_box=None if face["poster_box"] is None else Box(**face["poster_box"]),
    )


def face_of(face: Mapping[str, Any], embedding: Embedding) -> Face:
    """The face of a sidecar, with the embedding that it lacks."""
    right_eye, left_eye, nose, right_mouth, left_mouth = ((point["x"], point["y"]) for point in face["landmarks"])
    return Face(
        box=Box(**face["box"]),
        landmarks=(right_eye, left_eye, nose, right_mouth, left_mouth),
        detection_score=face["detection_score"],
        sharpness=face["sharpness"],
        quality=face["quality"],
        quality_reasons=tuple(QualityReason(reason) for reason in face["quality_reasons"]),
        pose=Pose(**face["pose"]),
        brightness=face["brightness"],
        embedding=embedding,
        track=_track(face) if "sightings" in face else None,
    )
