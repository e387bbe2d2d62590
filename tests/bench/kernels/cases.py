"""The cases: each kernel and its alternatives, on the same data, in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import faiss
import numkong
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from reranking_peers import as_published, with_sparse_matrices
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import blur_effect

import photofinish_kernels as kernels

Run = Callable[[], Any]
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)


@dataclass(frozen=True)
class Case:
    kernel: str
    size: str
    ours: Run
    peers: dict[str, Run]
    bar: float | None = None
    """The required speedup against the best alternative; 1 if None."""
    threads: int = 1


def image(height: int, width: int, channels: int = 1) -> NDArray[np.uint8]:
    """An image with detail at several scales, like a photo."""
    rng = np.random.default_rng(height + width)
    shape = (height, width) if channels == 1 else (height, width, channels)
    coarse = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, channels), dtype=np.uint8)
    fine = rng.integers(0, 256, shape, dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).reshape(shape)
    return cv2.addWeighted(smooth, 0.8, fine, 0.2, 0).reshape(shape)


def unit_rows(count: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def start_at(offset: int, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy that starts `offset` bytes into a cache line. NumPy starts arrays at any multiple of 16 bytes."""
    memory = np.empty(rows.nbytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    copy = memory[start : start + rows.nbytes].view(np.float32).reshape(rows.shape)
    copy[:] = rows
    return copy


def opencv_laplacian(gray: NDArray[np.uint8]) -> float:
    _, deviation = cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S, ksize=1))
    return float(deviation[0, 0]) ** 2


def opencv_tenengrad(gray: NDArray[np.uint8]) -> float:
    gx, gy = cv2.Sobel(gray, cv2.CV_16S, 1, 0), cv2.Sobel(gray, cv2.CV_16S, 0, 1)
    return (cv2.norm(gx, cv2.NORM_L2SQR) + cv2.norm(gy, cv2.NORM_L2SQR)) / gray.size


def sharpness() -> Iterator[Case]:
    for height, width, bar in ((3000, 4000, 8), (768, 1024, 8), (256, 256, 4)):
        gray = image(height, width)
        peers = {"OpenCV Laplacian 16S + meanStdDev": lambda gray=gray: opencv_laplacian(gray)}
        run = lambda gray=gray: kernels.laplacian_variance(gray)  # noqa: E731
        yield Case("laplacian_variance", f"{width}×{height}", run, peers, bar)
    crops = [image(128, 128 + i % 2) for i in range(100)]
    crops = [np.ascontiguousarray(crop[:, :128]) for crop in crops]
    one_by_one = {"OpenCV, one by one": lambda: [opencv_laplacian(crop) for crop in crops]}
    yield Case(
        "laplacian_variance_batch", "100 of 128×128", lambda: kernels.laplacian_variance_batch(crops), one_by_one, 5
    )
    for size in (256, 1024):
        gray = image(size, size)
        peers = {"OpenCV Sobel 16S + norm": lambda gray=gray: opencv_tenengrad(gray)}
        yield Case("tenengrad", f"{size}×{size}", lambda gray=gray: kernels.tenengrad(gray), peers)
    for size in (112, 1024):
        gray = image(size, size)
        peers = {"scikit-image blur_effect": lambda gray=gray: blur_effect(gray, h_size=11)}
        yield Case("reblur_sharpness", f"{size}×{size}", lambda gray=gray: kernels.reblur_sharpness(gray), peers)
    gray = image(256, 256)
    single = gray.astype(np.float32)
    peers = {"SciPy rfft2, only the transform": lambda: scipy.fft.rfft2(single)}
    yield Case("high_frequency_share", "256×256", lambda: kernels.high_frequency_share(gray), peers, 1.2)


def pixels() -> Iterator[Case]:
    photo = image(3000, 4000, 3)
    batch = np.zeros((1, 3, 480, 640), np.float32)

    def opencv_prepare() -> None:
        small = cv2.resize(photo, (640, 480), interpolation=cv2.INTER_AREA)
        cv2.dnn.blobFromImage(small, 1 / 255, (640, 480), (0, 0, 0), swapRB=True)

    scale = (1 / 255, 1 / 255, 1 / 255)
    run = lambda: kernels.prepare(photo, batch, 0, swap_channels=True, scale=scale)  # noqa: E731
    yield Case("prepare", "12 MP → 640×480", run, {"OpenCV INTER_AREA + blobFromImage": opencv_prepare}, 6)
    frame = image(768, 1024, 3)
    rng = np.random.default_rng(0)
    landmarks = (TEMPLATE * rng.uniform(0.5, 2, (16, 1, 1)) + rng.uniform(50, 500, (16, 1, 2))).astype(np.float32)
    landmarks += rng.normal(size=landmarks.shape).astype(np.float32)
    chips = np.zeros((16, 3, 112, 112), np.float32)

    def opencv_align() -> None:
        cut = []
        for face in landmarks:
            transform, _ = cv2.estimateAffinePartial2D(face, TEMPLATE, method=cv2.LMEDS)
            cut.append(cv2.warpAffine(frame, transform, (112, 112)))
        cv2.dnn.blobFromImages(cut, 1.0, (112, 112), (0, 0, 0), swapRB=True)

    run = lambda: kernels.align(frame, landmarks, TEMPLATE, chips, swap_channels=True)  # noqa: E731
    yield Case("align", "16 chips of 112×112", run, {"OpenCV estimate + warpAffine + blobFromImages": opencv_align})


def redaction() -> Iterator[Case]:
    patch = image(400, 400, 3)
    box = np.array([[0, 0, 400, 400]], np.float32)
    mask = cv2.ellipse(np.zeros((400, 400), np.uint8), (200, 200), (200, 200), 0, 0, 360, 255, -1)
    for sigma, bar in ((40, 30), (10, None)):
        peers = {"OpenCV GaussianBlur": lambda sigma=sigma: cv2.GaussianBlur(patch, (0, 0), sigma)}
        run = lambda sigma=sigma: kernels.redact_blur(patch, box, sigma=sigma)  # noqa: E731
        yield Case("redact_blur", f"400×400, σ {sigma}", run, peers, bar)

    def opencv_pixelate() -> None:
        small = cv2.resize(patch, (10, 10), interpolation=cv2.INTER_AREA)
        cv2.copyTo(cv2.resize(small, (400, 400), interpolation=cv2.INTER_NEAREST), mask, patch)

    run = lambda: kernels.redact_pixelate(patch, box, block=40)  # noqa: E731
    yield Case("redact_pixelate", "400×400, block 40, ellipse", run, {"OpenCV resize twice + copyTo": opencv_pixelate})


def similarity() -> Iterator[Case]:
    for count, dim in ((1_000, 128), (1_000, 512), (10_000, 512)):
        for offset in (0, 16, 32, 48):
            rows, query = start_at(offset, unit_rows(count, dim)), unit_rows(1, dim, seed=1)
            yield top_k(rows, query, f"{count:,} × {dim}, {offset} bytes into a cache line", bar=1)
    rows = unit_rows(100_000, 128)
    yield top_k(rows, unit_rows(64, 128, seed=1), "64 queries, 100,000 × 128", bar=3)
    rows, query = unit_rows(1_000_000, 128), unit_rows(1, 128, seed=1)
    size = "1,000,000 × 128"
    single = top_k(rows, query, size, bar=1)
    yield single
    yield top_k(rows, query, size, bar=1, threads=2)
    half = rows.astype(np.float16)
    yield Case("cosine_top_k float16", size, lambda: kernels.cosine_top_k(query, half, 10), single.peers, 1.8)
    codes, scales = kernels.quantize_rows(rows)
    run = lambda: kernels.cosine_top_k_int8(query, codes, scales, rows, 10)  # noqa: E731
    yield Case("cosine_top_k_int8", size, run, single.peers, 3.2)


def clustering() -> Iterator[Case]:
    """An album of 5,000 faces. SciPy runs without the cannot-link pairs, which it does not support."""
    rows = np.repeat(unit_rows(500, 512), 10, axis=0) + 0.8 * unit_rows(5_000, 512, seed=1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = np.random.default_rng(0).permutation(5_000).reshape(-1, 2)

    def scipy_components() -> None:
        connected_components(csr_array(rows @ rows.T >= 0.5), directed=False)

    run = lambda: kernels.cluster_rows(rows, threshold=0.5, cannot_link=pairs)  # noqa: E731
    yield Case("cluster_rows", "5,000 × 512", run, {"NumPy + SciPy connected_components": scipy_components})


def reranking() -> Iterator[Case]:
    """Albums with about ten faces a person."""
    for queries, candidates in ((1, 100), (3, 500), (5, 2_000)):
        people = -(-(queries + candidates) // 10)
        rows = np.repeat(unit_rows(people, 128), 10, axis=0) + 0.9 * unit_rows(10 * people, 128, seed=1)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        np.random.default_rng(0).shuffle(rows)
        first, second = rows[:queries].copy(), rows[queries : queries + candidates].copy()
        run = lambda first=first, second=second: kernels.k_reciprocal_distances(first, second)  # noqa: E731
        peers: dict[str, Run] = {
            "NumPy, as published": lambda first=first, second=second: as_published(first, second),
            "NumPy + SciPy sparse": lambda first=first, second=second: with_sparse_matrices(first, second),
        }
        for peer in peers.values():
            np.testing.assert_allclose(run(), peer(), atol=1e-5)
        yield Case("k_reciprocal_distances", f"{queries} and {candidates:,} × 128", run, peers)
    for count in (1_000, 100_000):
        components = np.random.default_rng(0).random((count, 5), dtype=np.float32)
        weights = np.full(5, 0.2, np.float32)
        run = lambda components=components, weights=weights: kernels.hybrid_scores(components, weights)  # noqa: E731
        peers = {
            "NumPy product and matmul": lambda components=components, weights=weights: (
                components @ weights,
                components * weights,
            )
        }
        yield Case("hybrid_scores", f"{count:,} × 5", run, peers)


def top_k(rows: NDArray[np.float32], queries: NDArray[np.float32], size: str, bar: float, threads: int = 1) -> Case:
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)

    def numkong_search() -> None:
        similarities = np.asarray(numkong.cdist(queries, rows, "dot")).reshape(len(queries), -1)
        np.argpartition(-similarities, 10, axis=1)

    peers: dict[str, Run] = {"FAISS IndexFlatIP": lambda: index.search(queries, 10)}
    if threads == 1 and rows.size <= 20_000_000:
        peers["NumKong + argpartition"] = numkong_search
    run = lambda: kernels.cosine_top_k(queries, rows, 10, threads=threads)  # noqa: E731
    return Case("cosine_top_k", size + (f", {threads} threads" if threads > 1 else ""), run, peers, bar, threads)


def hashes() -> Iterator[Case]:
    gray = image(768, 1024)

    def opencv_hash() -> None:
        low = cv2.dct(cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32))[:8, :8]
        np.packbits(low > np.median(low))

    run = lambda: kernels.perceptual_hash(gray)  # noqa: E731
    yield Case("perceptual_hash", "1024×768", run, {"OpenCV resize + dct, NumPy median": opencv_hash})
    values = np.random.default_rng(0).integers(0, 2**64, 100_000, dtype=np.uint64)
    query = values[:1]
    index = faiss.IndexBinaryFlat(64)
    index.add(values.view(np.uint8).reshape(-1, 8))
    peers: dict[str, Run] = {
        "NumPy bitwise_count": lambda: np.nonzero(np.bitwise_count(query ^ values) <= 8),
        "FAISS IndexBinaryFlat": lambda: index.range_search(query.view(np.uint8).reshape(-1, 8), 9),
    }
    yield Case("hamming_search", "1 in 100,000", lambda: kernels.hamming_search(query, values, 8), peers)


def all_cases() -> Iterator[Case]:
    """Generates one case at a time, so that only its data is in memory."""
    yield from sharpness()
    yield from pixels()
    yield from redaction()
    yield from hashes()
    yield from similarity()
    yield from reranking()
    yield from clustering()
