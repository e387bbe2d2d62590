"""A video's result in the form of a photo's: a face for each person, a bib for each number, its poster as the picture.

So all that holds for photos (search, people, consent, erasure, retention) holds for videos, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from photofinish.domain.analysis import ImageInfo, PhotoAnalysis
from photofinish.domain.bib import Bib
from photofinish.domain.burst import face_value
from photofinish.domain.depiction import Depiction
from photofinish.domain.face import Embedding, Face, FaceTrack
from photofinish.domain.geometry import Box
from photofinish.domain.number_votes import NumberReading, NumberVote
from photofinish.domain.photo_warning import PhotoWarning, WarningCode
from photofinish.domain.sharpness import Sharpness
from photofinish.domain.start_list import BibCandidate
from photofinish.domain.video import VideoFacts
from photofinish.domain.video_analysis import AnalyzedFrame, VideoAnalysis, VideoPerson

MAX_PEOPLE = 1000
MAX_NUMBERS = 1000
"""A document has room for so many, see `MAX_SHOWN_SCENES`; those that are seen best are kept."""
_TIME_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """What was found in the frame that stands for the video."""

    at_s: float
    sharpness: Sharpness
    face_areas: tuple[Box, ...]
    placeholder: bytes | None
    depiction: Depiction | None = None


def poster_value(sharpness: float, faces: Sequence[Face]) -> float:
    """How well a frame stands for its video: a sharp picture of a large, clear face, as in bursts."""
    return sharpness + max((face_value(face.quality, face.box.h) for face in faces), default=0.0)


def as_photo(video: VideoAnalysis, poster: Poster) -> PhotoAnalysis:
    """Give the result of a video the form of a photo's."""
    people = _best(range(len(video.people)), [_worth(person) for person in video.people], MAX_PEOPLE)
    place = {person: position for position, person in enumerate(people)}
    bibs = [*_worn(video, place), *_without_wearer(video)]
    kept = _best(range(len(bibs)), [(bib.face_index is not None, bib.ocr_score) for bib in bibs], MAX_NUMBERS)
    left_out = len(video.people) - len(people) + len(bibs) - len(kept)
    return PhotoAnalysis(
        image=ImageInfo(width=video.info.width, height=video.info.height, format=video.info.container),
        faces=tuple(_face(video, video.people[person], poster) for person in people),
        bibs=tuple(bibs[position] for position in kept),
        text=(),
        sharpness=poster.sharpness,
        models=video.models,
        timings_ms=video.timings_ms,
        warnings=(*video.warnings, *_warning(left_out)),
        face_areas=poster.face_areas,
        placeholder=poster.placeholder,
        depiction=poster.depiction,
        video=VideoFacts(info=video.info, poster_s=poster.at_s, scenes=video.scenes),
    )


def _best(items: Sequence[int], worth: Sequence[tuple[bool, float]], limit: int) -> list[int]:
    """Those of most worth, in their order."""
    return sorted(sorted(items, key=lambda one: worth[one], reverse=True)[:limit])


def _worth(person: VideoPerson) -> tuple[bool, float]:
    return person.number is not None, person.track.best.quality


def _face(video: VideoAnalysis, person: VideoPerson, poster: Poster) -> Face:
    best = person.track.best
    face = video.frames[best.frame].faces[best.index]
    on_poster = next((one.box for one in person.track.sightings if one.at_s == poster.at_s), None)
    return replace(
        face,
        box=_at(best.box, best.at_s),
        embedding=Embedding(person.track.centroid, face.embedding.space),
        track=FaceTrack(
            seen_s=person.seen_s,
            sightings=tuple(_at(one.box, one.at_s) for one in person.track.sightings),
            poster_box=on_poster,
        ),
    )


def _worn(video: VideoAnalysis, place: dict[int, int]) -> list[Bib]:
    return [
        _bib(person.number, person.number_at, video.frames, face_index=place[index])
        for index, person in enumerate(video.people)
        if index in place and person.number is not None and person.number_at is not None
    ]


def _without_wearer(video: VideoAnalysis) -> list[Bib]:
    return [_bib(one.vote, one.best, video.frames, face_index=None) for one in video.numbers if not one.people]


def _bib(vote: NumberVote, best: NumberReading, frames: Sequence[AnalyzedFrame], *, face_index: int | None) -> Bib:
    return Bib(
        number=vote.number,
        ocr_score=vote.score,
        box=_at(best.box, best.at_s),
        face_index=face_index,
        partial=best.partial or best.number != vote.number,
        candidates=_candidates(best, frames[best.frame].bibs) if best.number == vote.number else (),
    )


def _candidates(best: NumberReading, bibs: Sequence[Bib]) -> tuple[BibCandidate, ...]:
    return next((bib.candidates for bib in bibs if bib.box == best.box and bib.number == best.number), ())


def _at(box: Box, at_s: float) -> Box:
    return replace(box, at_s=round(at_s, _TIME_DIGITS))


def _warning(left_out: int) -> tuple[PhotoWarning, ...]:
    if left_out == 0:
        return ()
    return (
        PhotoWarning(
            code=WarningCode.PEOPLE_LEFT_OUT,
            message=f"The video shows more people than a result can have: {left_out} of the people and numbers that "
            "are seen worst were left out. Cut it into parts to have all of them.",
        ),
    )
