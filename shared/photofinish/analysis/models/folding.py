"""Converts a block-quantised ONNX file of the OpenCV model zoo to plain float32 for any batch and size.

The zoo's ``int8bq`` files keep every weight as DequantizeLinear (and Reshape) nodes over int8 initialisers, list the
old float weights as unused graph inputs, and fix the batch to 1. Folding evaluates the constant nodes once, keeps the
image as the only input, and frees the batch (for detectors also height and width).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

_FOLDABLE = frozenset({"DequantizeLinear", "Reshape", "Constant"})


def fold(model: onnx.ModelProto, *, free_size: bool) -> onnx.ModelProto:
    """Return a model that computes the same in float32 for any batch; `free_size` makes height and width dynamic too.

    Raises:
        ValueError: the graph still needs more than one input after folding.
    """
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    graph = folded.graph
    constants = {initializer.name: numpy_helper.to_array(initializer) for initializer in graph.initializer}
    opsets = {opset.domain: opset.version for opset in folded.opset_import}

    kept_nodes = []
    for node in graph.node:
        if node.op_type in _FOLDABLE and all(name in constants for name in node.input):
            feeds = {name: constants[name] for name in node.input}
            (value,) = ReferenceEvaluator(node, opsets=opsets).run(None, feeds)
            constants[node.output[0]] = np.asarray(value)
        else:
            kept_nodes.append(_with_free_batch(node, constants) if node.op_type == "Reshape" else node)

    used = {name for node in kept_nodes for name in node.input}
    inputs = [value for value in graph.input if value.name in used and value.name not in constants]
    if len(inputs) != 1:
        raise ValueError(f"a folded model has one input, not {[value.name for value in inputs]}")
    replace(graph.node, kept_nodes)
    weights = [numpy_helper.from_array(constants[name], name) for name in sorted(used & constants.keys())]
    replace(graph.initializer, weights)
    replace(graph.input, inputs)
    del graph.value_info[:]  # shapes for the fixed batch
    _free_dimensions(graph.input[0], {0: "N"} | ({2: "H", 3: "W"} if free_size else {}))
    for output in graph.output:
        _free_dimensions(output, {0: "N"} | ({1: f"anchors_{output.name}"} if free_size else {}))
    onnx.checker.check_model(folded)
    return folded


def _with_free_batch(node: onnx.NodeProto, constants: dict[str, NDArray[np.generic]]) -> onnx.NodeProto:
    """Rewrite a Reshape to (1, …) as one to (0, …): in ONNX 0 keeps the dimension."""
    shape = constants.get(node.input[1])
    if shape is None or shape[0] != 1:
        return node
    free = onnx.NodeProto()
    free.CopyFrom(node)
    free.input[1] = f"{node.input[1]}_any_batch"
    constants[free.input[1]] = np.concatenate([np.zeros(1, shape.dtype), shape[1:]])
    return free


def _free_dimensions(value: onnx.ValueInfoProto, names: dict[int, str]) -> None:
    dimensions = value.type.tensor_type.shape.dim
    for axis, name in names.items():
        dimensions[axis].dim_param = name


def replace(field: Any, values: Sequence[Any]) -> None:
    """Make `values` the content of a repeated protobuf field."""
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)
