"""ONNX Runtime's execution providers, on which models run, and their options."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"

Providers = list[tuple[str, dict[str, str]]]


def providers_with_options(settings: ModelSettings, available: Sequence[str]) -> Providers:
    """Return the providers of `settings`, best first, with options; `available` are those of the installed runtime.

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
    options: dict[str, Callable[[ModelSettings], dict[str, str]]] = {CUDA: _cuda, TENSORRT: _tensorrt}
    return [(provider, options[provider](settings) if provider in options else {}) for provider in settings.providers]


def _cuda(settings: ModelSettings) -> dict[str, str]:
    del settings
    return {
        # Shapes of batches vary; an exhaustive search for each shape takes longer than it saves.
        "cudnn_conv_algo_search": "HEURISTIC",
        # Otherwise the arena grows to the next power of two and leaves too little memory for the other models.
        "arena_extend_strategy": "kSameAsRequested",
    }


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
