"""The shared look of the command: streams, exit codes, determinism, hostile file names."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photofinish.errors import Misconfigured, NotFound, PhotofinishError, RejectedInput, Unavailable
from photofinish_cli import output
from photofinish_cli.output import ExitCode

_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)


@given(document=_json_values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_a_table_in_a_pipe_keeps_long_names_whole(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a test runner may set it
    name = "a-folder/" * 12 + "IMG_0001[1].jpg"
    rows = output.table("file", "faces", right=["faces"])
    rows.add_row(name, "3")
    output.console().print(rows)
    assert name in capfd.readouterr().out


def test_progress_writes_nothing_to_standard_output(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "PLAIN_PROGRESS_EVERY_S", 0.0)
    with output.progress_bar("Analysing", 3) as progress:
        progress.advance()
        progress.update(done=3)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert [line.split(" photos,")[0] for line in captured.err.splitlines()] == [
        "Analysing: 1/3",
        "Analysing: 3/3",
        "Analysing: 3/3",
    ]


def test_quick_work_in_a_pipe_reports_no_progress(capfd: pytest.CaptureFixture[str]) -> None:
    with output.progress_bar("Analysing", 1) as progress:
        progress.advance()
    assert capfd.readouterr().err == ""
