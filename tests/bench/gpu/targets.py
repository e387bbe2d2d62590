"""What is compared: the models in float on the CPU, and the GPU's providers; and watching the GPU meanwhile."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.models import catalogue
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.nvidia import CUDA, TENSORRT
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings

CPU = catalogue.CPU_PROVIDER
PROVIDERS = {"cuda": (CUDA, CPU), "tensorrt": (TENSORRT, CUDA, CPU)}


class Target:
    """Models on one provider."""

    def __init__(self, name: str, settings: ModelSettings) -> None:
        """`name` is `cpu`, `cuda` or `tensorrt`."""
        self.name = name
        self.settings = settings

    @classmethod
    def on(cls, name: str, models_dir: Path, threads: int, engines: Path) -> Target:
        providers = PROVIDERS.get(name, (CPU,))
        return cls(
            name,
            ModelSettings(models_dir=models_dir, providers=providers, threads=threads, tensorrt_cache_dir=engines),
        )

    @cached_property
    def analyzer(self) -> Analyzer:
        """The whole analysis; on the CPU in float, as on GPUs, where the catalogue may choose 8 bits."""
        with mock.patch.object(catalogue, "multiplies_int8_exactly", return_value=False):
            return Analyzer.load(self.settings)

    def free(self) -> None:
        """Forget the analysis, so that its memory is there for others."""
        self.__dict__.pop("analyzer", None)

    def session(self, role: str) -> OrtSession:
        """A session of its own with the model itself, never its form for CPUs."""
        model = catalogue.model_for(role)
        if self.name != "cpu":
            return OrtSession(model, self.settings)
        return OrtSession(ModelFile.at(self.settings.models_dir / model.file, variable="models"), self.settings)


class GpuWatch:
    """Samples the first GPU while a block runs: how busy it is, and its memory. Without a GPU it sees nothing."""

    EVERY_S = 0.1

    def __init__(self) -> None:
        self.busy: float | None = None
        """Mean share of the time in which a kernel ran, 0 to 1."""
        self.peak_bytes = 0
        self._samples: list[int] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        if self._samples:
            self.busy = sum(self._samples) / len(self._samples) / 100

    def _sample(self) -> None:
        nvml = _nvml()
        if nvml is None:
            return
        device = nvml.nvmlDeviceGetHandleByIndex(0)
        while not self._ending.wait(self.EVERY_S):
            self._samples.append(int(nvml.nvmlDeviceGetUtilizationRates(device).gpu))
            self.peak_bytes = max(self.peak_bytes, int(nvml.nvmlDeviceGetMemoryInfo(device).used))


def _nvml() -> Any:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
