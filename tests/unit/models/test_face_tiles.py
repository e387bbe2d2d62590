"""Tiles of large pictures: they cover everything, cut no face, and no face is found twice."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from photofinish.analysis.models.detections import MAX_INSIDE, MAX_OVERLAP, suppress_overlaps
from photofinish.analysis.models.face_tiles import LARGEST_TILE_PX, MAX_FACE_PX, OVERLAP_PX, Tile, tiles_of

scales = st.floats(0.1, 1.0)


def holds(tile: Tile, x: float, y: float, side: float) -> bool:
    """Whether the tile holds every part of the face with this centre and side that is inside the picture."""
    half, (left, top, right, bottom) = side / 2, tile.core
    return (
        (left == -math.inf or x - half >= tile.left)
        and (right == math.inf or x + half <= tile.right)
        and (top == -math.inf or y - half >= tile.top)
        and (bottom == math.inf or y + half <= tile.bottom)
    )


def box(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x - side / 2, y - side / 2, side, side]], np.float32)


@given(
    width=st.integers(16, 12_000),
    height=st.integers(16, 12_000),
    scale=scales,
    across=st.floats(0, 1),
    down=st.floats(0, 1),
    share=st.floats(0.05, 0.97),
)
def test_every_face_lies_wholly_in_a_tile_that_owns_it(
    width: int, height: int, scale: float, across: float, down: float, share: float
) -> None:
    x, y, side = across * width, down * height, share * MAX_FACE_PX / scale
    tiles = tiles_of(width, height, scale)
    owners = [tile for tile in tiles if tile.owns(box(x, y, side))[0]]
    assert 1 <= len(owners) <= 4
    slack = 2.0 / scale  # whole pixels
    for tile in owners:
        assert holds(tile, x, y, side - slack), f"{tile} owns a face that it only partly shows"


@given(width=st.integers(16, 12_000), height=st.integers(16, 12_000), scale=scales)
def test_tiles_cover_the_picture_and_fit_the_network(width: int, height: int, scale: float) -> None:
    tiles = tiles_of(width, height, scale)
    for sides, length in (
        (sorted({(tile.left, tile.right) for tile in tiles}), width),
        (sorted({(tile.top, tile.bottom) for tile in tiles}), height),
    ):
        assert sides[0][0] == 0
        assert sides[-1][1] == length
        assert len({end - start for start, end in sides}) == 1, "tiles of one size can be run together"
        assert all((end - start) * scale <= LARGEST_TILE_PX + 1 for start, end in sides)
        for (_, end), (start, _) in itertools.pairwise(sides):
            assert (end - start) * scale >= OVERLAP_PX - 1
    pixels = sum((tile.right - tile.left) * (tile.bottom - tile.top) for tile in tiles) * scale**2
    per_side = [
        side * scale + OVERLAP_PX * (side * scale // (LARGEST_TILE_PX - OVERLAP_PX) + 1) for side in (width, height)
    ]
    assert pixels <= math.prod(per_side) + 4 * LARGEST_TILE_PX, "tiles are the picture and its overlaps"


def test_a_24_megapixel_photo_is_four_tiles_at_half_the_size() -> None:
    tiles = tiles_of(6000, 4000, 2 * 1280 / 6000)
    assert len(tiles) == 4
    assert [tile.left for tile in tiles[:2]] == [0, tiles[0].right - 300]
    assert tiles_of(800, 600, 1.0) == [
        Tile(left=0, top=0, right=800, bottom=600, core=(-math.inf, -math.inf, math.inf, math.inf), scale=1.0)
    ]


def test_faces_too_large_for_a_tile_are_left_to_the_pass_before() -> None:
    (tile,) = tiles_of(1000, 1000, 1.0)
    assert tile.owns(np.concatenate([box(500, 500, MAX_FACE_PX - 1), box(500, 500, MAX_FACE_PX + 1)])).tolist() == [
        True,
        False,
    ]


def test_a_tile_counts_the_boxes_centred_in_it() -> None:
    left, *_ = tiles_of(6000, 1000, 0.5)
    assert left.count(np.concatenate([box(100, 100, 20), box(5900, 100, 20), box(300, 100, 40)])) == 2
    assert left.count(np.zeros((0, 4), np.float32)) == 0


def common(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Intersection over union, and over the smaller, of two (x, y, w, h) boxes."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    one_area, other_area = one[2] * one[3], other[2] * other[3]
    return float(shared / (one_area + other_area - shared)), float(shared / min(one_area, other_area))


def are_one_face(one: np.ndarray, other: np.ndarray, slack: float) -> bool:
    union, smaller = common(one, other)
    return union > MAX_OVERLAP + slack or smaller > MAX_INSIDE + slack


numbers = st.integers(0, 40)
sizes = st.integers(1, 30)
found_boxes = st.lists(st.tuples(numbers, numbers, sizes, sizes, st.integers(0, 10)), min_size=1, max_size=12)


@given(found_boxes)
def test_suppression_keeps_the_best_box_of_each_face(candidates: list[tuple[int, ...]]) -> None:
    rows = np.array(candidates, np.float32)
    boxes, scores = rows[:, :4], rows[:, 4]
    kept = suppress_overlaps(boxes, scores)
    assert len(set(kept.tolist())) == len(kept) > 0
    for position, one in enumerate(kept):
        assert not any(are_one_face(boxes[one], boxes[other], 1e-6) for other in kept[:position])
    for index in set(range(len(rows))) - set(kept.tolist()):
        assert any(
            are_one_face(boxes[index], boxes[better], -1e-6) and scores[better] >= scores[index] for better in kept
        )


@given(found_boxes)
def test_duplicate_candidates_change_nothing(candidates: list[tuple[int, ...]]) -> None:
    rows = np.array(candidates, np.float32)
    once = suppress_overlaps(rows[:, :4], rows[:, 4])
    twice = np.concatenate([rows, rows])
    again = suppress_overlaps(twice[:, :4], twice[:, 4])
    np.testing.assert_array_equal(twice[again], rows[once])


@given(
    faces=st.lists(
        st.tuples(st.integers(0, 19), st.integers(0, 9), st.floats(0.6, 1.0)), max_size=12, unique_by=lambda f: f[:2]
    ),
    scale=st.sampled_from([0.25, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_faces_at_seams_are_found_once(faces: list[tuple[int, int, float]], scale: float, seed: int) -> None:
    """Every tile finds every face it shows, also cut ones, to a pixel or two; after merging, each face remains once."""
    random = np.random.default_rng(seed)
    side, pitch = MAX_FACE_PX / scale * 0.7, 300
    truth = np.array([box(150 + column * pitch, 150 + row * pitch, side)[0] for column, row, _ in faces]).reshape(-1, 4)
    boxes, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
    for tile in tiles_of(6000, 3000, scale):
        for face, (_, _, score) in zip(truth, faces, strict=True):
            left, top = max(face[0], tile.left), max(face[1], tile.top)
            right, bottom = min(face[0] + side, tile.right), min(face[1] + side, tile.bottom)
            if right - left > 4 and bottom - top > 4:
                seen = np.array([[left, top, right - left, bottom - top]], np.float32)
                seen += random.uniform(-2, 2, seen.shape).astype(np.float32)
                owned = tile.owns(seen)
                boxes.append(seen[owned])
                scores.append(np.array([score - random.uniform(0, 0.1)], np.float32)[owned])
    everything = np.concatenate(boxes)
    kept = everything[suppress_overlaps(everything, np.concatenate(scores))]
    for face in truth:
        assert sum(common(face, one)[0] > 0.5 for one in kept) == 1
    if pitch > side:  # otherwise the synthetic faces overlap
        assert len(kept) == len(truth)
