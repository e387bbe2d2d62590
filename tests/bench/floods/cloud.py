"""A local cloud that is flooded: the whole deployment, whose tasks do without text models."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from photofinish_cli.local_deployment import local_deployment, local_environment
from photofinish_emulators import stack
from support.faulty_cloud.clocks import ShiftedClock, clock_library
from support.local_stack import EMULATOR_VARIABLES

_TASK = Path(__file__).parents[2] / "support" / "quick_text.py"
SETTINGS = {"PHOTOFINISH_IDLE_EXIT_S": "20", "PHOTOFINISH_MAX_GPU_TASKS": "2", "PHOTOFINISH_THREADS": "1"}


@contextmanager
def flooded_cloud(folder: Path) -> Iterator[tuple[Path, ShiftedClock | None]]:
    """Its state folder, and the clock of its API; this process's environment names it, until it is stopped."""
    state_dir = folder / "state"
    environ = {name: value for name, value in os.environ.items() if name not in EMULATOR_VARIABLES}
    library = clock_library(folder)
    clock = None if library is None else ShiftedClock(library, folder / "clock")
    spec = local_deployment(state_dir, environ | SETTINGS)
    spec = replace(
        spec,
        jobs=tuple(
            replace(job, command=(sys.executable, "-u", "-B", str(_TASK))) if job.name == "analyze" else job
            for job in spec.jobs
        ),
        functions=tuple(
            replace(function, env=dict(function.env) | clock.environment)
            if function.name == "api" and clock is not None
            else function
            for function in spec.functions
        ),
    )
    stack.start_detached(spec, state_dir, environ=environ)
    before = dict(os.environ)
    os.environ.update(local_environment(state_dir))
    try:
        yield state_dir, clock
    finally:
        os.environ.clear()
        os.environ.update(before)
        stack.stop(state_dir)
