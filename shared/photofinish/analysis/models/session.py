"""Running models: a small protocol, so that models do not depend on the runtime, and ONNX Runtime behind it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import CPU_PROVIDER, CatalogueModel, built_file
from photofinish.analysis.models.gpu_memory import BoundedArena
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.nvidia import TENSORRT
from photofinish.analysis.models.providers import usable_providers
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

log = logging.getLogger(__name__)


class Session(Protocol):
    """A loaded model with one input. Threads may share it."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata in the model file."""
        ...

    @property
    def large_batches_pay(self) -> bool:
        """Whether large batches are faster: they are on a GPU, while they overflow the caches of a CPU."""
        ...

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run a batch, in the layout stated in the catalogue; returns every output by name."""
        ...


class OrtSession:
    """:class:`Session` on ONNX Runtime."""

    def __init__(self, model: CatalogueModel | ModelFile, settings: ModelSettings) -> None:
        """Raises Misconfigured if the file or a provider is missing, or the file is no model."""
        if isinstance(model, ModelFile):
            path = model.path
        else:
            path = built_file(model, settings.models_dir, settings.providers)
        try:
            import onnxruntime as ort
            from onnxruntime.capi import onnxruntime_pybind11_state as reasons
        except ModuleNotFoundError:
            raise Misconfigured(
                "Running models needs ONNX Runtime: run `pip install -e '.[cpu]'` in the checkout, "
                "or `pip install -e '.[gpu]'` on a GPU machine."
            ) from None
        self.role = None if isinstance(model, ModelFile) else model.role
        """Role in the catalogue; None for an operator's model."""
        input_name = _input_name(ort, path) if TENSORRT in settings.providers else ""
        providers = usable_providers(settings, role=self.role, input_name=input_name)
        options = ort.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A memory plan is kept for every batch shape, and ours vary: 100 MB without benefit.
        options.enable_mem_pattern = False
        # Threads that spin between runs take cores from decoding and from the other models.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._unusable = (
            *(reasons.InvalidProtobuf, reasons.InvalidGraph, reasons.InvalidArgument, reasons.NotImplemented),
            *(reasons.NoSuchFile, reasons.RuntimeException, reasons.Fail),
        )
        self._path = path
        try:
            # Without its fallback: after an error on a GPU it would go on on the CPU, many times slower.
            self._session = ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
        except self._unusable as error:
            raise Misconfigured(f"ONNX Runtime cannot load {path}: {_first_line(error)}") from error
        active = self._session.get_providers()
        dropped = [provider for provider in settings.providers if provider not in active]
        if dropped:
            raise Misconfigured(
                f"ONNX Runtime could not start {', '.join(dropped)} for {model.label}; it would run on "
                f"{', '.join(active)} instead. The runtime's error before this line says why."
            )
        self._input = self._session.get_inputs()[0].name
        self.input_shape: tuple[int | str | None, ...] = tuple(self._session.get_inputs()[0].shape)
        """Sizes of the input; a name or None is a free size."""
        self.input_type: str = self._session.get_inputs()[0].type
        """`tensor(float)` and the like."""
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._large_batches_pay = settings.providers[0] != CPU_PROVIDER
        giving_back = ort.RunOptions()
        # onnxruntime_run_options_config_keys.h: the arena gives back what no run uses.
        giving_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "gpu:0")
        self._giving_back: Any = giving_back
        """Options of a run; None: this runtime has no arena to give back from."""
        self._arena = BoundedArena(self._run)
        self._metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def metadata(self) -> Mapping[str, str]:
        return self._metadata

    @property
    def large_batches_pay(self) -> bool:
        return self._large_batches_pay

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return self._arena.run(batch) if self._large_batches_pay else self._run(batch)

    def _run(self, batch: NDArray[np.float32], gives_back: bool = False) -> dict[str, NDArray[np.float32]]:
        # Not bound to device memory: every output is decoded on the CPU.
        feeds, options = {self._input: batch}, self._giving_back if gives_back else None
        try:
            values = self._session.run(self._outputs, feeds, options)
        except self._unusable as error:
            if options is None or "memory arena shrink list" not in str(error):
                raise
            log.warning("%s: the GPU's unused memory cannot be given back: %s", self._path.name, _first_line(error))
            self._giving_back = None
            values = self._session.run(self._outputs, feeds)
        return dict(zip(self._outputs, values, strict=True))

    def probe(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """As :meth:`run`, for an operator's model that may be of another kind.

        Raises:
            Misconfigured: the model cannot run such a batch.
        """
        try:
            return self.run(batch)
        except self._unusable as error:
            raise Misconfigured(
                f"ONNX Runtime cannot run {self._path} on float32 of shape {batch.shape}: {_first_line(error)}"
            ) from error


def _input_name(ort: Any, path: Path) -> str:
    """The name of a model's input, read before the session is made that needs it."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return str(ort.InferenceSession(str(path), options, providers=[CPU_PROVIDER]).get_inputs()[0].name)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
