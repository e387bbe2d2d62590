"""Videos with the real models: parts that are joined give what the whole gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.selection import searched_space
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.video.video_analyzer import VideoAnalyzer
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.video import Span
from support.pictures import group
from support.videos import content_fetch, video

SECONDS, FRAMES_A_SECOND = 6, 4


@pytest.fixture(scope="module")
def videos(model_settings: ModelSettings) -> VideoAnalyzer:
    return VideoAnalyzer(Analyzer.load(model_settings), searched_space(model_settings)[1])


@pytest.fixture(scope="module")
def content() -> bytes:
    """A group that moves slowly through the picture."""
    picture = cv2.resize(group(), (640, 480), interpolation=cv2.INTER_AREA)
    frames = [np.roll(picture, number, axis=1).astype(np.uint8) for number in range(SECONDS * FRAMES_A_SECOND)]
    return video(frames, frames_a_second=FRAMES_A_SECOND, gop_size=6)


def people(found: AnalyzedPhoto) -> list[tuple[float | None, int]]:
    return [(face.box.at_s, len(face.track.sightings)) for face in found.analysis.faces if face.track]


def test_parts_of_a_video_joined_find_the_same_people(videos: VideoAnalyzer, content: bytes) -> None:
    fetch, rules = content_fetch(content), BibRules()
    whole = videos.analyze_as_photo(fetch, len(content), rules, on_progress=lambda _: None)
    progress: list[float] = []
    parts = [
        videos.analyze_part(fetch, len(content), rules, Span(start_s=start, end_s=end), on_progress=progress.append)
        for start, end in ((0.0, 1.0), (1.0, 4.0), (4.0, 1e9))
    ]
    joined = videos.join(parts, rules)
    assert [int(at_s) for at_s in progress] == list(range(SECONDS))
    assert people(joined) == people(whole)
    assert max(sightings for _, sightings in people(whole)) == SECONDS, "followed from part to part"
    assert joined.preview_jpeg == whole.preview_jpeg
    assert joined.pipeline_version == whole.pipeline_version == videos.version(rules)
    assert (joined.analysis.video, joined.analysis.bibs) == (whole.analysis.video, whole.analysis.bibs)
    for one, other in zip(joined.analysis.faces, whole.analysis.faces, strict=True):
        assert float(one.embedding.vector @ other.embedding.vector) == pytest.approx(1, abs=1e-4)


def test_how_long_a_video_says_it_is(videos: VideoAnalyzer, content: bytes) -> None:
    assert videos.duration_s(content_fetch(content), len(content)) == pytest.approx(SECONDS, abs=0.1)
