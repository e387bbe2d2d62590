"""Clocks of running processes that can be set to another time (`shifted_clock.c`)."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("shifted_clock.c")


class ShiftedClock:
    """The time of day of all processes that start with :attr:`environment`."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.environment = {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(file)}
        self.shift(0)

    def shift(self, seconds: float) -> None:
        """Let it be so much later than it is, or earlier, at once."""
        content = struct.pack("=q", round(seconds * 1e9))
        # Not truncated first: the processes have mapped it.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(content)


def clock_library(folder: Path) -> Path | None:
    """Compile the library that shifts clocks; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "shifted_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl"], check=True)
    return library
