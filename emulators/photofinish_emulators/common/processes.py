"""Identities of processes, to find them again after a crash, and the environment that they start with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

# The variables that processes of the local cloud inherit; a container in the cloud has about the same. Settings and
# credentials of the calling shell are left out on purpose: what a process needs must be declared.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
# Start times are computed from the boot time, which changes a little when the clock is set.
_START_TOLERANCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A process id with the start time of the process, because ids are reused."""

    pid: int
    started: float  # Unix time, seconds


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of the running process ``pid``; None if it does not exist or is a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessIdentity(pid=pid, started=process.create_time())
    except psutil.NoSuchProcess:
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether this process still runs; another one that reuses its id does not count."""
    current = identify(identity.pid)
    return current is not None and abs(current.started - identity.started) <= _START_TOLERANCE_S


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of ``environ`` that a process of the local cloud inherits."""
    return {name: environ[name] for name in INHERITED if name in environ}
