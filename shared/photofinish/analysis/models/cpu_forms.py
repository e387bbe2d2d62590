"""Forms of the models that run on CPUs in about half the time; GPUs run the models themselves.

`int8`: weights and activations as 8-bit integers (static quantisation), which processors with VNNI multiply four at a
time; other processors run the float model. `depthwise_prelu`: PReLU built from operators that ONNX Runtime keeps in its
blocked layout; equal except for rounding.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper, version_converter
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from photofinish.analysis.models.folding import replace

# The quantised operators; tensors between them stay 8-bit. Matrix products of attention gain nothing.
INT8_OPERATORS = (
    "Conv",
    "Add",
    "Mul",
    "Concat",
    "Resize",
    "MaxPool",
    "GlobalAveragePool",
    "HardSigmoid",
    "Relu",
    "Sigmoid",
)
_OPSET = 14  # the first with the operators of per-channel quantisation; the sources' operators have not changed since


def int8_form(source: Path, role: str) -> bytes:
    """Quantise a model with the measured ranges of its tensors (`int8_ranges.json`)."""
    recorded = resources.files(__package__).joinpath("int8_ranges.json").read_text(encoding="utf-8")
    ranges = {name: (np.float32(low), np.float32(high)) for name, (low, high) in json.loads(recorded)[role].items()}
    with quantisable(source) as plain:
        cache, target = plain.with_name("ranges.json"), plain.with_name("int8.onnx")
        save_tensors_data(TensorsData(CalibrationMethod.MinMax, ranges), cache)
        quantize_static(
            plain,
            target,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(INT8_OPERATORS),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            calibration_cache_path=cache,
        )
        quantised = onnx.load(str(target))
    # Quantisation drops the metadata, which holds the characters of a text model.
    helper.set_model_props(quantised, {entry.key: entry.value for entry in onnx.load(str(source)).metadata_props})
    content: bytes = quantised.SerializeToString(deterministic=True)
    return content


@contextlib.contextmanager
def quantisable(source: Path) -> Iterator[Path]:
    """Write the model to a temporary file for calibration: constants folded, GELU and pooling one operator each."""
    with tempfile.TemporaryDirectory(prefix="photofinish-int8-") as folder:
        plain = Path(folder) / "plain.onnx"
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(plain)
        options.log_severity_level = 3
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
        model = onnx.load(str(plain))
        # ONNX Runtime lists all domains it supports; the converter accepts only those in use.
        del model.opset_import[1:]
        model = version_converter.convert_version(model, _OPSET)
        _join_operators(model)
        add_pre_process_metadata(model)
        onnx.save(model, str(plain))
        yield plain


def depthwise_prelu_form(source: Path) -> bytes:
    """Replace PReLU with slope s per channel by s·x + ReLU((1 - s)·x): one-tap depthwise convolutions stay blocked.

    ONNX Runtime's own PRelu takes half of SFace's time. If a slope is above 1, the sum does not hold, and PReLU becomes
    max(x, 0) + s·min(x, 0).
    """
    model = onnx.load(str(source))
    constants = {initializer.name: numpy_helper.to_array(initializer) for initializer in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        x, y = node.input[0], node.output[0]
        slope = constants[node.input[1]].reshape(-1).astype(np.float32)
        added: dict[str, NDArray[np.float32]]
        if (slope <= 1).all():
            added = {f"{y}_slope": slope.reshape(-1, 1, 1, 1), f"{y}_rest": (1 - slope).reshape(-1, 1, 1, 1)}
            nodes += [
                _one_tap(x, f"{y}_rest", f"{y}_scaled", len(slope)),
                helper.make_node("Relu", [f"{y}_scaled"], [f"{y}_positive"]),
                _one_tap(x, f"{y}_slope", f"{y}_sloped", len(slope)),
                helper.make_node("Add", [f"{y}_sloped", f"{y}_positive"], [y]),
            ]
        else:
            added = {f"{y}_slope": slope.reshape(1, -1, 1, 1), f"{y}_zero": np.zeros((), np.float32)}
            nodes += [
                helper.make_node("Relu", [x], [f"{y}_positive"]),
                helper.make_node("Min", [x, f"{y}_zero"], [f"{y}_negative"]),
                helper.make_node("Mul", [f"{y}_negative", f"{y}_slope"], [f"{y}_sloped"]),
                helper.make_node("Add", [f"{y}_positive", f"{y}_sloped"], [y]),
            ]
        model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in added.items())
    replace(model.graph.node, nodes)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _one_tap(x: str, weights: str, y: str, channels: int) -> onnx.NodeProto:
    return helper.make_node("Conv", [x, weights], [y], group=channels, kernel_shape=[1, 1])


def _join_operators(model: onnx.ModelProto) -> None:
    """Join the operators of a GELU (x/√2, erf, + 1, · x, · ½) into one, and make spatial means GlobalAveragePool."""
    users: Mapping[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            users[name].append(node)
    replacements: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type == "Div" and [user.op_type for user in users[node.output[0]]] == ["Erf"]:
            chain = [node]
            while len(chain) < 5:
                (user,) = users[chain[-1].output[0]]
                chain.append(user)
            if [one.op_type for one in chain] != ["Div", "Erf", "Add", "Mul", "Mul"]:
                raise ValueError(f"{node.name}: erf is not part of a GELU here")
            gelu = helper.make_node("Gelu", [node.input[0]], [chain[-1].output[0]], domain="com.microsoft")
            replacements |= {one.output[0]: [] for one in chain} | {chain[0].output[0]: [gelu]}
        elif node.op_type == "ReduceMean":
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            if attributes["axes"] in ([2, 3], [-2, -1]) and attributes.get("keepdims", 1):
                pooled = helper.make_node("GlobalAveragePool", [node.input[0]], [node.output[0]])
                replacements[node.output[0]] = [pooled]
    replace(model.graph.node, [new for node in model.graph.node for new in replacements.get(node.output[0], [node])])
    used = {name for node in model.graph.node for name in node.input}
    replace(model.graph.initializer, [constant for constant in model.graph.initializer if constant.name in used])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
