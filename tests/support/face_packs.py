"""A folder like an unpacked InsightFace pack, with tiny networks: they find red cells and embed chips by colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from support.onnx_models import save

STRIDES, ANCHORS = (8, 16, 32), 2
DIMENSIONS = 512
FACE_PX = 64
# Eye on the picture's left, the other, nose, mouth's corners, as shares of the face's box.
POINTS = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def scrfd(path: Path, *, side: int | None = None, batched: bool = False, seed: int | None = None) -> Path:
    """SCRFD's nine outputs: three heads a stride, two anchors a cell, each a convolution of that stride.

    Of every red cell of 16 × 16 pixels the second anchor sees a face of 64 pixels around its upper left corner. With a
    `seed` everything is random, for comparison with another decoder.
    """
    random = np.random.default_rng(seed)
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, np.ndarray] = {}
    outputs: dict[str, list[int | str]] = {}
    for kind, columns in (("score", 1), ("bbox", 4), ("kps", 10)):
        constants[f"{kind}_rows"] = np.array([1, -1, columns] if batched else [-1, columns], np.int64)
        for stride in STRIDES:
            name = f"{kind}_{stride}"
            weights = np.zeros((ANCHORS * columns, 3, stride, stride), np.float32)
            bias = np.zeros(ANCHORS * columns, np.float32)
            if seed is not None:
                weights = random.normal(size=weights.shape).astype(np.float32) / stride
                bias = random.uniform(-1, 3, bias.shape).astype(np.float32)
            elif kind == "score" and stride == 16:
                # Red less the mean of green and blue, over the cell: about 1 where all is red, 0 where it is grey.
                weights[1] = np.array([0.5, -0.25, -0.25], np.float32).reshape(3, 1, 1) / stride**2
            elif kind == "bbox":
                bias[:] = FACE_PX / 2 / stride
            elif kind == "kps":
                bias[:] = np.tile(((POINTS - 0.5) * FACE_PX / stride).ravel(), ANCHORS)
            constants |= {f"{name}_weights": weights, f"{name}_bias": bias}
            rows = name if seed is None or kind != "score" else f"{name}_raw"
            nodes += [
                helper.make_node(
                    "Conv", ["images", f"{name}_weights", f"{name}_bias"], [f"{name}_map"], strides=[stride, stride]
                ),
                helper.make_node("Transpose", [f"{name}_map"], [f"{name}_last"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}_last", f"{kind}_rows"], [rows]),
            ]
            if rows != name:
                nodes.append(helper.make_node("Sigmoid", [rows], [name]))
            outputs[name] = [1, f"n_{stride}", columns] if batched else [f"n_{stride}", columns]
    size = ["h", "w"] if side is None else [side, side]
    return save(path, nodes, input_shape=[1, 3, *size], outputs=outputs, constants=constants)


def arcface(path: Path, *, seed: int = 0, dimensions: int = DIMENSIONS, batch: int | str = "n") -> Path:
    """(N, 3, 112, 112) → (N, 512): a fixed random projection of the chip's 7 × 7 means, so alike chips are alike."""
    weights = np.random.default_rng(seed).normal(size=(3 * 49, dimensions)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["images"], ["means"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Reshape", ["means", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "weights"], ["embedding"]),
    ]
    return save(
        path,
        nodes,
        input_shape=[batch, 3, 112, 112],
        outputs={"embedding": [batch, dimensions]},
        constants={"flat": np.array([-1, 3 * 49], np.int64), "weights": weights},
    )


def pack(folder: Path, *, side: int | None = None, batched: bool = False) -> Path:
    """A folder named like `buffalo_l` with the files that are used of one."""
    scrfd(folder / "det_10g.onnx", side=side, batched=batched)
    arcface(folder / "w600k_r50.onnx")
    return folder


def crowd(places: Sequence[tuple[int, int]], *, width: int = 1280, height: int = 960) -> NDArray[np.uint8]:
    """(H, W, 3) BGR: textured grey, with a red cell at each place (x, y), multiples of 16, that the network sees."""
    picture = np.random.default_rng(3).integers(60, 80, (height, width, 1), np.uint8).repeat(3, axis=2)
    for x, y in places:
        picture[y : y + 16, x : x + 16] = (0, 0, 255)
    return picture
