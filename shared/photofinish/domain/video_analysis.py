"""Everything found in one video: its scenes, and the people and numbers in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from photofinish.domain.bib import Bib
from photofinish.domain.face import Face
from photofinish.domain.matching import Calibration
from photofinish.domain.number_votes import NumberReading, NumberVote, best_reading, follow_numbers, vote
from photofinish.domain.photo_warning import PhotoWarning
from photofinish.domain.video import Span, VideoInfo
from photofinish.domain.video_tracks import FaceSighting, Track, follow


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedFrame:
    """What was found in one frame, which stands for the frames around it."""

    at_s: float
    stands_for: Span
    faces: tuple[Face, ...]
    bibs: tuple[Bib, ...]
    sharpness: float
    """Re-blur sharpness of the whole frame at 1024 px, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """When a person or a number is seen in one scene."""

    scene: int
    start_s: float
    end_s: float
    frames: int
    """Analysed frames with it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoPerson:
    """One person in one video, without a name."""

    track: Track
    number: NumberVote | None
    number_at: NumberReading | None
    """The best reading of the number."""
    appearances: tuple[Appearance, ...]
    seen_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoNumber:
    """One bib number in one video, whether its wearer's face was seen or not."""

    vote: NumberVote
    best: NumberReading
    appearances: tuple[Appearance, ...]
    people: tuple[int, ...]
    """Who wears it, by their place among the video's people."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoAnalysis:
    """What the models found in one video."""

    info: VideoInfo
    warnings: tuple[PhotoWarning, ...]
    scenes: tuple[Span, ...]
    frames: tuple[AnalyzedFrame, ...]
    people: tuple[VideoPerson, ...]
    numbers: tuple[VideoNumber, ...]
    pipeline_version: str
    """Names the code's revisions, the models, and the album's bib rules where they differ from the default."""
    models: Mapping[str, str]
    timings_ms: Mapping[str, float]

    def frames_by_scene(self) -> list[list[AnalyzedFrame]]:
        """The frames of each scene, in order."""
        found: list[list[AnalyzedFrame]] = [[] for _ in self.scenes]
        for frame in self.frames:
            found[scene_at(self.scenes, frame.at_s)].append(frame)
        return found


def scene_at(scenes: Sequence[Span], at_s: float) -> int:
    """The number of the scene at a time; the last one from its end on."""
    return min(bisect_right(scenes, at_s, key=lambda scene: scene.end_s), len(scenes) - 1)


def people_and_numbers(
    frames: Sequence[AnalyzedFrame], scenes: Sequence[Span], calibration: Calibration
) -> tuple[tuple[VideoPerson, ...], tuple[VideoNumber, ...]]:
    """Follow faces and numbers through the frames of a video, given in order. Counted are tracks, not frames."""
    scene_of = [scene_at(scenes, frame.at_s) for frame in frames]
    sightings = [
        FaceSighting(
            frame=number,
            at_s=frame.at_s,
            scene=scene_of[number],
            index=index,
            box=face.box,
            vector=face.embedding.vector,
            quality=face.quality,
            number=next((bib.number for bib in frame.bibs if bib.face_index == index and not bib.partial), None),
        )
        for number, frame in enumerate(frames)
        for index, face in enumerate(frame.faces)
    ]
    tracks = follow(sightings, calibration)
    worn = [_readings_of(track, frames) for track in tracks]
    people = tuple(
        VideoPerson(
            track=track,
            number=(decided := vote(readings)),
            number_at=None if decided is None else best_reading(readings, decided.number),
            appearances=_appearances(((one.frame, one.scene) for one in track.sightings), frames),
            seen_s=sum(frames[frame].stands_for.duration_s for frame in sorted(track.frames)),
        )
        for track, readings in zip(tracks, worn, strict=True)
    )
    return people, _numbers(people, worn, _without_faces(frames, scene_of), frames)


def _readings_of(track: Track, frames: Sequence[AnalyzedFrame]) -> list[NumberReading]:
    return [
        _reading(one.frame, one.scene, frames[one.frame], bib)
        for one in track.sightings
        for bib in frames[one.frame].bibs
        if bib.face_index == one.index
    ]


def _without_faces(frames: Sequence[AnalyzedFrame], scene_of: Sequence[int]) -> list[NumberReading]:
    return [
        _reading(number, scene_of[number], frame, bib)
        for number, frame in enumerate(frames)
        for bib in frame.bibs
        if bib.face_index is None
    ]


def _reading(frame_number: int, scene: int, frame: AnalyzedFrame, bib: Bib) -> NumberReading:
    return NumberReading(
        frame=frame_number,
        at_s=frame.at_s,
        scene=scene,
        number=bib.number,
        score=bib.ocr_score,
        box=bib.box,
        partial=bib.partial,
    )


def _numbers(
    people: Sequence[VideoPerson],
    worn: Sequence[Sequence[NumberReading]],
    without_faces: Sequence[NumberReading],
    frames: Sequence[AnalyzedFrame],
) -> tuple[VideoNumber, ...]:
    """Each number once, with all its readings; a person's wrong readings count for the number that won."""
    readings_of: dict[str, list[NumberReading]] = {}
    wearers: dict[str, list[int]] = {}
    for index, (person, readings) in enumerate(zip(people, worn, strict=True)):
        if person.number is not None:
            readings_of.setdefault(person.number.number, []).extend(readings)
            wearers.setdefault(person.number.number, []).append(index)
    for group in follow_numbers(without_faces):
        if (decided := vote(group)) is not None:
            readings_of.setdefault(decided.number, []).extend(group)
    found = []
    for number, readings in sorted(readings_of.items()):
        if (decided := vote(readings)) is not None:
            found.append(
                VideoNumber(
                    vote=NumberVote(number=number, score=decided.score, votes=decided.votes, readings=decided.readings),
                    best=best_reading(readings, number),
                    appearances=_appearances(((one.frame, one.scene) for one in readings), frames),
                    people=tuple(wearers.get(number, ())),
                )
            )
    return tuple(found)


def _appearances(seen: Iterable[tuple[int, int]], frames: Sequence[AnalyzedFrame]) -> tuple[Appearance, ...]:
    """One for each scene, from (frame, scene) pairs."""
    by_scene = groupby(sorted(set(seen), key=lambda pair: (pair[1], pair[0])), key=lambda pair: pair[1])
    found = []
    for scene, pairs in by_scene:
        spans = [frames[frame].stands_for for frame, _ in pairs]
        found.append(Appearance(scene=scene, start_s=spans[0].start_s, end_s=spans[-1].end_s, frames=len(spans)))
    return tuple(found)
