"""The log files of a local cloud: those of its pieces, and those of its jobs' tasks; also while they are written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from photofinish_cli.log_lines import LogEntry, parse_lines
from photofinish_emulators import stack
from photofinish_emulators.common.bounded_log import older
from photofinish_emulators.run_jobs.task_logs import list_logs


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """One log file, and whose it is."""

    service: str
    instance: str = ""
    attempt: int = 0
    path: Path

    @property
    def size_bytes(self) -> int:
        """Of all that is kept."""
        return sum(part.stat().st_size for part in (older(self.path), self.path) if part.exists())

    @property
    def written_at(self) -> datetime:
        """The time of the latest output."""
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)


def log_sources(state_dir: Path) -> list[LogSource]:
    """The logs that exist: of pieces by name, then of tasks, oldest first."""
    pieces = {name: Path(status.log) for name, status in stack.pieces(state_dir).items() if status.log}
    found = [LogSource(service=name, path=path) for name, path in sorted(pieces.items()) if path.exists()]
    for log in list_logs(state_dir / "run-jobs"):
        job, instance = log.execution.rpartition("-")[0], f"{log.execution}/{log.task_index}"
        found.append(LogSource(service=job, instance=instance, attempt=log.attempt, path=log.path))
    return found


class LogReader:
    """Reads the logs of a local cloud: first everything that is kept, then what is new since the last call."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._open: dict[Path, _OpenLog] = {}

    def read(self, *, ended: bool = False) -> list[LogEntry]:
        """New entries of all logs by time; includes logs that did not exist at the last call.

        With `ended`, a last line counts even if its end is not written.
        """
        entries = []
        for source in log_sources(self._state_dir):
            if source.path not in self._open:
                self._open[source.path] = _OpenLog(source)
            entries += self._open[source.path].read(ended=ended)
        return sorted(entries, key=lambda entry: entry.at)

    def close(self) -> None:
        for log in self._open.values():
            log.close()


class _OpenLog:
    """Follows one file over its rotation; a line is read once its end is written."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self._rest = older(source.path).read_bytes() if older(source.path).exists() else b""
        self._file: IO[bytes] = source.path.open("rb")
        self._last_at: datetime | None = None

    def read(self, *, ended: bool) -> list[LogEntry]:
        written = self._rest + self._file.read()
        if self._was_rotated():
            written += self._file.read()
            self._file.close()
            self._file = self._source.path.open("rb")
            written += self._file.read()
        lines, _, self._rest = (written, b"", b"") if ended else written.rpartition(b"\n")
        entries = list(
            parse_lines(
                lines.decode("utf-8", "replace").split("\n"),
                service=self._source.service,
                instance=self._source.instance,
                untimed_at=self._last_at or self._source.written_at,
            )
        )
        self._last_at = entries[-1].at if entries else self._last_at
        return entries

    def close(self) -> None:
        self._file.close()

    def _was_rotated(self) -> bool:
        path = self._source.path
        return path.exists() and path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
