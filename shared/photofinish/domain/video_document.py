"""A video's analysis as JSON: what `photofinish analyze --json` prints of a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from photofinish.domain.number_votes import NumberVote
from photofinish.domain.photo import PhotoRef
from photofinish.domain.video_analysis import AnalyzedFrame, Appearance, VideoAnalysis, VideoNumber, VideoPerson

VIDEO_DOCUMENT_VERSION = 1
_DIGITS = 6
_TIME_DIGITS = 3


def video_document(video: PhotoRef, analysis: VideoAnalysis, *, embeddings: bool = False) -> dict[str, Any]:
    """Build the document; `embeddings` adds each person's centroid. Times are seconds from the video's beginning."""
    info = analysis.info
    return {
        "video_version": VIDEO_DOCUMENT_VERSION,
        "pipeline_version": analysis.pipeline_version,
        "video": {
            "bucket": video.bucket,
            "name": video.name,
            "generation": video.generation,
            "album": video.album,
            "video_id": video.photo_id,
        },
        "stream": {
            "container": info.container,
            "codec": info.codec,
            "width": info.width,
            "height": info.height,
            "duration_s": None if info.duration_s is None else _time(info.duration_s),
            "frames_a_second": round(info.frames_a_second, _TIME_DIGITS),
            "rotation_deg": info.rotation_deg,
            "transfer": info.transfer,
            "audio_tracks": info.audio_tracks,
        },
        "warnings": [{"code": warning.code.value, "message": warning.message} for warning in analysis.warnings],
        "scenes": [_scene(analysis, number, frames) for number, frames in enumerate(analysis.frames_by_scene())],
        "people": [_person(analysis, person, embeddings=embeddings) for person in analysis.people],
        "numbers": [_number(number) for number in analysis.numbers],
        "models": dict(analysis.models),
        "timings_ms": {stage: round(ms, 2) for stage, ms in analysis.timings_ms.items()},
    }


def _scene(analysis: VideoAnalysis, number: int, frames: Sequence[AnalyzedFrame]) -> dict[str, Any]:
    scene = analysis.scenes[number]
    sharpest = max(frames, key=lambda frame: frame.sharpness, default=None)
    return {
        "start_s": _time(scene.start_s),
        "end_s": _time(scene.end_s),
        "frames": len(frames),
        "sharpest_s": None if sharpest is None else _time(sharpest.at_s),
        "people": [index for index, one in enumerate(analysis.people) if _is_in(one.appearances, number)],
        "numbers": [one.vote.number for one in analysis.numbers if _is_in(one.appearances, number)],
    }


def _person(analysis: VideoAnalysis, person: VideoPerson, *, embeddings: bool) -> dict[str, Any]:
    best = person.track.best
    face = analysis.frames[best.frame].faces[best.index]
    document = {
        "frames": len(person.track.sightings),
        "seen_s": _time(person.seen_s),
        "appearances": _appearances(person.appearances),
        "best_view": {
            "at_s": _time(best.at_s),
            "scene": best.scene,
            "box": {edge: round(float(value), _DIGITS) for edge, value in best.box.by_name.items()},
            "quality": round(float(best.quality), _DIGITS),
        },
        "number": None if person.number is None else _vote(person.number),
    }
    if embeddings:
        vector = [float(value) for value in person.track.centroid]
        document["embedding"] = {"space": face.embedding.space, "vector": vector}
    return document


def _number(number: VideoNumber) -> dict[str, Any]:
    return _vote(number.vote) | {
        "appearances": _appearances(number.appearances),
        "people": list(number.people),
    }


def _vote(vote: NumberVote) -> dict[str, Any]:
    return {
        "number": vote.number,
        "score": round(float(vote.score), _DIGITS),
        "votes": vote.votes,
        "readings": vote.readings,
    }


def _appearances(appearances: Sequence[Appearance]) -> list[dict[str, Any]]:
    return [
        {"scene": one.scene, "start_s": _time(one.start_s), "end_s": _time(one.end_s), "frames": one.frames}
        for one in appearances
    ]


def _is_in(appearances: Sequence[Appearance], scene: int) -> bool:
    return any(one.scene == scene for one in appearances)


def _time(seconds: float) -> float:
    return round(float(seconds), _TIME_DIGITS)
