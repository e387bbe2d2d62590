"""ONNX Runtime's execution providers, on which models run: their options, and what they need of this machine."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from photofinish.analysis.models.gpu_memory import arena_limit
from photofinish.analysis.models.nvidia import CUDA, TENSORRT, NvidiaMachine, load_libraries, obstacle, this_machine
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.tensorrt_shapes import profile_options
from photofinish.errors import Misconfigured

Providers = list[tuple[str, dict[str, str]]]


def providers_with_options(
    settings: ModelSettings,
    available: Sequence[str],
    *,
    role: str | None = None,
    input_name: str = "",
    memory_bytes: int | None = None,
) -> Providers:
    """Return the providers of `settings`, best first, with their options for the model of `role`.

    `available` are those of the installed runtime, `input_name` is the model's, `memory_bytes` the GPU's; without it a
    model's memory is not limited.

    Raises:
        Misconfigured: none is named, one is not available, or one lacks a setting that it needs.
    """
    missing = [provider for provider in settings.providers if provider not in available]
    if missing or not settings.providers:
        raise Misconfigured(
            f"PHOTOFINISH_ONNX_PROVIDERS: ONNX Runtime has no provider {', '.join(missing) or '(none was named)'}; "
            f"here it has {', '.join(available)}. Choose one of these, or install the onnxruntime package that has "
            "the provider (onnxruntime-gpu for CUDAExecutionProvider)."
        )
    options = {
        CUDA: lambda: _cuda(role, memory_bytes),
        TENSORRT: lambda: _tensorrt(settings) | profile_options(role, input_name),
    }
    return [(provider, options.get(provider, dict[str, str])()) for provider in settings.providers]


def usable_providers(settings: ModelSettings, *, role: str | None = None, input_name: str = "") -> Providers:
    """As :func:`providers_with_options`, and checked: this machine can run on them.

    Raises:
        Misconfigured: as above, or there is no GPU, its driver is too old, or a library is missing.
    """
    import onnxruntime

    available = onnxruntime.get_available_providers()
    providers_with_options(settings, available)  # a missing provider is said before a missing GPU
    gpu = _gpu_of(settings.providers)
    return providers_with_options(settings, available, role=role, input_name=input_name, memory_bytes=gpu.memory_bytes)


def runtime_report(settings: ModelSettings) -> dict[str, Any]:
    """Return what the models run on, as fields of a log entry; raises Misconfigured as :func:`usable_providers`."""
    import onnxruntime

    usable_providers(settings)
    gpu = _gpu_of(settings.providers)
    return {
        "onnxruntime": f"{onnxruntime.package_name} {onnxruntime.__version__}",
        "cuda": onnxruntime.cuda_version or None,
        "providers": list(settings.providers),
        "driver": gpu.driver or (gpu.driver_cuda and f"of CUDA {gpu.driver_cuda}"),
        "device": gpu.device or "CPU",
        "device_memory_mib": gpu.memory_bytes and gpu.memory_bytes // 2**20,
        "threads": settings.threads,
    }


@functools.cache
def _gpu_of(providers: tuple[str, ...]) -> NvidiaMachine:
    """Return the GPU that the providers use, with their libraries loaded; an empty one if they use none."""
    asked = [provider for provider in providers if provider in (CUDA, TENSORRT)]
    if not asked:
        return NvidiaMachine()
    import onnxruntime

    machine = this_machine()
    problem = obstacle(machine, cuda=onnxruntime.cuda_version, missing=load_libraries(onnxruntime, asked))
    if problem:
        raise Misconfigured(
            f"PHOTOFINISH_ONNX_PROVIDERS asks for {', '.join(asked)}, but {problem}. "
            "To analyse without a GPU, many times slower, set CPUExecutionProvider alone."
        )
    return machine


def _cuda(role: str | None, memory_bytes: int | None) -> dict[str, str]:
    options = {
        # Shapes of batches vary; an exhaustive search for each shape takes longer than it saves.
        "cudnn_conv_algo_search": "HEURISTIC",
        # Otherwise the arena grows to the next power of two, and keeps its first allocation when it gives back memory.
        "arena_extend_strategy": "kSameAsRequested",
    }
    return options if memory_bytes is None else options | {"gpu_mem_limit": str(arena_limit(memory_bytes, role))}


def _tensorrt(settings: ModelSettings) -> dict[str, str]:
    if settings.tensorrt_cache_dir is None:
        raise Misconfigured(
            "PHOTOFINISH_TENSORRT_CACHE_DIR is not set: TensorRT takes minutes to build its engines, so it needs a "
            "folder that outlives the task."
        )
    folder = str(settings.tensorrt_cache_dir)
    return {
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": folder,
        "trt_fp16_enable": str(settings.fp16),
    }
