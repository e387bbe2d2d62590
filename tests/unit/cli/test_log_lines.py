"""Log lines of the local cloud: parsed, filtered, shown."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_cli.log_lines import LogEntry, LogFilter, as_columns, as_json, as_text, parse_lines

_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
_PHOTO, _TRACE = "64ba16296755a64b9fb8d401ed4af84b", "2066dca4e8df4c48a126c722c8e18700"


def parsed(*lines: str, service: str = "api", instance: str = "") -> list[LogEntry]:
    return list(parse_lines(lines, service=service, instance=instance, untimed_at=_NOON))


def line(message: str = "queued", **fields: Any) -> str:
    written = {"severity": "INFO", "time": _NOON.isoformat(), "logger": "a.module", "message": message}
    return json.dumps(written | fields)


@given(lines=st.lists(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps)))
def test_every_line_that_is_not_blank_is_an_entry_that_can_be_shown(lines: list[str]) -> None:
    entries = parsed(*lines)
    assert len(entries) == sum(bool(one.strip()) for one in lines)
    for entry in entries:
        assert len(as_columns(entry)) == 7
        shown = as_text(entry, service_width=10, today=_NOON.date()).plain
        assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in shown)
        json.dumps(as_json(entry))


def test_a_line_of_postgres_has_its_time_and_severity() -> None:
    (entry,) = parsed('2026-05-01 11:59:33.303 UTC [26833] ERROR:  relation "x" does not exist')
    assert entry.at == _NOON - timedelta(seconds=26, milliseconds=697)
    assert (entry.severity, entry.message) == ("ERROR", 'relation "x" does not exist')


def test_a_line_without_a_time_has_that_of_its_neighbour() -> None:
    later = _NOON + timedelta(minutes=5)
    times = [entry.at for entry in parsed("ready", line(time=later.isoformat()), "Traceback …")]
    assert times == [later, later, later]
    assert [entry.at for entry in parsed("ready")] == [_NOON]


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (LogFilter(), True),
        (LogFilter(services=frozenset({"analyze"})), True),
        (LogFilter(services=frozenset({"analyze-x4k2p"})), True),
        (LogFilter(services=frozenset({"analyze-x4k2p/0"})), True),
        (LogFilter(services=frozenset({"api", "analyze-other"})), False),
        (LogFilter(min_severity="WARNING"), True),
        (LogFilter(min_severity="ERROR"), False),
        (LogFilter(id=_TRACE), True),
        (LogFilter(id=_PHOTO[:6]), True),
        (LogFilter(id=_PHOTO[1:7]), False),
        (LogFilter(since=_NOON), True),
        (LogFilter(since=_NOON + timedelta(milliseconds=1)), False),
        (LogFilter(services=frozenset({"analyze"}), id="ffffff"), False),
    ],
)
def test_an_entry_must_meet_every_condition(wanted: LogFilter, is_wanted: bool) -> None:
    written = line("given back", severity="WARNING", photo_ids=["0" * 32, _PHOTO], trace_id=_TRACE)
    (entry,) = parsed(written, service="analyze", instance="analyze-x4k2p/0")
    assert wanted.wants(entry) is is_wanted


def test_on_a_terminal_ids_are_short_and_a_traceback_is_below() -> None:
    (entry,) = parsed(
        line(
            "committed",
            photo_id=_PHOTO,
            album="race",
            code=None,
            failure="",
            stages=[{"a": 1}],
            exception="Traceback\nKeyError",
        )
    )
    shown = as_text(entry, service_width=10, today=entry.at.astimezone().date()).plain
    first, *below = shown.splitlines()
    assert first.endswith("api        INFO    committed  album=race  photo=64ba1629  stages=[1]")
    assert below == ["    Traceback", "    KeyError"]
    assert not first.startswith("2026"), "lines of today need no date"
    assert as_text(entry, service_width=10, today=_NOON.date() + timedelta(days=9)).plain.startswith("2026-0")


def test_columns_hold_whole_ids_and_how_a_traceback_ends() -> None:
    (entry,) = parsed(line("failed", photo_id=_PHOTO, album="race", code="x", exception="Traceback\nKeyError: 'a'\n"))
    assert as_columns(entry)[1:] == ["api", "INFO", "failed: KeyError: 'a'", "race", _PHOTO, "code=x"]


def test_json_is_what_was_logged_and_whose_it_is() -> None:
    (entry, text) = parsed(line("committed", photo_id=_PHOTO), "ready", service="analyze", instance="analyze-x4k2p/0")
    assert as_json(entry) == json.loads(line("committed", photo_id=_PHOTO)) | {
        "service": "analyze",
        "instance": "analyze-x4k2p/0",
    }
    assert as_json(text)["message"] == "ready"
