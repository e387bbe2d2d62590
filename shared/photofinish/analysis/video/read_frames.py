"""What was found in the frames of a video, or of a part of it, before anything is followed through them."""

from __future__ import annotations

import base64
import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.domain.depiction import depiction_of, stored_depiction
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.sharpness import Sharpness
from photofinish.domain.sidecar import bib_documents, face_document
from photofinish.domain.stored_analysis import bibs_of_sidecar, face_of
from photofinish.domain.video import FrameChange, Span, VideoInfo
from photofinish.domain.video_analysis import AnalyzedFrame
from photofinish.domain.video_as_photo import Poster, poster_value


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterFrame:
    """The frame that stands for a video, or for a part of it."""

    value: float
    poster: Poster
    preview_jpeg: bytes = field(repr=False)
    thumbnail_webp: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True)
class ReadFrames:
    """The frames, in order, and how each frame of the video differs from those before it."""

    info: VideoInfo
    changes: list[FrameChange] = field(default_factory=list)
    frames: list[AnalyzedFrame] = field(default_factory=list)
    poster: PosterFrame | None = None
    """The best of them; None without frames."""
    timings_ms: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, frame: AnalyzedFrame, found: AnalyzedPhoto) -> None:
        """Add an analysed frame."""
        self.frames.append(frame)
        self._add_times(found.analysis.timings_ms)
        value = poster_value(frame.sharpness, frame.faces)
        if self.poster is None or value > self.poster.value:
            shown = found.analysis
            self.poster = PosterFrame(
                value=value,
                poster=Poster(
                    at_s=frame.at_s,
                    sharpness=shown.sharpness,
                    face_areas=shown.face_areas,
                    placeholder=shown.placeholder,
                    depiction=shown.depiction,
                ),
                preview_jpeg=found.preview_jpeg,
                thumbnail_webp=found.thumbnail_webp,
            )

    def append(self, part: ReadFrames) -> None:
        """Add the part of the video that follows."""
        self.changes += part.changes
        self.frames += part.frames
        self._add_times(part.timings_ms)
        if part.poster is not None and (self.poster is None or part.poster.value > self.poster.value):
            self.poster = part.poster

    def _add_times(self, timings_ms: Any) -> None:
        for stage, ms in timings_ms.items():
            self.timings_ms[stage] += ms


def encode_frames(read: ReadFrames) -> bytes:
    """Encode what was found in a part; it has embeddings, so it may lie only where embeddings may."""
    faces = [face for frame in read.frames for face in frame.faces]
    vectors = np.stack([face.embedding.vector for face in faces]) if faces else np.zeros((0, 1), np.float32)
    document = {
        "info": asdict(read.info),
        "changes": [list(asdict(change).values()) for change in read.changes],
        "frames": [
            {
                "at_s": frame.at_s,
                "stands_for": asdict(frame.stands_for),
                "sharpness": frame.sharpness,
                "faces": [face_document(face) for face in frame.faces],
                "bibs": bib_documents(frame.bibs),
            }
            for frame in read.frames
        ],
        "space": faces[0].embedding.space if faces else "",
        "dimension": vectors.shape[1],
        "vectors": _text(vectors.astype("<f4").tobytes()),
        "poster": None if read.poster is None else _poster_document(read.poster),
        "timings_ms": dict(read.timings_ms),
    }
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def decode_frames(content: bytes) -> ReadFrames:
    """The reverse of :func:`encode_frames`."""
    document = json.loads(zlib.decompress(content))
    flat: NDArray[np.float32] = np.frombuffer(_bytes(document["vectors"]), "<f4").astype(np.float32)
    embeddings = iter(
        [Embedding(vector, document["space"]) for vector in flat.reshape(-1, document["dimension"])]
        if flat.size
        else ()
    )
    read = ReadFrames(
        info=VideoInfo(**document["info"]),
        changes=[FrameChange(**dict(zip(_CHANGE, values, strict=True))) for values in document["changes"]],
        frames=[
            AnalyzedFrame(
                at_s=frame["at_s"],
                stands_for=Span(**frame["stands_for"]),
                faces=tuple(face_of(face, next(embeddings)) for face in frame["faces"]),
                bibs=bibs_of_sidecar(frame),
                sharpness=frame["sharpness"],
            )
            for frame in document["frames"]
        ],
        poster=None if document["poster"] is None else _poster(document["poster"]),
    )
    read.timings_ms.update(document["timings_ms"])
    return read


def joined(parts: Sequence[ReadFrames]) -> ReadFrames:
    """Put the parts of a video together, given in order, one or more."""
    whole = ReadFrames(info=parts[0].info)
    for part in parts:
        whole.append(part)
    return whole


_CHANGE = tuple(FrameChange.__dataclass_fields__)


def _poster_document(frame: PosterFrame) -> dict[str, Any]:
    poster = frame.poster
    return {
        "value": frame.value,
        "at_s": poster.at_s,
        "sharpness": asdict(poster.sharpness),
        "face_areas": [box.by_name for box in poster.face_areas],
        "placeholder": None if poster.placeholder is None else _text(poster.placeholder),
        "depiction": None if poster.depiction is None else stored_depiction(poster.depiction),
        "preview_jpeg": _text(frame.preview_jpeg),
        "thumbnail_webp": _text(frame.thumbnail_webp),
    }


def _poster(document: dict[str, Any]) -> PosterFrame:
    return PosterFrame(
        value=document["value"],
        poster=Poster(
            at_s=document["at_s"],
            sharpness=Sharpness(**document["sharpness"]),
            face_areas=tuple(Box(**box) for box in document["face_areas"]),
            placeholder=None if document["placeholder"] is None else _bytes(document["placeholder"]),
            depiction=None if document["depiction"] is None else depiction_of(document["depiction"]),
        ),
        preview_jpeg=_bytes(document["preview_jpeg"]),
        thumbnail_webp=_bytes(document["thumbnail_webp"]),
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
