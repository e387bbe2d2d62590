"""How execution providers are chosen and configured. Whether they run is tested only on a machine that has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from photofinish.analysis.models.catalogue import CPU_PROVIDER as CPU
from photofinish.analysis.models.nvidia import CUDA, TENSORRT
from photofinish.analysis.models.providers import providers_with_options
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

EVERYTHING = (TENSORRT, CUDA, CPU)


def settings(*providers: str, cache: Path | None = None, fp16: bool = True) -> ModelSettings:
    return ModelSettings(models_dir=Path("models"), providers=providers, tensorrt_cache_dir=cache, fp16=fp16)


def test_the_order_of_preference_is_kept() -> None:
    chosen = providers_with_options(settings(*EVERYTHING, cache=Path("/engines")), EVERYTHING)
    assert [name for name, _ in chosen] == list(EVERYTHING)


def test_cuda_does_not_search_algorithms_for_every_shape() -> None:
    [(_, options), (_, of_cpu)] = providers_with_options(settings(CUDA, CPU), EVERYTHING)
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"
    assert of_cpu == {}


@pytest.mark.parametrize("fp16", [True, False])
def test_tensorrt_keeps_its_engines(fp16: bool) -> None:
    [(_, options)] = providers_with_options(settings(TENSORRT, cache=Path("/engines"), fp16=fp16), EVERYTHING)
    assert options["trt_engine_cache_enable"] == "True"
    assert options["trt_engine_cache_path"] == "/engines"
    assert options["trt_fp16_enable"] == str(fp16)


def test_tensorrt_without_a_folder_is_refused_at_start() -> None:
    with pytest.raises(Misconfigured, match="PHOTOFINISH_TENSORRT_CACHE_DIR is not set"):
        providers_with_options(settings(TENSORRT), EVERYTHING)


@pytest.mark.parametrize("named", [(), (CUDA,), ("MadeUpExecutionProvider", CPU)])
def test_a_missing_provider_is_named_and_not_replaced(named: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured, match=f"{named[0] if named else 'none was named'}.*here it has {CPU}"):
        providers_with_options(settings(*named), (CPU,))
