"""Where scenes begin and end, from differences of frames alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.video.scenes import MAX_SCENE_S, find_scenes
from photofinish.domain.video import FrameChange

RATE = 25
STILL = (0.02, 0.01)
MOVING = (0.15, 0.05)
CUT = (0.7, 0.25)


def changes(
    differences: Sequence[tuple[float, float]], of_three: dict[int, tuple[float, float]] | None = None, **fields: float
) -> list[FrameChange]:
    """Frames that differ so from the one before; from the third before by the largest of the last three."""
    made = []
    for number, (colours, pixels) in enumerate(differences):
        recent = differences[max(1, number - 2) : number + 1] or [(0.0, 0.0)]
        far = (of_three or {}).get(number, (max(one for one, _ in recent), max(two for _, two in recent)))
        made.append(
            FrameChange(
                at_s=number / RATE,
                colours=colours,
                pixels=pixels,
                colours_of_three=far[0],
                pixels_of_three=far[1],
                luma=fields.get("luma", 0.5),
                contrast=fields.get("contrast", 0.2),
            )
        )
    return made


def starts(found: Sequence[FrameChange]) -> list[float]:
    return [scene.start_s for scene in find_scenes(found, len(found) / RATE)]


def with_cut(at: int, usual: tuple[float, float], frames: int = 100) -> list[tuple[float, float]]:
    return [CUT if number == at else usual for number in range(frames)]


@pytest.mark.parametrize("usual", [STILL, MOVING])
def test_a_cut_begins_a_scene_whether_the_camera_stands_or_moves(usual: tuple[float, float]) -> None:
    assert starts(changes(with_cut(50, usual))) == [0, 50 / RATE]


def test_movement_alone_is_no_cut() -> None:
    assert starts(changes([CUT] * 100)) == [0]


def test_colours_that_change_where_no_pixel_does_are_no_cut() -> None:
    assert starts(changes([(0.9, 0.002) if number == 50 else STILL for number in range(100)])) == [0]


def test_a_flash_is_no_cut() -> None:
    """Frame 50 is bright and 51 is as 49: behind the flash, three frames on, nothing has changed."""
    differences = [CUT if number in {50, 51} else STILL for number in range(100)]
    assert starts(changes(differences, {50: CUT, 51: STILL, 52: STILL, 53: CUT, 54: STILL})) == [0]


def test_a_fade_through_black_ends_a_scene_in_its_middle() -> None:
    frames = changes([STILL] * 40) + [
        FrameChange(
            at_s=(40 + number) / RATE,
            colours=0,
            pixels=0,
            colours_of_three=0,
            pixels_of_three=0,
            luma=0.02,
            contrast=0.01,
        )
        for number in range(11)
    ]
    frames += [
        FrameChange(
            at_s=(51 + number) / RATE,
            colours=0.02,
            pixels=0.01,
            colours_of_three=0.02,
            pixels_of_three=0.01,
            luma=0.5,
            contrast=0.2,
        )
        for number in range(49)
    ]
    assert starts(frames) == [0, pytest.approx(45 / RATE)]


def test_black_at_the_beginning_and_the_end_is_no_scene_of_its_own() -> None:
    black = changes([STILL] * 100, contrast=0.01)
    bright = changes([STILL] * 100)
    assert starts(black[:10] + bright[10:]) == [0]
    assert starts(bright[:90] + black[90:]) == [0]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=200), st.floats(0, 100))
def test_scenes_cover_the_video_and_none_is_too_long(differences: list[tuple[float, float]], tail_s: float) -> None:
    found = changes(differences)
    end_s = found[-1].at_s + tail_s
    scenes = find_scenes(found, end_s)
    assert scenes[0].start_s == 0
    assert scenes[-1].end_s == end_s
    assert all(one.end_s == other.start_s for one, other in itertools.pairwise(scenes))
    assert all(0 <= scene.duration_s <= MAX_SCENE_S + 1e-9 for scene in scenes)
