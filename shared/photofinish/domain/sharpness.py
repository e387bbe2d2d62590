"""How sharp a photo is where it matters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """Figures of one photo, and what follows from them."""

    frame: float
    """Re-blur sharpness of the whole frame at 1024 px, 0 (blurred) to 1 (sharp)."""
    laplacian_variance: float
    """Variance of the Laplacian of the whole frame at 1024 px, for comparison with other tools."""
    is_blurry: bool
