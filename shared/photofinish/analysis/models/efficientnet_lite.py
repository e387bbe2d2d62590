"""Makes an ONNX file of EfficientNet-lite0's weights, with its batch normalisation folded into its convolutions.

Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019; the lite form has ReLU6
and no squeeze-and-excitation (github.com/tensorflow/tpu, efficientnet/lite).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIZE = 224
BLOCKS = 16
_STRIDE_2_BLOCKS = frozenset({1, 3, 5, 11})
_BATCH_NORM_EPSILON = 1e-3
_OPSET, _IR_VERSION = 13, 8
Weights = Mapping[str, NDArray[Any]]


def efficientnet_lite0(weights: Weights) -> bytes:
    """Return the ONNX file: `image` (N, 3, 224, 224) RGB, (x - 127) / 128 → `probabilities` (N, 1000).

    `weights` are named as in lukemelas/EfficientNet-PyTorch.
    """
    graph = _Graph(weights)
    x, size = graph.convolution("image", "_conv_stem", "_bn0", stride=2, size=SIZE)
    for block in range(BLOCKS):
        name, stride, start = f"_blocks.{block}.", 2 if block in _STRIDE_2_BLOCKS else 1, x
        if f"{name}_expand_conv.weight" in weights:
            x, size = graph.convolution(x, f"{name}_expand_conv", f"{name}_bn0", size=size)
        x, size = graph.convolution(x, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride, size=size)
        x, size = graph.convolution(x, f"{name}_project_conv", f"{name}_bn2", size=size, activated=False)
        if stride == 1 and graph.channels[x] == graph.channels[start]:
            x = graph.node("Add", [x, start], channels=graph.channels[x])
    x, _ = graph.convolution(x, "_conv_head", "_bn1", size=size)
    x = graph.node("GlobalAveragePool", [x])
    x = graph.node("Flatten", [x])
    x = graph.node("Gemm", [x, graph.weight("_fc.weight"), graph.weight("_fc.bias")], transB=1)
    graph.node("Softmax", [x], output="probabilities", axis=1)
    return graph.file()


class _Graph:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: dict[str, NDArray[np.float32]] = {"zero": np.float32(0), "six": np.float32(6)}  # type: ignore[dict-item]
        self.channels: dict[str, int] = {"image": 3}
        """Of each value that a convolution made."""

    def node(
        self, kind: str, inputs: list[str], *, output: str | None = None, channels: int = 0, **attributes: Any
    ) -> str:
        """Add a node and return the name of its value."""
        name = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.channels[name] = channels
        return name

    def weight(self, name: str) -> str:
        self._constants[name] = self._weights[name].astype(np.float32)
        return name

    def convolution(
        self, x: str, name: str, norm: str, *, size: int, stride: int = 1, activated: bool = True
    ) -> tuple[str, int]:
        """Add a convolution with its batch normalisation; return its value, and its height and width."""
        kernel, bias = self._folded(name, norm)
        outputs, inputs_of_group, width, _ = kernel.shape
        self._constants |= {f"{name}.weight": kernel, f"{name}.bias": bias}
        smaller = -(-size // stride)
        pad = max((smaller - 1) * stride + width - size, 0)  # TensorFlow's SAME: the odd pixel is at the end
        edges = [pad // 2, pad // 2, pad - pad // 2, pad - pad // 2]
        x = self.node(
            "Conv",
            [x, f"{name}.weight", f"{name}.bias"],
            channels=outputs,
            kernel_shape=[width, width],
            strides=[stride, stride],
            pads=edges,
            group=outputs if inputs_of_group == 1 and width > 1 else 1,
        )
        if activated:
            x = self.node("Clip", [x, "zero", "six"], channels=outputs)
        return x, smaller

    def _folded(self, name: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        kernel = self._weights[f"{name}.weight"].astype(np.float64)
        gamma, beta, mean, variance = (
            self._weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + _BATCH_NORM_EPSILON)
        return (kernel * scale[:, None, None, None]).astype(np.float32), (beta - mean * scale).astype(np.float32)

    def file(self) -> bytes:
        constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in self._constants.items()]
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])
        found = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 1000])
        graph = helper.make_graph(self._nodes, "efficientnet-lite0", [image], [found], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content
