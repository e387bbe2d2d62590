from collections.abc import Sequence
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

Triple = tuple[float, float, float]
Measure = Literal["laplacian_variance", "tenengrad", "reblur_sharpness", "high_frequency_share"]

def laplacian_variance(gray: NDArray[np.uint8]) -> float:
    """Variance of the 4-neighbour Laplacian of a (H, W) image; higher is sharper. Not comparable between image sizes.

    Equals `cv2.Laplacian(gray, cv2.CV_64F, ksize=1).var()` (mirrored borders), computed from exact integer sums. Rows
    may be strided (a crop of a larger image), but the pixels of a row must be contiguous.
    """

def laplacian_variance_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1
) -> NDArray[np.float64]:
    """`laplacian_variance` of each of several (H, W) images of any size, or of a (N, H, W) stack: (N,)."""

def reblur_sharpness(gray: NDArray[np.uint8]) -> float:
    """One minus the no-reference blur metric of Crété-Roffet et al. 2007, in [0, 1]; higher is sharper.

    Equals `1 - skimage.measure.blur_effect(gray, h_size=11)`, the most common variant of the metric: the share of the
    Sobel gradient that an 11-tap box blur removes, for the axis where it is lower. An axis without any gradient is
    ignored; an image without any gradient has 0. Needs at least 4×4 pixels.
    """

def reblur_sharpness_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1
) -> NDArray[np.float64]:
    """`reblur_sharpness` of each of several (H, W) images of any size, or of a (N, H, W) stack: (N,)."""

def tenengrad(gray: NDArray[np.uint8]) -> float:
    """Mean squared Sobel gradient (gx² + gy², 3×3, mirrored borders) of a (H, W) image; higher is sharper."""

def tenengrad_batch(grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1) -> NDArray[np.float64]:
    """`tenengrad` of each of several (H, W) images of any size, or of a (N, H, W) stack: (N,)."""

def high_frequency_share(gray: NDArray[np.uint8], *, cutoff: float = 0.25) -> float:
    """Share of the energy of a (H, W) image at spatial frequencies above `cutoff` cycles per pixel (0 < cutoff < 0.5).

    In [0, 1], accurate to 1e-5; higher is sharper. The mean is subtracted and a Hann window applied; otherwise the step
    between opposite borders would count as detail. A flat image has 0.
    """

def high_frequency_share_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, cutoff: float = 0.25, threads: int = 1
) -> NDArray[np.float64]:
    """`high_frequency_share` of each of several (H, W) images of any size, or of a (N, H, W) stack: (N,)."""

def sharpness_regions(
    gray: NDArray[np.uint8], boxes: NDArray[np.int64], *, measure: Measure = "reblur_sharpness", threads: int = 1
) -> NDArray[np.float64]:
    """Sharpness of each region of a (H, W) image: (N,).

    `boxes` (N, 4) are left, top, right, bottom in pixels, inside the image; right and bottom are exclusive.
    """

def sharpness_tiles(
    gray: NDArray[np.uint8], side: int, *, measure: Measure = "reblur_sharpness", threads: int = 1
) -> NDArray[np.float64]:
    """Sharpness of each tile of a (H, W) image: (rows, columns).

    The grid covers the whole image with tiles of nearly equal size, whose sides are as close to `side` as possible.
    """

def prepare(
    image: NDArray[np.uint8],
    batch: NDArray[np.float32] | NDArray[np.uint8],
    slot: int,
    *,
    fit: Literal["stretch", "pad_end", "center"] = "stretch",
    swap_channels: bool = False,
    mean: Triple = (0, 0, 0),
    scale: Triple = (1, 1, 1),
    fill: int = 0,
) -> tuple[int, int, int, int]:
    """Resize and normalise a (H, W, 3) image into `batch[slot]`, three planes of (h, w).

    Downscaling averages the area that a pixel covers (OpenCV's INTER_AREA), upscaling interpolates (INTER_LINEAR).
    `fit` selects whether the image fills the frame (`stretch`), or keeps its aspect ratio and is padded with the grey
    level `fill` on the right or below (`pad_end`) or on both sides (`center`). A value v (0 to 255) becomes
    (v - mean) * scale, rounded for a uint8 batch. `mean` and `scale` are in the channel order of the batch, which is
    that of the image, reversed if `swap_channels`. Rows of `image` may be strided.
    Returns left, top, width and height of the image in the frame.
    """

def align(
    image: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    template: NDArray[np.float32],
    batch: NDArray[np.float32] | NDArray[np.uint8],
    *,
    first: int = 0,
    swap_channels: bool = False,
    mean: Triple = (0, 0, 0),
    scale: Triple = (1, 1, 1),
) -> NDArray[np.float64]:
    """Align N faces of a (H, W, 3) image by their landmarks, and write the chips into `batch[first : first + N]`.

    `landmarks` (N, 5, 2) are x, y in pixels of the image, `template` (5, 2) are their positions in the chip. The
    similarity transform between them is fitted by least squares (Umeyama 1991, without reflections). `batch` is
    (B, 3, S, S) or (B, S, S, 3). Sampling is bilinear, with black outside the image, so downscale first where a face is
    more than twice as large as its chip. Values and channels as in `prepare`.
    Returns the transforms from image to chip: (N, 2, 3).
    """

def redact_blur(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    *,
    sigma: float,
    shape: Literal["ellipse", "rectangle"] = "ellipse",
    feather: float = 0.0,
) -> None:
    """Blur regions of a C-contiguous (H, W, 3) image in place, with a Gaussian of `sigma` pixels.

    `boxes` (N, 4) are left, top, right, bottom in pixels. A region is the rectangle or the ellipse that touches its
    sides; parts outside the image are ignored. A region is redacted completely; over `feather` pixels around it the
    redaction fades. The Gaussian is approximated by three box blurs (PSNR above 40 dB), with borders mirrored at the
    bounding box of the region. The time does not depend on `sigma`; a `sigma` above the length of the box acts like
    that length.

    To make a face unrecognisable, use a `sigma` of at least a tenth of its width, and boxes that extend a tenth beyond
    the face on every side. With these values photofinish's own embedder does not match the face, even given its
    position. (A `sigma` of a 25th leaves it recognisable, and so may the hair in the corners around an ellipse that
    only touches the face's box.)
    """

def redact_pixelate(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    *,
    block: int,
    shape: Literal["ellipse", "rectangle"] = "ellipse",
    feather: float = 0.0,
) -> None:
    """As `redact_blur`, but each square of `block` pixels, from the upper left corner of the box on, becomes its mean.

    To make a face unrecognisable, use a `block` of at least an eighth of its width, so at most eight blocks across, and
    boxes that extend a tenth beyond the face on every side.
    """

def cosine_top_k(
    queries: NDArray[np.float32],
    rows: NDArray[np.float32] | NDArray[np.float16],
    k: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k rows most similar to each query: row indices and similarities, both (Q, k'), k' = min(k, allowed rows).

    `queries` (Q, D) and `rows` (N, D) are C-contiguous with unit-length rows, so that the dot product is the cosine
    similarity (lengths are not checked). `mask` (N,) is true for allowed rows. Results are in descending order of
    similarity, ties by row index, and do not depend on `threads`. An allowed row with NaN raises a ValueError; other
    rows are not read. Search is up to 15 % faster if `rows` starts at half a cache line (32 bytes),
    which it does by chance in NumPy's own memory.
    """

def quantize_rows(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes (N, D) and scales (N,): a row is its codes times its scale; its largest absolute value has the code 127."""

def cosine_top_k_int8(
    queries: NDArray[np.float32],
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    rows: NDArray[np.float32] | NDArray[np.float16],
    k: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """As `cosine_top_k`, but searches `quantize_rows(rows)`, and scores only the best 4k + 32 of them by `rows`.

    Reads a quarter of the memory. Recall@10 against exact search is 0.999 or more. The returned similarities are exact.
    """

def cluster_rows(
    rows: NDArray[np.float32], *, threshold: float, cannot_link: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Cluster labels (N,) of (N, D) unit-length rows, numbered from 0 in the order of the clusters' first rows.

    Every row starts as its own cluster. All pairs with a cosine similarity of at least `threshold` are processed in
    descending order of similarity, ties by row indices. Each merges the clusters of its two rows, unless the union
    would contain a pair of `cannot_link` (C, 2), which are row indices, such as two faces of one photo. Without such
    pairs the result is the connected components of the threshold graph. Rows with NaN or infinity raise a ValueError.
    Memory grows with the number of pairs found.
    """

def k_reciprocal_distances(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_: float = 0.3,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Distances (Q, N) between (Q, D) queries and (N, D) candidates by k-reciprocal encoding (Zhong et al. 2017).

    Rows with the same neighbours are close. A distance is `1 - lambda_` times the Jaccard distance of two encodings,
    plus `lambda_` (0 to 1) times the cosine distance 1 - cos; smaller is closer. The encoding of a row is over its `k1`
    nearest neighbours among all queries and candidates, averaged over its `k2` nearest, including itself. Rows are
    C-contiguous and of unit length (lengths are not checked). Neighbours at the same distance are included or excluded
    together, so the order of candidates does not matter, and equal candidates have equal distances. There may be fewer
    rows than `k1`. All rows are compared with each other, so pass only the best few hundred to few thousand candidates
    of a search.
    """

def hybrid_scores(
    components: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores (N,) and contributions (N, P) of (N, P) components from 0 to 1, such as similarity and quality.

    A contribution is a component times its weight (P,), which is at least 0. A score is the sum of the contributions of
    a row, from left to right; it is from 0 to 1 if the weights add up to 1.
    """

def perceptual_hash(gray: NDArray[np.uint8]) -> int:
    """64 bits that change little when a (H, W) image is scaled, compressed or brightened (Zauner 2010).

    The image is resized to 32×32 by area, and transformed by a DCT-II. Each of the 8×8 lowest frequencies gives one
    bit, row by row from the most significant: whether it is above their median.
    """

def perceptual_hash_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1
) -> NDArray[np.uint64]:
    """`perceptual_hash` of each of several (H, W) images of any size, or of a (N, H, W) stack: (N,)."""

def hamming_search(
    queries: NDArray[np.uint64], hashes: NDArray[np.uint64], max_distance: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """All pairs of a query (Q,) and a hash (N,) that differ in at most `max_distance` (0 to 64) bits.

    Returns query indices, hash indices and distances, ordered by query, then by hash.
    """

def instruction_sets() -> list[str]:
    """Those of `baseline`, `avx2` and `avx512` that this processor has, the best last. (NEON is aarch64's baseline.)"""

def instruction_set() -> str:
    """The instruction set that the kernels use: the best one, unless another was set."""

def set_instruction_set(name: str) -> None:
    """Set the instruction set for the whole process; ValueError if this processor lacks it."""

class Confinement(TypedDict):
    seccomp: bool
    """System calls are refused with EPERM, except those that computing, memory and open files need."""
    landlock: int
    """The version of Landlock that denies files, networks and signals; 0 where the kernel has none."""
    ends_with_parent: bool
    """The kernel kills this process when the thread that started it ends."""

def confine() -> Confinement:
    """Take rights away from this process, for good; it must have one thread. Returns what the kernel enforces.

    Where `seccomp` is enforced, the process can only compute, and read and write what it has open: it cannot open a
    file or a socket, start a process, or make memory executable; threads it can start.
    """
