"""Running models: a small protocol, so that models do not depend on the runtime, and ONNX Runtime behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import CPU_PROVIDER, CatalogueModel, built_file
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.providers import providers_with_options
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured


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
        providers = providers_with_options(settings, ort.get_available_providers())
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
            self._session = ort.InferenceSession(str(path), options, providers=providers)
        except self._unusable as error:
            raise Misconfigured(f"ONNX Runtime cannot load {path}: {_first_line(error)}") from error
        active = self._session.get_providers()
        dropped = [provider for provider in settings.providers if provider not in active]
        if dropped:
            raise Misconfigured(
                f"ONNX Runtime could not start {', '.join(dropped)} for {model.label}; it would run on "
                f"{', '.join(active)} instead. Check the driver and the libraries that the provider needs."
            )
        self._input = self._session.get_inputs()[0].name
        self.input_shape: tuple[int | str | None, ...] = tuple(self._session.get_inputs()[0].shape)
        """Sizes of the input; a name or None is a free size."""
        self.input_type: str = self._session.get_inputs()[0].type
        """`tensor(float)` and the like."""
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._large_batches_pay = settings.providers[0] != CPU_PROVIDER
        self._metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def metadata(self) -> Mapping[str, str]:
        return self._metadata

    @property
    def large_batches_pay(self) -> bool:
        return self._large_batches_pay

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        # Not bound to device memory: every output is decoded on the CPU.
        return dict(zip(self._outputs, self._session.run(self._outputs, {self._input: batch}), strict=True))

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


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
