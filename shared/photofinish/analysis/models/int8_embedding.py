"""SFace in 8-bit integers, for processors that multiply them exactly: the same network in less than half the time.

ONNX Runtime's own quantisation leaves PReLU in floats, and its tensors have one range each, which costs accuracy. SFace
is a chain of convolutions, each followed by PReLU, so both are solved here: PReLU with a slope s ≤ 1 is max(x, s·x),
and since PReLU(r·x) = r·PReLU(x) for r > 0, every channel can be divided by its largest value at the output of a
convolution and multiplied by it at the input of the next ("cross-layer equalisation", Nagel et al., "Data-free
quantization through weight equalization and bias correction", 2019). Then one quantisation grid serves all tensors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float64]

RANGES_FILE = "int8_channel_ranges.json"
_LARGEST = 127
_ZERO = 128
_CONTRIB = "com.microsoft"
_INPUT, _OUTPUT = "data", "fc1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A convolution with its batch normalisation folded in, and the PReLU after it."""

    name: str
    """Of PReLU's input tensor."""
    weights: Floats
    """(output, input / groups, k, k)."""
    bias: Floats
    slopes: Floats
    """Of PReLU, one per output channel."""
    stride: int
    pad: int
    depthwise: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """SFace: layers, then one matrix over the whole output of the last one."""

    offset: float
    """Subtracted from a pixel before it is multiplied by `scale`."""
    scale: float
    layers: tuple[Layer, ...]
    matrix: Floats
    """(D, channels, height, width)."""
    bias: Floats


def int8_embedding_form(source: Path) -> bytes:
    """Convert the model to 8 bits, with the measured largest values of its channels (`RANGES_FILE`).

    Raises:
        ValueError: it is not a chain of convolutions and PReLUs, or not the measured model.
    """
    recorded = json.loads(resources.files(__package__).joinpath(RANGES_FILE).read_text(encoding="utf-8"))
    network = network_of(onnx.load(str(source)))
    largest = [np.array(recorded[layer.name], np.float64) for layer in network.layers]
    if [values.shape for values in largest] != [layer.bias.shape for layer in network.layers]:
        raise ValueError(f"{RANGES_FILE} was not measured on {source}")
    model = _Writer().written(network, largest)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def network_of(model: onnx.ModelProto) -> Network:
    """Read the layers of a folded SFace file.

    Raises:
        ValueError: it is another kind of network.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in model.graph.initializer}
    layers: list[Layer] = []
    operators = [node.op_type for node in model.graph.node]
    body = [node for node in model.graph.node if node.op_type in {"Conv", "BatchNormalization", "PRelu"}]
    chain, last = body[:-2], body[-2:]
    if (
        operators[:2] != ["Sub", "Mul"]
        or operators[-5:] != ["BatchNormalization", "Dropout", "Flatten", "Gemm", "BatchNormalization"]
        or len(chain) + 7 != len(operators)
        or [node.op_type for node in chain] != ["Conv", "BatchNormalization", "PRelu"] * (len(chain) // 3)
    ):
        raise ValueError("this is not SFace: expected a chain of convolutions, each with normalisation and PReLU")
    for conv, normalisation, prelu in zip(chain[::3], chain[1::3], chain[2::3], strict=True):
        factor, shift = _affine(normalisation, constants)
        attributes = {one.name: helper.get_attribute_value(one) for one in conv.attribute}
        layers.append(
            Layer(
                name=prelu.input[0],
                weights=constants[conv.input[1]] * factor[:, None, None, None],
                bias=shift,
                slopes=constants[prelu.input[1]].reshape(-1),
                stride=attributes["strides"][0],
                pad=attributes["pads"][0],
                depthwise=attributes["group"] > 1,
            )
        )
    (before, shift_before), (after, shift_after) = (_affine(node, constants) for node in last)
    gemm = model.graph.node[-2]
    side = int((constants[gemm.input[1]].shape[1] / len(before)) ** 0.5)
    matrix = constants[gemm.input[1]].reshape(len(after), len(before), side, side)
    bias = constants[gemm.input[2]] + matrix.sum(axis=(2, 3)) @ shift_before
    return Network(
        offset=float(constants[model.graph.node[0].input[1]].item()),
        scale=float(constants[model.graph.node[1].input[1]].item()),
        layers=tuple(layers),
        matrix=matrix * before[None, :, None, None] * after[:, None, None, None],
        bias=bias * after + shift_after,
    )


def _affine(node: onnx.NodeProto, constants: dict[str, NDArray[np.float64]]) -> tuple[Floats, Floats]:
    """Factor and shift per channel of a batch normalisation."""
    scale, shift, mean, variance = (constants[name] for name in node.input[1:5])
    epsilon = next((one.f for one in node.attribute if one.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    return factor, shift - mean * factor


class _Convolution(NamedTuple):
    weights: Floats
    bias: Floats
    groups: int
    stride: int = 1
    pad: int = 0


class _Writer:
    """Collects the nodes and constants of the 8-bit model.

    Tensors are (N, height, width, channels), as 8-bit convolutions require, and hold ±1 as 128 ± 127.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def written(self, network: Network, largest: list[Floats]) -> onnx.ModelProto:
        self._node("Transpose", [_INPUT], "pixels", perm=[0, 2, 3, 1])
        one = self._grid("pixel", 1.0, 0)
        self._node("QuantizeLinear", ["pixels", *one], "pixels_8_bit")
        grid = self._grid("grid", 1 / _LARGEST, _ZERO)
        # Pixels stay integers with zero at a grey of 128, while the network's zero is 127.5: the difference goes into
        # the bias, except in the padding around the picture, where the value is 0.004 too low.
        inputs, input_scale = ["pixels_8_bit", *self._grid("colour", network.scale, _ZERO)], network.scale
        factor = np.ones(3)
        shift = (_ZERO - network.offset) * network.scale
        for layer, most in zip(network.layers, largest, strict=True):
            # PReLU with s > 1 is -s times PReLU of -x with 1/s.
            turned = layer.slopes > 1
            divisor = np.where(turned, -most, most)
            weights = layer.weights * (factor[:, None, None, None] if layer.depthwise else factor[None, :, None, None])
            bias = layer.bias + shift * weights.sum(axis=(1, 2, 3))
            weights, bias = weights / divisor[:, None, None, None], bias / divisor
            slopes = np.where(turned, 1 / np.where(turned, layer.slopes, 1), layer.slopes)
            x, sloped, y = f"{layer.name}_x", f"{layer.name}_sloped", f"{layer.name}_y"
            convolution = _Convolution(
                weights, bias, len(bias) if layer.depthwise else 1, stride=layer.stride, pad=layer.pad
            )
            self._convolve(inputs, input_scale, convolution, grid, x)
            slope = _Convolution(slopes.reshape(-1, 1, 1, 1), np.zeros(len(bias)), len(bias))
            self._convolve([x, *grid], 1 / _LARGEST, slope, grid, sloped)
            self._node("Max", [x, sloped], y)
            factor = most * np.where(turned, -layer.slopes, 1)
            inputs, input_scale, shift = [y, *grid], 1 / _LARGEST, 0.0
        matrix = (network.matrix * factor[None, :, None, None]).transpose(0, 2, 3, 1).reshape(len(network.bias), -1)
        self._node("Flatten", [inputs[0]], "flat", axis=1)
        constants = self._weights("matrix", matrix, network.bias, input_scale, transposed=True)
        self._node("QGemm", ["flat", *grid, *constants], _OUTPUT, domain=_CONTRIB)
        graph = helper.make_graph(
            self._nodes,
            "sface_int8",
            [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, ["N", 3, 112, 112])],
            [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, ["N", len(network.bias)])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", 14), helper.make_opsetid(_CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def _convolve(
        self, inputs: list[str], input_scale: float, convolution: _Convolution, grid: list[str], output: str
    ) -> None:
        *constants, bias = self._weights(output, convolution.weights, convolution.bias, input_scale)
        size = convolution.weights.shape[2]
        self._node(
            "QLinearConv",
            [*inputs, *constants, *grid, bias],
            output,
            domain=_CONTRIB,
            channels_last=1,
            group=convolution.groups,
            kernel_shape=[size, size],
            strides=[convolution.stride] * 2,
            pads=[convolution.pad] * 4,
        )

    def _weights(
        self, name: str, weights: Floats, bias: Floats, input_scale: float, *, transposed: bool = False
    ) -> list[str]:
        """Add weights, their scales and zeros per output, and the bias as integers of both scales; return the names."""
        flat = np.abs(weights).reshape(len(weights), -1)
        scales = np.maximum(flat.max(axis=1), 1e-9) / _LARGEST
        rounded = np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int8)
        return [
            self._constant(f"{name}_weights", rounded.T if transposed else rounded),
            self._constant(f"{name}_scales", scales.astype(np.float32)),
            self._constant(f"{name}_zeros", np.zeros(len(scales), np.int8)),
            self._constant(f"{name}_bias", np.rint(bias / (scales * input_scale)).astype(np.int32)),
        ]

    def _grid(self, name: str, scale: float, zero: int) -> list[str]:
        """Add the scale and the zero of 8-bit values; return their names."""
        return [
            self._constant(f"{name}_scale", np.array(scale, np.float32)),
            self._constant(f"{name}_zero", np.array(zero, np.uint8)),
        ]

    def _constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
