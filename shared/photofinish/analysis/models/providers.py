"""What models run on: ONNX Runtime's execution providers, and how each of them is set up here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"

Providers = list[tuple[str, dict[str, str]]]


def providers_with_options(settings: ModelSettings, available: Sequence[str]) -> Providers:
    """The providers of `settings`, best first, with their options; `available` are those of the installed runtime.

    Raises:
        Misconfigured: none is named, one is not available, or one lacks a setting that it needs.
    """
    absent = [provider for provider in settings.providers if provider not in available]
    if absent or not settings.providers:
        raise Misconfigured(
            f"PHOTOFINISH_ONNX_PROVIDERS: ONNX Runtime has no provider {', '.join(absent) or '(none was named)'}; "
            f"here it has {', '.join(available)}. Name one of these, or install the onnxruntime package that has it "
            "(onnxruntime-gpu for CUDAExecutionProvider)."
        )
    options: dict[str, Callable[[ModelSettings], dict[str, str]]] = {CUDA: _cuda, TENSORRT: _tensorrt}
    return [(provider, options[provider](settings) if provider in options else {}) for provider in settings.providers]


def _cuda(settings: ModelSettings) -> dict[str, str]:
    del settings
    return {
        # Shapes of batches vary; trying every algorithm anew for each takes longer than it saves.
        "cudnn_conv_algo_search": "HEURISTIC",
        # Otherwise memory grows to the next power of two, beside which the other models must fit.
        "arena_extend_strategy": "kSameAsRequested",
    }


def _tensorrt(settings: ModelSettings) -> dict[str, str]:
    if settings.tensorrt_cache_dir is None:
        raise Misconfigured(
            "PHOTOFINISH_TENSORRT_CACHE_DIR is not set: TensorRT builds its engines for minutes, so it needs a folder "
            "that outlives the task."
        )
    folder = str(settings.tensorrt_cache_dir)
    return {
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": folder,
        "trt_fp16_enable": str(settings.fp16),
    }
