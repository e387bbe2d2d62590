"""How far a command is: lines on standard error, however long a step takes."""

from __future__ import annotations

import threading

import pytest

from photofinish_cli import output, progress
from photofinish_cli.progress import line_every, progress_bar
from support.waiting import wait_until


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_PROGRESS_EVERY_S", 0.01)


def test_lines_come_although_nothing_advances_and_the_last_is_the_end(
    often: None, capfd: pytest.CaptureFixture[str]
) -> None:
    written = ""

    def two_lines() -> bool:
        nonlocal written
        written += capfd.readouterr().err
        return written.count("Analysing: 1/3 photos, ") >= 2

    with progress_bar("Analysing", 3) as bar:
        bar.advance()
        wait_until(two_lines, "two lines of progress")
        bar.update(done=3)
    captured = capfd.readouterr()
    lines = (written + captured.err).splitlines()
    assert lines[-1].startswith("Analysing: 3/3 photos, ")
    assert captured.out == ""


def test_quick_work_in_a_pipe_reports_no_progress(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("Analysing", 1) as bar:
        bar.advance()
    assert capfd.readouterr().err == ""


def test_quiet_work_reports_no_progress() -> None:
    output.set_quiet(True)
    try:
        with line_every(lambda: "half"), progress_bar("Analysing", 1) as bar:
            bar.advance()
            assert "progress" not in {thread.name for thread in threading.enumerate()}
    finally:
        output.set_quiet(False)
