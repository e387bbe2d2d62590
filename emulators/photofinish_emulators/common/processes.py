"""Identities of processes, to find them again after a crash, and the environment that they start with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

# The variables that processes of the local cloud inherit; a container in the cloud has about the same. Settings and
# credentials of the calling shell are left out on purpose: what a process needs must be declared.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A process id with what tells the process from others that had the same id."""

    pid: int
    # The system's boot, and the time since then. A Unix time would change whenever the system's clock is set.
    start: str


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of the running process ``pid``; None if it does not exist or is a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        since_boot_s = process.create_time() - psutil.boot_time()
        return ProcessIdentity(pid=pid, start=f"{_BOOT_ID.read_text().strip()} + {since_boot_s:.2f} s")
    except psutil.NoSuchProcess:
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether this process still runs; another one that reuses its id does not count."""
    return identify(identity.pid) == identity


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of ``environ`` that a process of the local cloud inherits."""
    return {name: environ[name] for name in INHERITED if name in environ}
