"""Tiny ONNX models with the inputs and outputs of real ones, for ONNX Runtime to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    *,
    input_shape: Sequence[int | str],
    outputs: Mapping[str, Sequence[int | str]],
    constants: Mapping[str, np.ndarray] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A checked model of float32, input `images`, at `path`."""
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, list(input_shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def sees_the_brightness_of(region: tuple[int, int, int, int]) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """Nodes that make `seen`, (1, 1): the mean of the input in `left, top, right, bottom`, with their constants.

    Nothing but the picture decides it, so a model made of it sees what its input shows and where.
    """
    left, top, right, bottom = region
    nodes = [
        helper.make_node("Slice", ["images", "starts", "ends", "axes"], ["part"]),
        helper.make_node("ReduceMean", ["part"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Reshape", ["mean", "one_by_one"], ["seen"]),
    ]
    constants = {
        "starts": np.array([top, left], np.int64),
        "ends": np.array([bottom, right], np.int64),
        "axes": np.array([2, 3], np.int64),
        "one_by_one": np.array([1, 1], np.int64),
    }
    return nodes, constants
