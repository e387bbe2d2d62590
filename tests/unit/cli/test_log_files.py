"""Reading the log files of a local cloud while they are written and rotated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish_cli import log_files
from photofinish_cli.log_files import LogReader
from photofinish_emulators.common.bounded_log import BoundedLog
from photofinish_emulators.stack import PieceStatus
from support.examples import examples


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BoundedLog]:
    """The log of the piece `api`, which is rotated after about three lines."""
    path = tmp_path / "api.log"
    monkeypatch.setattr(log_files.stack, "pieces", lambda _: {"api": PieceStatus(log=str(path))})
    with closing(BoundedLog(path, max_bytes=300)) as made:
        yield made


def line(number: int) -> bytes:
    return json.dumps({"time": f"2026-05-01T12:00:{number:02d}+00:00", "message": f"number {number}"}).encode() + b"\n"


@given(numbers=st.lists(st.booleans(), max_size=40))
@settings(max_examples=examples(40))
def test_no_line_is_lost_or_read_twice(log: BoundedLog, tmp_path: Path, numbers: list[bool]) -> None:
    """True: read now. At most one rotation is between two reads, as where reading is frequent."""
    with closing(LogReader(tmp_path)) as reader:
        reader.read()
        read, written = [], 0
        for reads in numbers:
            if reads or written % 3 == 2:
                read += reader.read()
            log.write(line(written % 60))
            written += 1
        read += reader.read()
    assert [entry.message for entry in read] == [f"number {number % 60}" for number in range(written)]


def test_half_a_line_waits_for_its_end(log: BoundedLog, tmp_path: Path) -> None:
    with closing(LogReader(tmp_path)) as reader:
        log.write(line(1)[:20])
        assert reader.read() == []
        log.write(line(1)[20:])
        assert [entry.message for entry in reader.read()] == ["number 1"]
        log.write(b"the last words")
        assert [entry.message for entry in reader.read(ended=True)] == ["the last words"]


def test_older_output_is_read_first(log: BoundedLog, tmp_path: Path) -> None:
    for number in range(6):
        log.write(line(number))
    with closing(LogReader(tmp_path)) as reader:
        assert [entry.message for entry in reader.read()][-2:] == ["number 4", "number 5"]


def test_entries_of_several_services_come_by_time(log: BoundedLog, tmp_path: Path) -> None:
    task = tmp_path / "run-jobs" / "attempts" / "analyze-x4k2p" / "0" / "1" / "log"
    task.parent.mkdir(parents=True)
    task.write_bytes(line(2))
    log.write(line(1) + line(3))
    with closing(LogReader(tmp_path)) as reader:
        read = [(entry.service, entry.instance, entry.message) for entry in reader.read()]
    assert read == [
        ("api", "", "number 1"),
        ("analyze", "analyze-x4k2p/0", "number 2"),
        ("api", "", "number 3"),
    ]
