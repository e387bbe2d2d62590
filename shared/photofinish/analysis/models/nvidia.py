"""The NVIDIA driver and GPU of this machine, and what they lack for ONNX Runtime's GPU providers."""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
# By the major version of CUDA: docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
MIN_DRIVER = {12: 525, 13: 580}
# Of TensorRT 10, which onnxruntime-gpu 1.19 to 1.31 is linked with.
_TENSORRT_LIBRARIES = ("libnvinfer.so.10", "libnvonnxparser.so.10")


@dataclass(frozen=True, slots=True, kw_only=True)
class NvidiaMachine:
    """What the driver says; every field is None where there is none, and `problem` says why."""

    driver: str | None = None
    """Such as `535.216.03`."""
    driver_cuda: str | None = None
    """The CUDA that the driver was made for, such as `12.2`; only where its own version is not known."""
    device: str | None = None
    """Name of the first GPU."""
    memory_bytes: int | None = None
    """All memory of the first GPU."""
    problem: str | None = None
    """Why there is no driver or no GPU, as a sentence without its full stop."""


def this_machine() -> NvidiaMachine:
    """Ask the driver (NVML, with NVIDIA's own binding)."""
    try:
        import pynvml
    except ModuleNotFoundError:
        return NvidiaMachine(problem="the package nvidia-ml-py, which asks the driver, is not installed")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return _asked_through_cuda(str(error))
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        if pynvml.nvmlDeviceGetCount() == 0:
            return NvidiaMachine(driver=driver, problem=f"the driver {driver} finds no GPU")
        first = pynvml.nvmlDeviceGetHandleByIndex(0)
        memory_bytes = int(pynvml.nvmlDeviceGetMemoryInfo(first).total)
        return NvidiaMachine(driver=driver, device=pynvml.nvmlDeviceGetName(first), memory_bytes=memory_bytes)
    except pynvml.NVMLError as error:
        return NvidiaMachine(problem=f"the NVIDIA driver does not answer ({error})")
    finally:
        pynvml.nvmlShutdown()


def _asked_through_cuda(why_not_nvml: str) -> NvidiaMachine:
    """Ask the driver where NVML is not there: a container may have only what CUDA needs."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return NvidiaMachine(problem=f"there is no NVIDIA driver here ({why_not_nvml})")
    version, device, memory, name = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(100)
    # docs.nvidia.com/cuda/cuda-driver-api: 0 is success, 100 no device.
    error = cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0)
    if error:
        return NvidiaMachine(problem=f"the NVIDIA driver finds no GPU (CUDA error {error})")
    cuda.cuDriverGetVersion(ctypes.byref(version))
    cuda.cuDeviceGetName(name, len(name), device)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    return NvidiaMachine(
        driver_cuda=f"{version.value // 1000}.{version.value % 1000 // 10}",
        device=name.value.decode(),
        memory_bytes=memory.value,
    )


def obstacle(machine: NvidiaMachine, *, cuda: str, missing: Sequence[str]) -> str | None:
    """Why a GPU provider cannot work, as a sentence without its full stop; None if nothing is known against it.

    `cuda` is the CUDA that ONNX Runtime was built with (`12.8`), `missing` are the libraries that cannot be loaded.
    """
    if machine.problem:
        return machine.problem
    major = _major(cuda)
    if machine.driver_cuda and _major(machine.driver_cuda) < major:
        made_for = f"the driver is made for CUDA {machine.driver_cuda}, too old for {cuda}"
        return f"{made_for}: use an image built with an older CUDA, or a newer driver"
    needed = MIN_DRIVER.get(major)
    if needed and machine.driver and _major(machine.driver) < needed:
        return (
            f"the driver {machine.driver} is too old for CUDA {cuda}, which needs {needed} or newer: "
            "use an image built with an older CUDA, or a newer driver"
        )
    if missing:
        return (
            f"{', '.join(missing)} cannot be loaded: install the libraries of CUDA {cuda}, "
            "or name their folder in LD_LIBRARY_PATH"
        )
    return None


def load_libraries(onnxruntime: Any, providers: Sequence[str]) -> list[str]:
    """Load what the providers are linked with from the nvidia-* wheels or the system; return what is missing."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # it prints instead of raising
        onnxruntime.preload_dlls()
    missing = re.findall(r"^Failed to load (?:\S*/)?(\S+?):", said.getvalue(), re.MULTILINE)
    if TENSORRT in providers:
        for name in _TENSORRT_LIBRARIES:
            try:
                ctypes.CDLL(name)
            except OSError:
                missing.append(name)
    return missing


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)
