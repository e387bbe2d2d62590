"""The list of functions describes the code: entry points, signatures, settings and models."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest
from functions_framework._function_registry import REGISTRY_MAP

from photofinish_emulators.stack import StackSpec
from photofinish_functions.function_specs import FUNCTIONS, FunctionSpec
from support.function_use import function_environment, use_of
from support.terraform_config import ROOT


@pytest.fixture(scope="module")
def main() -> ModuleType:
    spec = importlib.util.spec_from_file_location("functions_main", ROOT / "functions" / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_image_serves_the_listed_functions(main: ModuleType) -> None:
    assert sorted(main.__all__) == sorted(spec.entry_point for spec in FUNCTIONS)
    for spec in FUNCTIONS:
        assert callable(getattr(main, spec.entry_point))
        assert REGISTRY_MAP[spec.entry_point] == spec.signature


def test_the_local_cloud_runs_the_listed_functions(local: StackSpec) -> None:
    running = {(function.name, function.target, function.signature) for function in local.functions}
    assert running == {(spec.name, spec.entry_point, spec.signature) for spec in FUNCTIONS}


def test_names_are_unique() -> None:
    assert len({spec.name for spec in FUNCTIONS}) == len({spec.entry_point for spec in FUNCTIONS}) == len(FUNCTIONS)


@pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)
def test_a_function_reads_its_listed_settings_and_runs_its_listed_models(
    spec: FunctionSpec, local: StackSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = use_of(spec.entry_point, function_environment(local), monkeypatch)
    assert used.settings == set(spec.settings)
    assert used.models == set(spec.models)


def test_the_list_imports_no_entry_point_model_or_cloud_client() -> None:
    heavy = "{'photofinish_functions.entry_points', 'photofinish.wiring', 'google.auth', 'numpy', 'flask'}"
    code = f"import sys, photofinish_functions.function_specs; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
