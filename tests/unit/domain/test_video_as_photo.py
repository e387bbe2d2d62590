"""A video's result in the form of a photo's, and back from its sidecar."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from photofinish.application.commit import MAX_SHOWN_SCENES, document_fields
from photofinish.domain.bib import Bib
from photofinish.domain.erasure import ErasedParts, sidecar_without_erased, without_erased
from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.domain.matching import Calibration
from photofinish.domain.photo import PhotoRef
from photofinish.domain.redaction import faces_in_picture
from photofinish.domain.sharpness import Sharpness
from photofinish.domain.sidecar import read_sidecar, sidecar, sidecar_bytes, sidecar_schema
from photofinish.domain.stored_analysis import analysis_of
from photofinish.domain.video import Span, VideoInfo, scene_of
from photofinish.domain.video_analysis import AnalyzedFrame, VideoAnalysis, people_and_numbers
from photofinish.domain.video_as_photo import MAX_PEOPLE, Poster, as_photo
from support.faces import embedding, face

VIDEO = PhotoRef(bucket="photos", name="race/clip.mp4", generation=3)
CALIBRATION = Calibration(min_similarity=0.4, stranger_similarity=0.5, slope=20, offset=-8, selfie_min_quality=0.3)
INFO = VideoInfo(
    container="MP4",
    codec="H.264",
    width=1920,
    height=1080,
    duration_s=20.0,
    frames_a_second=25.0,
    rotation_deg=0,
    transfer="sdr",
    audio_tracks=1,
)
ANNE, BEN = (1, 0), (0, 1)


def frame(at_s: float, *faces: Face, bibs: tuple[Bib, ...] = ()) -> AnalyzedFrame:
    return AnalyzedFrame(
        at_s=at_s, stands_for=Span(start_s=at_s, end_s=at_s + 1), faces=faces, bibs=bibs, sharpness=0.5
    )


def bib(number: str, score: float, *, face_index: int | None = 0) -> Bib:
    return Bib(number=number, ocr_score=score, box=Box(0.4, 0.6, 0.1, 0.05), face_index=face_index)


def analysed(frames: list[AnalyzedFrame], scenes: tuple[Span, ...]) -> VideoAnalysis:
    people, numbers = people_and_numbers(frames, scenes, CALIBRATION)
    return VideoAnalysis(
        info=INFO,
        warnings=(),
        scenes=scenes,
        frames=tuple(frames),
        people=people,
        numbers=numbers,
        pipeline_version="video1-test",
        models={},
        timings_ms={},
    )


def poster(at_s: float, *areas: Box) -> Poster:
    return Poster(
        at_s=at_s,
        sharpness=Sharpness(frame=0.6, laplacian_variance=50.0, is_blurry=False),
        face_areas=areas,
        placeholder=b"placeholder",
    )


def two_runners() -> VideoAnalysis:
    """Anne runs through the first scene and Ben through the second, each at the same place; one reading is wrong."""
    anne, ben = embedding(ANNE), embedding(BEN)
    return analysed(
        [
            frame(1.0, face(anne, quality=0.5), bibs=(bib("101", 0.9),)),
            frame(2.0, face(anne, quality=0.8), bibs=(bib("101", 0.95),)),
            frame(3.0, face(anne, quality=0.6), bibs=(bib("161", 0.8),)),
            frame(11.0, face(ben, quality=0.7)),
            frame(12.0, bibs=(bib("303", 0.97, face_index=None),)),
        ],
        (Span(start_s=0, end_s=10), Span(start_s=10, end_s=20)),
    )


def test_each_person_is_one_face_in_the_best_view_and_each_number_one_bib() -> None:
    found = as_photo(two_runners(), poster(1.0))
    anne, ben = found.faces
    assert [one.box.at_s for one in (anne, ben)] == [2.0, 11.0]
    assert anne.track is not None
    assert anne.track.seen_s == pytest.approx(3)
    assert [box.at_s for box in anne.track.sightings] == [1.0, 2.0, 3.0]
    assert np.linalg.norm(anne.embedding.vector) == pytest.approx(1)
    assert [(one.number, one.face_index, one.box.at_s) for one in found.bibs] == [("101", 0, 2.0), ("303", None, 12.0)]
    assert found.video is not None
    assert [scene_of([one.start_s for one in found.video.scenes], at_s) for at_s in (0, 9.9, 10, 99)] == [0, 0, 1, 1]


def test_the_sidecar_is_valid_and_gives_back_the_same_analysis() -> None:
    found = as_photo(two_runners(), poster(1.0, Box(0.1, 0.1, 0.2, 0.2)))
    document = sidecar(VIDEO, found, "video1-test")
    jsonschema.validate(document, sidecar_schema())
    content = sidecar_bytes(document)
    restored = analysis_of(read_sidecar(content), [one.embedding for one in found.faces])
    assert sidecar_bytes(sidecar(VIDEO, restored, "video1-test")) == content
    assert restored.video == found.video


def test_an_erased_face_is_known_by_any_of_its_views_and_takes_no_one_at_its_place_with_it() -> None:
    found = as_photo(two_runners(), poster(1.0))
    assert found.faces[0].track is not None
    [first, *_] = found.faces[0].track.sightings
    erased = ErasedParts(faces=(first,), bibs=(found.bibs[0].box,))
    left = without_erased(found, erased)
    assert [one.box.at_s for one in left.faces] == [11.0]
    assert [one.number for one in left.bibs] == ["303"]
    document = sidecar_without_erased(sidecar(VIDEO, found, "v"), erased)
    assert document == sidecar(VIDEO, left, "v")


def test_the_poster_shows_the_faces_of_its_moment_only() -> None:
    found = as_photo(two_runners(), poster(1.0, Box(0.1, 0.1, 0.2, 0.2)))
    fields = document_fields(VIDEO, sidecar(VIDEO, found, "v"), has_renditions=True)
    faces, areas = faces_in_picture(fields)
    assert list(faces) == [fields["faces"][0]["face_id"]]
    assert all(box.at_s is None for box in [*faces.values(), *areas])
    assert len(areas) == 1
    assert (fields["kind"], fields["video"]["scene_count"]) == ("video", 2)


def test_a_crowd_fits_into_a_document() -> None:
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(64, 64)))[0].astype(np.float32)
    frames = [frame(float(number), face(embedding(vectors[number % 64]), quality=0.4)) for number in range(1200)]
    scenes = tuple(Span(start_s=float(number), end_s=float(number + 1)) for number in range(1200))
    video = analysed(frames, scenes)
    many = replace(video, people=video.people * 20)
    found = as_photo(many, poster(0.0))
    assert len(found.faces) == MAX_PEOPLE
    assert [warning.code for warning in found.warnings] == ["people_left_out"]
    fields = document_fields(VIDEO, sidecar(VIDEO, found, "v"), has_renditions=True)
    assert len(fields["video"]["scenes"]) == MAX_SHOWN_SCENES
    assert fields["video"]["scene_count"] == 1200
    assert len(repr(fields)) < 900_000
