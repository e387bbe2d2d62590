"""The shared look of the `photofinish` command: exit codes, errors, tables, JSON.

What was asked for goes to standard output, everything else (errors, remarks, progress) to standard error, so that
output can be piped. Colours and drawn tables appear on terminals only; into a pipe or a file a table is lines of
tab-separated values, its headings first.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TextIO

import typer

from photofinish.errors import Misconfigured, PhotofinishError, Unavailable

if TYPE_CHECKING:  # rich takes a moment to import, and not every run of the command prints with it
    from rich.console import Console, ConsoleOptions, RenderResult

# Wider than any line, so that rich breaks none: programs that read a pipe break lines themselves where they need to.
_PIPED_WIDTH = 1_000_000


class ExitCode(IntEnum):
    """What every command of `photofinish` ends with."""

    OK = 0
    FOUND_WRONG = 1
    """It ran, but photos were rejected or failed, or nothing was found."""
    USAGE = 2
    """The command line cannot be understood."""
    MISCONFIGURED = 3
    """Something must be set or installed first."""
    UNAVAILABLE = 4
    """A service did not answer, or the local cloud is not running."""
    INTERRUPTED = 130
    """Ctrl-C."""


class _Quiet:
    is_on = False


def set_quiet(is_on: bool) -> None:
    """Whether remarks and progress are left out (`--quiet`); errors and what was asked for are always printed."""
    _Quiet.is_on = is_on


def is_quiet() -> bool:
    """Whether remarks and progress are left out."""
    return _Quiet.is_on


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or error.

    Text is printed as it is: square brackets in a file's name are no markup; give a `style` or a `rich.text.Text`.
    Lines are broken at the width of a terminal, and not at all into a pipe.
    """
    from rich.console import Console

    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False, force_terminal=is_terminal)
    if not is_terminal:
        made.width = _PIPED_WIDTH
    return made


@dataclass(slots=True)
class Table:
    """Rows under headings: drawn on a terminal, tab-separated lines elsewhere. Print it with :func:`print_tables`."""

    columns: Sequence[str]
    right: Collection[str]
    whole: Collection[str]
    grouped: Collection[str]
    optional: Collection[str]
    at_least: Mapping[str, int]
    title: str | None
    rows: list[tuple[tuple[str, ...], str | None]] = field(default_factory=list)
    """The cells of each row, and its style."""

    def add_row(self, *cells: str, style: str | None = None) -> None:
        """Add a row with a cell for each column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for the {len(self.columns)} columns {self.columns}")
        self.rows.append((cells, style))

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def tsv(self) -> str:
        """The headings, then the rows, as tab-separated lines; tabs and line breaks inside a cell are escaped."""
        lines = [self.columns, *(cells for cells, _ in self.rows)]
        return "".join("\t".join(map(printable, line)) + "\n" for line in lines)

    def __rich_console__(self, on: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        from photofinish_cli.drawn_table import draw

        yield draw(self, options.max_width) if on.is_terminal else Segment(self.tsv())


def table(
    *columns: str,
    right: Collection[str] = (),
    whole: Collection[str] = (),
    grouped: Collection[str] = (),
    optional: Collection[str] = (),
    at_least: Mapping[str, int] | None = None,
    title: str | None = None,
) -> Table:
    """An empty table with these headings.

    The columns named in `right` hold numbers and are aligned so. Those in `whole` hold ids, which are copied, and are
    never broken into several lines. In those in `grouped` a terminal shows a value that repeats only once. Those in
    `optional` it leaves out where no row has a value. Those in `at_least` are so many characters wide on a terminal
    that is too narrow for the table.
    """
    return Table(columns, right, whole, grouped, optional, at_least or {}, title)


def print_tables(*tables: Table, empty: str | None = None) -> None:
    """Write tables to standard output; into a pipe with an empty line between them.

    Where they have no rows and `empty` is given, it is a remark instead.
    """
    if empty is not None and not any(one.row_count for one in tables):
        remark(empty)
        return
    if not sys.stdout.isatty():
        _write_lines(sys.stdout, "\n".join(one.tsv() for one in tables))
        return
    to = console()
    for one in tables:
        to.print(one, crop=False)


def say(text: str, *, style: str | None = None) -> None:
    """Write what a command did to standard output; nothing with `--quiet`."""
    if not is_quiet():
        _print_text(sys.stdout, text, style)


def remark(text: str, *, style: str | None = None) -> None:
    """Write what helps to understand a result to standard error, so that it is not piped; nothing with `--quiet`."""
    if not is_quiet():
        _print_text(sys.stderr, text, style)


def _print_text(stream: TextIO, text: str, style: str | None) -> None:
    """Write a line, with rich and its style only on a terminal: it takes a moment to import."""
    if stream.isatty():
        console(stderr=stream is sys.stderr).print(text, style=style)
    else:
        _write_lines(stream, text + "\n")


def _write_lines(stream: TextIO, lines: str) -> None:
    # What an encoding lacks is escaped: a name must not end the command.
    encoding = stream.encoding or "utf-8"
    stream.write(lines.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """`1 face`, `2 faces`; `plural` where it is not the singular and an s."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


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
    if not sys.stderr.isatty():
        _write_lines(sys.stderr, f"error: {printable(message)}\n")
        return
    from rich.text import Text

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
def reported_errors(*, on_interrupt: str | None = None) -> Iterator[None]:
    """End the command with a sentence and an exit code where the block raises an error of ours, or at Ctrl-C.

    `on_interrupt` says after Ctrl-C what goes on without the command, and how to continue. A block that uses threads
    must not wait for them then.
    """
    _Interrupt.sentence, _Interrupt.is_told = on_interrupt, False
    try:
        yield
    except PhotofinishError as error:
        print_error(str(error))
        raise typer.Exit(exit_code_of(error)) from error
    except KeyboardInterrupt as interrupt:
        tell_interrupted()
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


class _Interrupt:
    sentence: str | None = None
    is_told = False


def tell_interrupted() -> None:
    """Write to standard error, once, that the command was interrupted, and what goes on without it."""
    if not _Interrupt.is_told:
        _Interrupt.is_told = True
        _write_lines(sys.stderr, f"interrupted. {_Interrupt.sentence}\n" if _Interrupt.sentence else "interrupted\n")


def flush_all() -> None:
    """Write what is still buffered, as far as there is a reader."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the pipe's reader has ended, or it was closed
            stream.flush()
