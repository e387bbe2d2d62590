"""Perceptual hashes against OpenCV and SciPy, Hamming search against NumPy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import photofinish_kernels as kernels
from support.kernels import noise


def photo(seed: int, height: int = 300, width: int = 400) -> NDArray[np.uint8]:
    return cv2.resize(noise(12, 16, seed), (width, height), interpolation=cv2.INTER_CUBIC)


def reference_hash(gray: NDArray[np.uint8]) -> int:
    small = cv2.resize(gray.astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA)
    low = scipy.fft.dctn(small.astype(np.float64), type=2)[:8, :8]
    return int("".join("1" if above else "0" for above in (low > np.median(low)).ravel()), 2)


@pytest.mark.parametrize("size", [(32, 32), (33, 65), (64, 64), (100, 150), (301, 403)])
def test_perceptual_hash_equals_the_reference(size: tuple[int, int]) -> None:
    for seed in range(10):
        gray = noise(*size, seed)
        # By rounding, a frequency at the median may be on either side of it.
        assert (kernels.perceptual_hash(gray) ^ reference_hash(gray)).bit_count() <= 2


def test_only_near_duplicates_are_within_the_maximal_distance() -> None:
    hashes = []
    for seed in range(20):
        gray = photo(seed)
        small = cv2.resize(gray, (160, 120), interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])
        again = cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)
        hashes += [kernels.perceptual_hash(gray), kernels.perceptual_hash(again)]
    values = np.array(hashes, np.uint64)
    queries, rows, _ = kernels.hamming_search(values, values, 10)
    assert all(query // 2 == row // 2 for query, row in zip(queries, rows, strict=True))
    assert len(queries) == 80


def test_a_batch_equals_its_single_images() -> None:
    grays = [photo(seed, 50 + seed, 70) for seed in range(5)]
    for threads in (1, 2):
        batch = kernels.perceptual_hash_batch(grays, threads=threads)
        assert batch.dtype == np.uint64
        assert batch.tolist() == [kernels.perceptual_hash(gray) for gray in grays]


hashes = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 31), max_size=300)


@given(hashes, hashes, st.integers(0, 64))
def test_hamming_search_equals_numpy(queries: list[int], rows: list[int], max_distance: int) -> None:
    a, b = np.array(queries, np.uint64), np.array(rows, np.uint64)
    distances = np.bitwise_count(a[:, None] ^ b[None, :])
    query_ids, row_ids = np.nonzero(distances <= max_distance)
    found = kernels.hamming_search(a, b, max_distance)
    assert found[0].tolist() == query_ids.tolist()
    assert found[1].tolist() == row_ids.tolist()
    assert found[2].tolist() == distances[query_ids, row_ids].tolist()


def test_invalid_arguments_are_rejected_by_name() -> None:
    hashes = np.zeros(4, np.uint64)
    for limit in (-1, 65):
        with pytest.raises(ValueError, match="max_distance: must be from 0 to 64"):
            kernels.hamming_search(hashes, hashes, limit)
    with pytest.raises(ValueError, match="hashes: expected uint64"):
        kernels.hamming_search(hashes, hashes.astype(np.int64), 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="queries: must be C-contiguous"):
        kernels.hamming_search(hashes[::2], hashes, 3)
