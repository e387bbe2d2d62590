from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Triple = tuple[float, float, float]
Measure = Literal["laplacian_variance", "tenengrad", "reblur_sharpness", "high_frequency_share"]

def laplacian_variance(gray: NDArray[np.uint8]) -> float:
    """Variance of the 4-neighbour Laplacian of a (H, W) picture, higher is sharper; not comparable between sizes.

    Equals `cv2.Laplacian(gray, cv2.CV_64F, ksize=1).var()` (borders mirrored), from exact integer sums. Rows may be
    apart (a crop of a larger picture), the pixels of a row may not.
    """

def laplacian_variance_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1
) -> NDArray[np.float64]:
    """`laplacian_variance` of each of (H, W) pictures of any sizes, or of a (N, H, W) stack: (N,)."""

def reblur_sharpness(gray: NDArray[np.uint8]) -> float:
    """One minus the no-reference blur of Crété-Roffet et al. 2007, in [0, 1], higher is sharper.

    Equals `1 - skimage.measure.blur_effect(gray, h_size=11)`: how much of the Sobel gradient an 11-tap box blur
    destroys, the worse of the two axes. (scikit-image's variant of the paper, because it is the one people compare
    with.) An axis without any gradient is left out; a picture without any has 0. Needs at least 4×4 pixels.
    """

def reblur_sharpness_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1
) -> NDArray[np.float64]:
    """`reblur_sharpness` of each of (H, W) pictures of any sizes, or of a (N, H, W) stack: (N,)."""

def tenengrad(gray: NDArray[np.uint8]) -> float:
    """Mean squared Sobel gradient (gx² + gy², 3×3, borders mirrored) of a (H, W) picture, higher is sharper."""

def tenengrad_batch(grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1) -> NDArray[np.float64]:
    """`tenengrad` of each of (H, W) pictures of any sizes, or of a (N, H, W) stack: (N,)."""

def high_frequency_share(gray: NDArray[np.uint8], *, cutoff: float = 0.25) -> float:
    """Share of the energy of a (H, W) picture at spatial frequencies above `cutoff` cycles a pixel (0 < cutoff < 0.5).

    In [0, 1], higher is sharper, within 1e-5 of exact. The mean is taken out and a Hann window laid over the picture,
    otherwise the jump between opposite borders would pass for detail. A flat picture has 0.
    """

def high_frequency_share_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, cutoff: float = 0.25, threads: int = 1
) -> NDArray[np.float64]:
    """`high_frequency_share` of each of (H, W) pictures of any sizes, or of a (N, H, W) stack: (N,)."""

def sharpness_regions(
    gray: NDArray[np.uint8], boxes: NDArray[np.int64], *, measure: Measure = "reblur_sharpness", threads: int = 1
) -> NDArray[np.float64]:
    """A sharpness of each region of a (H, W) picture, uncopied: (N,).

    `boxes` (N, 4) hold left, top, right, bottom in pixels, right and bottom not included, all inside the picture.
    """

def sharpness_tiles(
    gray: NDArray[np.uint8], side: int, *, measure: Measure = "reblur_sharpness", threads: int = 1
) -> NDArray[np.float64]:
    """A sharpness of each tile of a (H, W) picture, as a map of (rows, columns).

    The grid covers the whole picture; its tiles are nearly equal, with sides as near to `side` pixels as that allows.
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
    """Resizes a decoded (H, W, 3) picture into `batch[slot]`, three planes of (h, w), as a model wants it.

    Shrinking averages the area that a pixel covers (OpenCV's INTER_AREA), growing interpolates (INTER_LINEAR). `fit`
    says whether the picture fills the frame or keeps its proportions, padded right and below (`pad_end`) or on both
    sides (`center`) with the grey level `fill`. A value v from 0 to 255 becomes (v - mean) * scale, both in the order
    of the batch's planes, which is the picture's, or with `swap_channels` the reverse; a uint8 batch gets it rounded.
    Returns left, top, width, height of the picture in the frame. Rows of `image` may be apart.
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
    """Cuts one upright chip per face out of a (H, W, 3) picture into `batch[first : first + N]`.

    `landmarks` (N, 5, 2) are x, y in pixels of the picture, `template` (5, 2) where they shall lie in a chip; the
    similarity transform between them is the least-squares one (Umeyama 1991 without reflections). `batch` is
    (B, 3, S, S) or (B, S, S, 3). Colours are interpolated between four pixels, black outside the picture; a face
    more than twice as large as its chip is therefore to be averaged down before. Values and channels as in `prepare`.
    Returns the transforms, picture to chip: (N, 2, 3).
    """

def redact_blur(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    *,
    sigma: float,
    shape: Literal["ellipse", "rectangle"] = "ellipse",
    feather: float = 0.0,
) -> None:
    """Blurs regions of a C-contiguous (H, W, 3) picture in place, with a Gaussian of `sigma` pixels.

    `boxes` (N, 4) hold left, top, right, bottom in pixels; the regions are these rectangles or the ellipses that touch
    their sides, as far as they lie in the picture. A region is redacted whole; over `feather` pixels around it the
    redaction fades. Three box blurs stand for the Gaussian (PSNR above 40 dB against it), borders mirrored at the
    region's bounding box; the time does not depend on `sigma`, which acts up to the length of the box.

    To hide who somebody is, take a `sigma` of a tenth of the face's width or more, and boxes that reach a tenth beyond
    the face on every side: from there on photofinish's own embedder, told where the face was, takes it for a
    stranger's. (A 25th leaves it recognisable; so may the hair around an ellipse that only touches the box.)
    """

def redact_pixelate(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    *,
    block: int,
    shape: Literal["ellipse", "rectangle"] = "ellipse",
    feather: float = 0.0,
) -> None:
    """As `redact_blur`, but every square of `block` pixels, from the box's upper left corner on, becomes its mean.

    To hide who somebody is, take a `block` of an eighth of the face's width or more, so that at most eight lie across,
    and boxes that reach a tenth beyond the face on every side.
    """

def cosine_top_k(
    queries: NDArray[np.float32],
    rows: NDArray[np.float32] | NDArray[np.float16],
    k: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k rows most similar to each query: row numbers and similarities, both (Q, k'), k' = min(k, allowed rows).

    `queries` (Q, D) and `rows` (N, D) are C-contiguous with unit-length rows, so that the dot product is the cosine
    similarity (lengths are not checked). `mask` (N,) is true where a row is allowed. Falling similarity, equal ones by
    row number; the same whatever `threads` is. An allowed row with NaN is refused, others are not looked at. Rows that
    start at half a cache line (32 bytes) are gone through up to 15 % faster; NumPy's own memory does by chance.
    """

def quantize_rows(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes (N, D) and scales (N,): a row is its codes times its scale, which makes its largest number 127."""

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
    """As `cosine_top_k`, but goes through `quantize_rows(rows)` and scores only the 4k + 32 best of them by `rows`.

    A fourth of the memory to go through; recall@10 against exact search is 0.999 or more. The similarities of the rows
    that it returns are exact.
    """

def cluster_rows(
    rows: NDArray[np.float32], *, threshold: float, cannot_link: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The cluster of each of (N, D) unit-length rows: (N,), numbered from 0 by their first rows.

    Every row begins alone. All pairs of cosine similarity `threshold` or more are gone through, most similar first,
    equal ones by row numbers; each joins the clusters of its two rows, unless the union would hold one of the pairs
    `cannot_link` (C, 2) of row numbers, such as two faces of one photo. Without such pairs these are the connected
    components of the threshold graph. Rows with NaN or infinity are refused. Memory grows with the pairs found.
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
    """Distances of (Q, D) queries and (N, D) candidates re-ranked by k-reciprocal encoding (Zhong et al. 2017): (Q, N).

    Two are near when they have the same neighbours: `1 - lambda_` of the Jaccard distance of their encodings over the
    `k1` nearest of queries and candidates, averaged over the `k2` nearest, themselves among them, and `lambda_` (0 to
    1) of the cosine distance 1 - cos; smaller is closer. Rows are C-contiguous and of unit length (lengths are not
    checked). Neighbours at one distance are in or out together, so the order of candidates does not matter and equal
    candidates have equal distances. There may be fewer rows than `k1`. All queries and candidates are compared with one
    another, so give the best few hundred to thousand candidates of a search.
    """

def hybrid_scores(
    parts: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores (N,) and contributions (N, P) of (N, P) parts from 0 to 1, such as similarity, bib evidence and quality.

    A contribution is its part times the weight (P,), which is 0 or more; a score is the sum of its row's contributions,
    from left to right. With weights that add up to 1 scores are from 0 to 1.
    """

def perceptual_hash(gray: NDArray[np.uint8]) -> int:
    """64 bits that stay nearly the same when a (H, W) picture is scaled, compressed or lightened (Zauner 2010).

    The picture shrunk to 32×32 by area, its DCT-II, and for each of the 8×8 lowest frequencies, row by row, the first
    the most significant bit: is it above their median?
    """

def perceptual_hash_batch(
    grays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *, threads: int = 1
) -> NDArray[np.uint64]:
    """`perceptual_hash` of each of (H, W) pictures of any sizes, or of a (N, H, W) stack: (N,)."""

def hamming_search(
    queries: NDArray[np.uint64], hashes: NDArray[np.uint64], max_distance: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Every pair of a query (Q,) and a hash (N,) that differ in at most `max_distance` (0 to 64) bits.

    Query numbers, hash numbers and distances, by query, then by hash.
    """

def instruction_sets() -> list[str]:
    """What this processor has of `baseline`, `avx2`, `avx512`, the best last. (NEON is aarch64's baseline.)"""

def instruction_set() -> str:
    """The one that kernels run on: the best, unless set otherwise."""

def set_instruction_set(name: str) -> None:
    """For the whole process; ValueError when this processor lacks it."""
