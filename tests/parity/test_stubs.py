"""The type stubs match the installed module."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import photofinish_kernels as kernels


def test_stubs_have_the_same_functions_and_arguments() -> None:
    stubs = Path(kernels.__file__).with_name("_kernels.pyi").read_text()
    described = {
        node.name: [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
        for node in ast.parse(stubs).body
        if isinstance(node, ast.FunctionDef)
    }
    present = {name: list(inspect.signature(getattr(kernels, name)).parameters) for name in kernels.__all__}
    assert described == present
    assert set(kernels.__all__) == {name for name in dir(kernels._kernels) if not name.startswith("_")}
