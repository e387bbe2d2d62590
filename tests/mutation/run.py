"""Mutants of the decisive modules: small changes, each of which a test must find (`make mutate`).

The mutants are cosmic-ray's. They are tried in a copy of the sources, in an order that the seed chooses, until the time
is over. Prints the survivors as differences; those that are known to be equal are listed in the README of the tests.

    python tests/mutation/run.py --minutes 10 --seed 1 gpu_jobs/photofinish_jobs/lease_keeper.py
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cosmic_ray.mutating import mutate_code  # type: ignore[import-not-found]
from cosmic_ray.operators.operator import Operator  # type: ignore[import-not-found]
from cosmic_ray.plugins import get_operator  # type: ignore[import-not-found]
from hypothesis import settings
from parso.python.tree import Name  # type: ignore[import-not-found]

ROOT = Path(__file__).parents[2]
SOURCES = ("shared", "gpu_jobs", "functions", "cli", "tests")
# Imported once, for all mutants.
LIBRARIES = (
    *("cv2", "flask", "google.cloud.firestore", "google.cloud.pubsub_v1", "hypothesis", "numpy", "psycopg"),
    *("pydantic", "starlette", "PIL"),
)
_SIMULATION = ["tests/faults/test_simulation.py"]
# Module → the tests that must find its mutants, the fastest first.
MODULES = {
    "gpu_jobs/photofinish_jobs/lease_keeper.py": ["tests/unit/jobs/test_lease_keeper.py", *_SIMULATION],
    "gpu_jobs/photofinish_jobs/worker.py": ["tests/unit/jobs/test_worker.py", *_SIMULATION],
    "shared/photofinish/application/commit.py": ["tests/unit/jobs/test_worker.py", *_SIMULATION],
    "shared/photofinish/application/superseded.py": _SIMULATION,
    "shared/photofinish/application/ingest.py": [
        "tests/unit/functions/test_duplicates.py",
        "tests/unit/functions/test_functions.py",
        *_SIMULATION,
    ],
    "shared/photofinish/application/reconcile.py": [
        "tests/unit/functions/test_duplicates.py",
        "tests/unit/functions/test_functions.py",
        "tests/unit/functions/test_scheduled_reconcile.py",
    ],
    "shared/photofinish/domain/work.py": ["tests/unit/domain/test_work.py"],
    "shared/photofinish/adapters/google/pubsub.py": ["tests/unit/adapters/test_pubsub_requests.py"],
}
OPERATORS = (
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ZeroIterationForLoop", "NumberReplacer"),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add", "ReplaceBinaryOperator_Mul_Div"),
    *("ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq", "ReplaceComparisonOperator_Lt_LtE"),
    *("ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_GtE_Gt"),
    *("ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is"),
)


class DeleteCall(Operator):  # type: ignore[misc]
    """Leaves out one call whose value is not used: an effect that does not happen."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        is_statement = node.type in {"atom_expr", "power"} and node.parent.type == "simple_stmt"
        if is_statement and not node.get_code().strip().startswith("log."):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return Name("pass", node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    operator: str
    occurrence: int
    code: str


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module."""
    source = (ROOT / module).read_text()
    operators = {name: get_operator(f"core/{name}")() for name in OPERATORS} | {"DeleteCall": DeleteCall()}
    made = []
    for name, operator in operators.items():
        for occurrence in itertools.count():
            code = mutate_code(source, operator, occurrence)
            if code is None:
                break
            made.append(Mutant(module, name, occurrence, code))
    return made


def is_killed(mutant: Mutant, copy: Path, timeout_s: float) -> bool:
    """Whether a test fails, or takes too long, with this mutant in the copied sources."""
    target = copy / mutant.module
    original = target.read_text()
    target.write_text(mutant.code)
    try:
        return any(_fails(tests, copy, timeout_s) for tests in MODULES[mutant.module])
    finally:
        target.write_text(original)


def _fails(tests: str, copy: Path, timeout_s: float) -> bool:
    child = os.fork()  # it has all libraries already, and none of our modules
    if child == 0:
        _run_tests(tests, copy)
    return _status(child, time.monotonic() + timeout_s) != 0


def _run_tests(tests: str, copy: Path) -> NoReturn:
    status = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.chdir(copy)
        sys.dont_write_bytecode = True
        sys.path[:0] = [str(copy / folder) for folder in SOURCES]
        settings.register_profile("mutation", deadline=None, database=None)
        settings.load_profile("mutation")
        # These tests use no fixture of others, so what the others need is not imported.
        status = int(pytest.main(["--noconftest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", tests]))
    finally:
        os._exit(status)


def _status(child: int, deadline: float) -> int:
    """The exit status of a child; -1 if it was killed because it takes too long."""
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(MODULES))
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for library in LIBRARIES:
        importlib.import_module(library)
    waiting = [mutant for module in arguments.modules for mutant in mutants(module)]
    random.Random(arguments.seed).shuffle(waiting)
    killed, survivors = 0, []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in SOURCES:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        began = time.monotonic()
        unchanged = Mutant(arguments.modules[0], "", 0, (ROOT / arguments.modules[0]).read_text())
        if is_killed(unchanged, copy, 600):
            print("the tests fail without any mutant", file=sys.stderr)
            return 2
        timeout_s = 30 + 5 * (time.monotonic() - began)
        ends_at = time.monotonic() + arguments.minutes * 60
        for mutant in waiting:
            if time.monotonic() > ends_at:
                break
            if is_killed(mutant, copy, timeout_s):
                killed += 1
            else:
                survivors.append(mutant)
                print(f"survives: {mutant.module}, {mutant.operator}", flush=True)
                print(difference(mutant), flush=True)
    tried = killed + len(survivors)
    print(f"{killed} of {tried} killed, {len(waiting) - tried} of {len(waiting)} not tried (seed {arguments.seed})")
    return 0 if tried and killed >= 0.9 * tried else 1


def difference(mutant: Mutant) -> str:
    """The lines that the mutant changes."""
    before, after = (ROOT / mutant.module).read_text().splitlines(), mutant.code.splitlines()
    lines = enumerate(zip(before, after, strict=False), 1)
    return "\n".join(f"  {number}: {old.strip()} -> {new.strip()}" for number, (old, new) in lines if old != new)


if __name__ == "__main__":
    sys.exit(main())
