"""Give one bad file to the decoders, and tell what became of it, how long it took and how much memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from photofinish.analysis.decoders.pool import DEFAULT_MEMORY_BYTES, DecoderPool
from photofinish.analysis.imaging.decoded import DecodedPhoto
from photofinish.errors import RejectedInput
from support.hostile_files.kinds import HostileFile

MAX_S = 30.0
MAX_BYTES = DEFAULT_MEMORY_BYTES + 512 * 2**20
"""What a decoder has before its first picture, and what it may take for one."""
# A decoder must neither crash nor need to be ended.
_FAULTS = frozenset({"decoder_failed", "internal_error"})


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one file."""

    file: HostileFile
    outcome: str
    """`done`, the code of a rejection, or what was raised."""
    seconds: float
    peak_bytes: int
    """Of the largest decoder process since it started."""

    @property
    def fault(self) -> str | None:
        """Why this is not as it should be."""
        if self.outcome.startswith("raised") or self.outcome in _FAULTS:
            return self.outcome
        if self.seconds > MAX_S:
            return f"took {self.seconds:.0f} s"
        return f"took {self.peak_bytes / 2**20:,.0f} MiB" if self.peak_bytes > MAX_BYTES else None


@dataclass
class Row:
    """A kind of files."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    peak_bytes: int = 0

    def add(self, tried: Tried) -> None:
        self.outcomes[tried.outcome] += 1
        self.slowest_s = max(self.slowest_s, tried.seconds)
        self.peak_bytes = max(self.peak_bytes, tried.peak_bytes)


def try_file(
    file: HostileFile, decoders: DecoderPool, analyse: Callable[[DecodedPhoto], object] = lambda _: None
) -> Tried:
    """Decode `file` in the box, and analyse what was decoded."""
    content = file.make()
    began = time.monotonic()
    try:
        analyse(decoders.decode(content))
        outcome = "done"
    except RejectedInput as rejection:
        outcome = rejection.code
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        outcome = f"raised {type(error).__name__}: {str(error).strip().splitlines()[-1][:200] if str(error) else ''}"
    return Tried(file, outcome, time.monotonic() - began, _peak_bytes())


def _peak_bytes() -> int:
    """The most memory that any decoder of this process had."""
    return max((_peak_of(child) for child in psutil.Process().children()), default=0)


def _peak_of(process: psutil.Process) -> int:
    try:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")), 0)
    except OSError:  # it has ended, or this system has no such file
        return 0
