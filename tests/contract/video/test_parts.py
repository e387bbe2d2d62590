"""A part of a video gives what reading all of it gives there, and its result can be kept."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from photofinish.analysis.video.read_frames import PosterFrame, ReadFrames, decode_frames, encode_frames, joined
from photofinish.analysis.video.video_reader import Look
from photofinish.domain.bib import Bib
from photofinish.domain.geometry import Box
from photofinish.domain.sharpness import Sharpness
from photofinish.domain.video import FrameChange, Span
from photofinish.domain.video_analysis import AnalyzedFrame
from photofinish.domain.video_as_photo import Poster
from photofinish.domain.video_parts import PART_S, parts_of
from photofinish.errors import RejectedInput
from support.faces import embedding, face
from support.pipeline import TOY_INFO as INFO
from support.videos import moving, read_video, video

VARIABLE_MS = [number * 100 if number < 60 else 6000 + (number - 60) * 40 for number in range(160)]


@pytest.fixture(scope="module", params=["H.264", "variable rate", "VP9 in Matroska"])
def content(request: pytest.FixtureRequest) -> bytes:
    if request.param == "H.264":
        return video(moving(10), gop_size=15)
    if request.param == "variable rate":
        return video(moving(16), times_ms=VARIABLE_MS, gop_size=15)
    return video(moving(10), codec="libvpx-vp9", container="matroska", gop_size=15)


def told(looks: list[Look]) -> list[tuple[float, int, list[FrameChange]]]:
    return [(look.at_s, look.frames, list(look.changes)) for look in looks]


def test_parts_together_are_the_whole(content: bytes) -> None:
    _, whole = read_video(content)
    spans = [Span(start_s=float(start), end_s=float(end)) for start, end in ((0, 1), (1, 4), (4, 7), (7, 1e9))]
    parts = [look for span in spans for look in read_video(content, span=span)[1]]
    assert [(look.at_s, look.frames) for look in parts] == [(look.at_s, look.frames) for look in whole]
    for one, other in zip(parts, whole, strict=True):
        assert np.array_equal(one.frame, other.frame)
        assert [change.at_s for change in one.changes] == [change.at_s for change in other.changes]
        assert np.allclose([c.pixels for c in one.changes], [c.pixels for c in other.changes], atol=1e-4)


def test_a_part_that_the_file_does_not_have_is_not_taken_for_an_empty_one() -> None:
    """A video that ends before its file says is analysed whole then, which tells of its end."""
    with pytest.raises(RejectedInput) as rejected:
        read_video(video(moving(10), gop_size=15), span=Span(start_s=60.0, end_s=90.0))
    assert rejected.value.code == "not_seekable"


def found() -> ReadFrames:
    read = ReadFrames(info=INFO)
    read.changes.append(change(0.0))
    read.frames.append(
        AnalyzedFrame(
            at_s=0.0,
            stands_for=Span(start_s=0.0, end_s=1.0),
            faces=(face(embedding([1, 0])), face(embedding([0, 1]), x=0.6)),
            bibs=(Bib(number="42", ocr_score=0.9, box=Box(0.1, 0.6, 0.1, 0.1), face_index=1),),
            sharpness=0.5,
        )
    )
    read.poster = PosterFrame(
        value=0.7,
        poster=Poster(
            at_s=0.0,
            sharpness=Sharpness(frame=0.5, laplacian_variance=10.0, is_blurry=False),
            face_areas=(Box(0.1, 0.1, 0.2, 0.2),),
            placeholder=b"placeholder",
        ),
        preview_jpeg=b"preview",
        thumbnail_webp=b"thumbnail",
    )
    read.timings_ms["detect"] = 3.0
    return read


def change(at_s: float) -> FrameChange:
    return FrameChange(
        at_s=at_s, colours=0.1, pixels=0.1, colours_of_three=0.1, pixels_of_three=0.1, luma=0.5, contrast=0.2
    )


def test_the_result_of_a_part_is_read_back_whole() -> None:
    read = found()
    again = decode_frames(encode_frames(read))
    assert (again.info, again.changes, again.poster, again.timings_ms) == (
        read.info,
        read.changes,
        read.poster,
        read.timings_ms,
    )
    [frame], [before] = again.frames, read.frames
    assert (frame.bibs, frame.stands_for, len(frame.faces)) == (before.bibs, before.stands_for, 2)
    assert np.array_equal(frame.faces[1].embedding.vector, before.faces[1].embedding.vector)
    assert encode_frames(again) == encode_frames(read)


def test_an_empty_part_adds_nothing() -> None:
    empty = decode_frames(encode_frames(ReadFrames(info=INFO)))
    whole = joined([found(), empty])
    assert (len(whole.frames), whole.poster) == (1, found().poster)


def test_long_videos_have_parts_of_three_minutes() -> None:
    assert [len(parts_of(seconds)) for seconds in (None, 10, 1.4 * PART_S, 2 * PART_S, 4 * 3600)] == [1, 1, 1, 2, 80]
    parts = parts_of(1000)
    assert [part.start_s for part in parts] == [0, 180, 360, 540, 720, 900]
    assert all(one.end_s == other.start_s for one, other in itertools.pairwise(parts))
