"""The arithmetic of `tests/bench/album/queue_to_commit.py`."""

from __future__ import annotations

import pytest

from bench.album.queue_to_commit import Sample, cpu_ms_per_photo


def samples(*pairs: tuple[float, float]) -> list[Sample]:
    return [Sample(at_s, {"api": cpu_s / 4, "task": cpu_s * 3 / 4}) for at_s, cpu_s in pairs]


@pytest.mark.parametrize(
    ("sampled", "expected_ms"),
    [
        (samples((0, 0), (3, 6), (6, 12), (9, 18)), 2000),
        (samples((0, 0), (100, 200)), 2000),  # no sample while the photos were done
        (samples((0, 0), (4, 0), (100, 192)), 2000),  # one
        (samples((5, 7)), 0),  # a task that ended before its second
    ],
)
def test_processor_time_between_photos_is_interpolated(sampled: list[Sample], expected_ms: float) -> None:
    assert cpu_ms_per_photo(sampled, [4.0, 5.0, 6.0]) == pytest.approx(expected_ms)
