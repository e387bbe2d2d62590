"""The hot kernels of photofinish, in Rust: sharpness, pixels, redaction, similarity, hash.

Arrays are taken as they are, never copied; one of the wrong shape, type or layout is refused with a `ValueError` that
names the argument (something that is no array at all: `TypeError`). The GIL is released while a kernel runs.
"""

from photofinish_kernels._kernels import (
    align,
    cluster_rows,
    cosine_top_k,
    cosine_top_k_int8,
    hamming_search,
    high_frequency_share,
    high_frequency_share_batch,
    instruction_set,
    instruction_sets,
    laplacian_variance,
    laplacian_variance_batch,
    perceptual_hash,
    perceptual_hash_batch,
    prepare,
    quantize_rows,
    reblur_sharpness,
    reblur_sharpness_batch,
    redact_blur,
    redact_pixelate,
    set_instruction_set,
    sharpness_regions,
    sharpness_tiles,
    tenengrad,
    tenengrad_batch,
)

__all__ = [
    "align",
    "cluster_rows",
    "cosine_top_k",
    "cosine_top_k_int8",
    "hamming_search",
    "high_frequency_share",
    "high_frequency_share_batch",
    "instruction_set",
    "instruction_sets",
    "laplacian_variance",
    "laplacian_variance_batch",
    "perceptual_hash",
    "perceptual_hash_batch",
    "prepare",
    "quantize_rows",
    "reblur_sharpness",
    "reblur_sharpness_batch",
    "redact_blur",
    "redact_pixelate",
    "set_instruction_set",
    "sharpness_regions",
    "sharpness_tiles",
    "tenengrad",
    "tenengrad_batch",
]
