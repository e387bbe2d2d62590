"""The shared look of the `photofinish` command: exit codes, errors, tables, JSON, progress.

What was asked for goes to standard output, everything else (errors, progress) to standard error, so that output can be
piped. Colours and moving bars appear on terminals only.
"""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from enum import IntEnum
from typing import Any, Protocol

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from photofinish.errors import Misconfigured, PhotofinishError, Unavailable

PIPED_WIDTH = 200
PLAIN_PROGRESS_EVERY_S = 5.0


class ExitCode(IntEnum):
    """What every command of `photofinish` ends with; 130 is Ctrl-C."""

    OK = 0
    FOUND_WRONG = 1
    """It ran, but photos were rejected or failed, or nothing was found."""
    USAGE = 2
    """The command line cannot be understood."""
    MISCONFIGURED = 3
    """Something must be set or installed first."""
    UNAVAILABLE = 4
    """A service did not answer, or the local cloud is not running."""


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or error.

    Text is printed as it is: square brackets in a file's name are no markup; give a `style` or a `rich.text.Text`.
    Into a pipe, lines are up to 200 columns wide instead of the 80 that rich assumes (the variable COLUMNS overrides).
    """
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PIPED_WIDTH
    return made


def table(*columns: str, right: Collection[str] = (), title: str | None = None) -> Table:
    """An empty table with these headings; the columns named in `right` hold numbers and are aligned so."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def printable(text: str) -> str:
    """`text` with control characters and undecodable bytes escaped, so that a file's name cannot steer a terminal."""
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in {"Cc", "Cs"}
        else character
        for character in text
    )


def print_json(document: Any) -> None:
    """Write one JSON document to standard output: indented, keys sorted, UTF-8; equal documents give equal bytes."""
    _write_json(document, indent=2, separators=(",", ": "))


def print_json_line(document: Any) -> None:
    """Write one JSON document as one line to standard output, at once."""
    _write_json(document, indent=None, separators=(",", ":"))


def _iso_date(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def _write_json(document: Any, *, indent: int | None, separators: tuple[str, str]) -> None:
    text = json.dumps(
        document,
        sort_keys=True,
        indent=indent,
        separators=separators,
        ensure_ascii=False,
        allow_nan=False,
        default=_iso_date,
    )
    # An undecodable byte of a file's name is a lone surrogate here, and its backslash escape is JSON's own.
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def print_error(message: str) -> None:
    """Write `error: message` to standard error."""
    line = Text("error: ", style="bold red").append(printable(message), style="default not bold")
    console(stderr=True).print(line, soft_wrap=True)


def exit_code_of(error: PhotofinishError) -> ExitCode:
    """The exit code that says what to do about `error`."""
    match error:
        case Misconfigured():
            return ExitCode.MISCONFIGURED
        case Unavailable():
            return ExitCode.UNAVAILABLE
        case _:
            return ExitCode.FOUND_WRONG


@contextmanager
def reported_errors() -> Iterator[None]:
    """End the command with a sentence and an exit code where the block raises an error of ours."""
    try:
        yield
    except PhotofinishError as error:
        print_error(str(error))
        raise typer.Exit(exit_code_of(error)) from error


class ProgressBar(Protocol):
    """How far something is, as a command sees it."""

    def advance(self, count: int = 1) -> None:
        """`count` more are done."""
        ...

    def update(self, *, done: int, total: int | None = None) -> None:
        """Set how many are done, and of how many where that changed."""
        ...


@contextmanager
def progress_bar(label: str, total: int, *, unit: str = "photos", plain: bool = False) -> Iterator[ProgressBar]:
    """Show progress on standard error while the block runs.

    On a terminal: label, bar, done/total, rate, time remaining. Elsewhere, or with `plain` (give it `--json`'s value),
    a line every five seconds and one at the end, and nothing for what takes less than that.
    """
    to = console(stderr=True)
    if plain or not to.is_terminal:
        lines = _PlainProgress(to, label, total, unit)
        yield lines
        lines.end()
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(unit),
        TimeRemainingColumn(compact=True),
        console=to,
    ) as progress:
        yield _LiveProgress(progress, label, total)


class _LiveProgress:
    def __init__(self, progress: Progress, label: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=total)

    def advance(self, count: int = 1) -> None:
        self._progress.advance(self._task, count)

    def update(self, *, done: int, total: int | None = None) -> None:
        self._progress.update(self._task, completed=done, total=total)


class _PlainProgress:
    def __init__(self, to: Console, label: str, total: int, unit: str) -> None:
        self._to, self._label, self._total, self._unit = to, label, total, unit
        self._done = 0
        self._started = self._printed = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self.update(done=self._done + count)

    def update(self, *, done: int, total: int | None = None) -> None:
        self._done = done
        self._total = self._total if total is None else total
        if time.monotonic() - self._printed >= PLAIN_PROGRESS_EVERY_S:
            self._print()

    def end(self) -> None:
        if self._printed != self._started:
            self._print()

    def _print(self) -> None:
        self._printed = time.monotonic()
        rate = self._done / max(self._printed - self._started, 1e-9)
        line = f"{self._label}: {self._done}/{self._total} {self._unit}, {rate:.1f} {self._unit}/s"
        self._to.print(line, soft_wrap=True)


class _RateColumn(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} {self._unit}/s" if speed else f"– {self._unit}/s", style="progress.data.speed")
