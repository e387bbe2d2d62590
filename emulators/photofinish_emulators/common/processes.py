"""Who a process is, so that it can be found again after a crash, and the environment it starts with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

# What a process of the local cloud takes over from whoever started it; a container in the cloud has about the same.
# Settings and credentials of the calling shell are left out on purpose: what a process needs is declared.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
# The boot time from which a start time is computed moves a little when the clock is set.
_START_TOLERANCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A process by its number and its start, since numbers are used again."""

    pid: int
    started: float  # Unix time, seconds


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of the running process ``pid``; None when there is none, or only its unreaped exit status."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessIdentity(pid=pid, started=process.create_time())
    except psutil.NoSuchProcess:
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether the very process still runs, not another one that has its number now."""
    now = identify(identity.pid)
    return now is not None and abs(now.started - identity.started) <= _START_TOLERANCE_S


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of ``environ`` a process of the local cloud inherits."""
    return {name: environ[name] for name in INHERITED if name in environ}
