"""The shared look of the command: streams, exit codes, determinism, hostile file names."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from photofinish.errors import Misconfigured, NotFound, PhotofinishError, RejectedInput, Unavailable
from photofinish_cli import output
from photofinish_cli.output import ExitCode

_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)


@given(document=_json_values)
def test_a_json_line_is_one_line_and_reads_back(capfdbinary: pytest.CaptureFixture[bytes], document: Any) -> None:
    output.print_json_line(document)
    written = capfdbinary.readouterr().out
    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    assert json.loads(written) == document


def test_equal_documents_give_equal_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output.print_json({"b": 1, "a": "é"})
    output.print_json({"a": "é", "b": 1})
    written = capfdbinary.readouterr().out
    half = len(written) // 2
    assert written[:half] == written[half:]
    assert "é".encode() in written


def test_a_file_name_that_is_not_utf8_is_still_valid_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    name = b"IMG_\xff.jpg".decode("utf-8", "surrogateescape")
    output.print_json_line({"file": name})
    assert json.loads(capfdbinary.readouterr().out.decode("utf-8")) == {"file": name}


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        output.print_json_line({"score": float("nan")})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("set X"), ExitCode.MISCONFIGURED),
        (Unavailable("no answer"), ExitCode.UNAVAILABLE),
        (RejectedInput("not_a_picture", "not a picture"), ExitCode.FOUND_WRONG),
        (NotFound("no album of that name"), ExitCode.FOUND_WRONG),
    ],
)
def test_our_errors_end_the_command_with_a_sentence_and_a_code(
    capfd: pytest.CaptureFixture[str], error: PhotofinishError, code: ExitCode
) -> None:
    with pytest.raises(typer.Exit) as ended, output.reported_errors():
        raise error
    captured = capfd.readouterr()
    assert ended.value.exit_code == code
    assert captured.err == f"error: {error}\n"
    assert captured.out == ""


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), output.reported_errors():
        raise ZeroDivisionError


def test_a_long_error_is_one_line_and_cannot_steer_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    output.print_error("cannot read [bold]\x1b[2J " + "x" * 500)
    written = capfd.readouterr().err
    assert written.count("\n") == 1
    assert "[bold]\\x1b[2J" in written


_cells = st.text(max_size=12)


@given(rows=st.lists(st.tuples(_cells, _cells, _cells), max_size=6))
def test_a_table_in_a_pipe_is_one_line_for_each_row_and_its_headings(rows: list[tuple[str, str, str]]) -> None:
    written = output.table("file", "faces", "why")
    for row in rows:
        written.add_row(*row)
    lines = written.tsv().split("\n")
    assert lines.pop() == ""
    assert [line.count("\t") for line in lines] == [2] * (len(rows) + 1)
    assert lines[0] == "file\tfaces\twhy"
    assert [tuple(line.split("\t")) for line in lines[1:]] == [tuple(map(output.printable, row)) for row in rows]


def test_tables_in_a_pipe_are_complete_whatever_their_width(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # some shells export it: a pipe is no terminal of that width
    name = "a-folder/" * 60 + "IMG_0001[1].jpg"
    files = output.table("file", "faces", right=["faces"], title="Files")
    files.add_row(name, "3", style="bold")
    groups = output.table("by", "step", grouped=["by"])
    groups.add_row("size", "small")
    groups.add_row("size", "large")
    output.print_tables(files, groups)
    assert capfd.readouterr().out == f"file\tfaces\n{name}\t3\n\nby\tstep\nsize\tsmall\nsize\tlarge\n"


def test_tables_without_rows_can_be_a_remark(capfd: pytest.CaptureFixture[str]) -> None:
    output.print_tables(output.table("person"), empty="no people")
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", "no people\n")


def test_a_terminal_shows_groups_once_and_never_breaks_an_id() -> None:
    face = "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"
    shown = output.table("person", "face", "why", whole=["face"], grouped=["person"])
    shown.add_row("Ada", face, "confirmed by a person who saw them at the finish line")
    shown.add_row("Ada", face[::-1], "")
    screen = Console(file=io.StringIO(), force_terminal=True, width=50, color_system=None)
    screen.print(shown, crop=False)
    written = screen.file.getvalue()  # type: ignore[attr-defined]
    assert face in written
    assert face[::-1] in written
    assert written.count("Ada") == 1


def test_a_terminal_leaves_out_what_is_empty_and_breaks_no_heading() -> None:
    shown = output.table("photo", "confirmed", "taken at", "problem", optional=["taken at", "problem"])
    shown.add_row("cam2/a-long-name-of-a-photo.jpg", "1", "", "cut_off")
    screen = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)
    screen.print(shown, crop=False)
    heading = next(line for line in screen.file.getvalue().splitlines() if line.strip())  # type: ignore[attr-defined]
    assert heading.split() == ["photo", "confirmed", "problem"]
    assert shown.tsv().splitlines()[0].split("\t") == ["photo", "confirmed", "taken at", "problem"]


def test_a_row_of_another_length_is_a_bug() -> None:
    with pytest.raises(ValueError, match="1 cells"):
        output.table("a", "b").add_row("1")


@pytest.mark.parametrize(("count", "words"), [(0, "0 faces"), (1, "1 face"), (2, "2 faces"), (11, "11 faces")])
def test_one_is_singular(count: int, words: str) -> None:
    assert output.counted(count, "face") == words
    assert output.counted(count, "person", "people") == ("1 person" if count == 1 else f"{count} people")


def test_quiet_leaves_remarks_out_and_nothing_that_was_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    output.set_quiet(True)
    try:
        output.say("3 sent")
        output.remark("1 photo in 2 s")
        output.print_error("no such album")
        output.print_json({})
    finally:
        output.set_quiet(False)
    written = capfd.readouterr()
    assert (written.out, written.err) == ("{}\n", "error: no such album\n")


def test_an_interrupted_command_says_what_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, output.reported_errors(on_interrupt="The analysis goes on."):
        raise KeyboardInterrupt
    assert ended.value.exit_code == ExitCode.INTERRUPTED == 130
    assert capfd.readouterr().err == "interrupted. The analysis goes on.\n"
