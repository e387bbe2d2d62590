"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    seconds: float
    """Of one run of the pipeline."""
    batch_size: int
    """Photos pulled at once (PHOTOFINISH_BATCH_SIZE); twice as many are in the pipeline."""
    inputs: int
    """Photos whose inputs to the models are compared."""
    camera_photos: int
    """Photos as large as a camera's."""
    camera_megapixels: int
    varying_photos: int
    """Photos of varying shapes."""
    largest_batch: int
    largest_side: int
    """Of the pictures that models run on alone, in pixels."""
    runs: int
    """Of one batch of a model."""
    other_batch_sizes: tuple[int, ...]
    """To try besides `batch_size`; 8 is the default of a deployment."""


ON_GPU = Effort(
    seconds=15,
    batch_size=32,
    inputs=16,
    camera_photos=24,
    camera_megapixels=12,
    varying_photos=2000,
    largest_batch=64,
    largest_side=4096,
    runs=10,
    other_batch_sizes=(8, 128),
)
ON_CPU = Effort(
    seconds=0.1,
    batch_size=1,
    inputs=1,
    camera_photos=1,
    camera_megapixels=1,
    varying_photos=2,
    largest_batch=2,
    largest_side=192,
    runs=1,
    other_batch_sizes=(),
)
"""Only whether every part works."""
