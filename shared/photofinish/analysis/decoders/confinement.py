"""A decoder process gives up its rights. Called once, after everything is imported and before the first picture."""

from __future__ import annotations

import contextlib
import math
import resource
import time
from pathlib import Path

import photofinish_kernels
from photofinish.analysis.decoders.messages import InForce

_OUT_OF_MEMORY_SCORE = Path("/proc/self/oom_score_adj")
_FIRST_TO_END = "1000"
_MEMORY = Path("/proc/self/statm")


def confine(memory_bytes: int) -> InForce:
    """Give up every right but computing and the open pipes; `memory_bytes` may be used beside what is used now.

    Every system has resource limits; what else the kernel offers differs, so the answer says what is in force.
    """
    with contextlib.suppress(OSError):  # a kernel that has no such score
        _OUT_OF_MEMORY_SCORE.write_text(_FIRST_TO_END)
    limits = _limits(memory_bytes)
    confinement = photofinish_kernels.confine()
    for name, limit in limits.items():  # now, since Landlock opens a file for its rules
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    return InForce(limits=(*limits, "CPU"), **confinement)


def limit_processor_time(seconds: int) -> None:
    """Let the kernel end this process (SIGXCPU) when it has computed for `seconds` more."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, hard))


def _limits(memory_bytes: int) -> dict[str, int]:
    """The limits that this system has, by name; that of processor time is set for each picture."""
    limits = {
        "CORE": 0,  # a core dump would hold the picture
        "FSIZE": 0,
        "NOFILE": 0,  # no further file, socket or pipe; open ones stay
    }
    if _MEMORY.exists():
        pages = int(_MEMORY.read_text().split()[0])
        limits["AS"] = pages * resource.getpagesize() + memory_bytes
    return limits
