"""The shapes that TensorRT builds an engine for.

Without them it builds an engine for the first shape, and again, for minutes, for each shape beyond those seen before:
onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html ("Explicit shape range").
"""

from __future__ import annotations

from typing import NamedTuple


class Shapes(NamedTuple):
    """The smallest, the usual and the largest input of a model: (N, 3, H, W)."""

    smallest: tuple[int, ...]
    usual: tuple[int, ...]
    largest: tuple[int, ...]


# Batches: `large` of each model's batch_size(). Sides: LARGEST_TILE_PX of face_tiles.py, LONGEST_SIDE of
# text_detection.py, MAX_WIDTH and WIDTH_STEP of text_recognition.py. Usual is a photo of 3 : 2, and a bib number.
SHAPES = {
    "face_detection": Shapes((1, 3, 32, 32), (8, 3, 864, 1280), (8, 3, 1408, 1408)),
    "face_embedding": Shapes((1, 3, 112, 112), (16, 3, 112, 112), (64, 3, 112, 112)),
    "text_detection": Shapes((1, 3, 32, 32), (4, 3, 864, 1280), (4, 3, 1280, 1280)),
    "text_recognition": Shapes((2, 3, 48, 32), (32, 3, 48, 160), (32, 3, 48, 2560)),
}


def profile_options(role: str | None, input_name: str) -> dict[str, str]:
    """Return TensorRT's options for the model of `role`, whose input has this name; none for an operator's model."""
    shapes = SHAPES.get(role or "")
    if shapes is None:
        return {}
    return {
        "trt_profile_min_shapes": _text(input_name, shapes.smallest),
        "trt_profile_opt_shapes": _text(input_name, shapes.usual),
        "trt_profile_max_shapes": _text(input_name, shapes.largest),
    }


def _text(name: str, shape: tuple[int, ...]) -> str:
    return f"{name}:{'x'.join(map(str, shape))}"
