"""What `photofinish stats` shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from photofinish_cli.commands import stats as stats_command
from photofinish_cli.main import app

COUNTS = {
    "photos": 30, "done": 20, "rejected": 10, "failed": 0, "faces": 44, "bibs": 21, "share_with_bib": 0.95,
    "upload_to_result_s": {"p50": 3.724, "p95": 6.597},
}  # fmt: skip
NOTHING = COUNTS | dict.fromkeys(("photos", "done", "rejected", "faces", "bibs"), 0)
NOTHING |= {"share_with_bib": None, "upload_to_result_s": None}
FEWER = COUNTS | {"photos": 15}


def answer(**changes: Any) -> dict[str, Any]:
    """What the API says of an album."""
    return {
        **COUNTS,
        "album": "race",
        "is_complete": True,
        "people": 12,
        "photos_per_person": {"mean": 3.25, "p50": 3, "most": 9},
        "by_hour": [COUNTS | {"hour": "2026-05-01T10:00:00Z"}, FEWER | {"hour": "2026-05-01T11:00:00Z"}],
        "by_camera": [COUNTS | {"camera": None}],
        "by_folder": [COUNTS | {"folder": f"cam{number}"} for number in range(21)],
        "by_code": [{"code": "not_a_picture", "rejected": 10, "failed": 0}],
        **changes,
    }


def run(monkeypatch: pytest.MonkeyPatch, answered: dict[str, Any], *options: str) -> Result:
    def in_album(method: str, album: str, path: str) -> dict[str, Any]:
        assert (method, album, path) == ("GET", "race", "/statistics")
        return answered

    monkeypatch.setattr(stats_command, "use_deployment", lambda state: None)
    monkeypatch.setattr(stats_command.api_client, "in_album", in_album)
    return CliRunner().invoke(app, ["stats", "race", *options])


def lines(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split("\t") for line in result.stdout.splitlines()]


def test_tables_of_the_album_and_its_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines(run(monkeypatch, answer()))
    assert found[1] == ["race", "30", "20", "10", "0", "44", "21", "95%", "3.7", "6.6", "12", "3.2"]
    assert [line[0] for line in found if line[0].startswith("cam") and line[0] != "camera"] == [
        f"cam{number}" for number in range(20)
    ]
    assert any(line[0] == "not named" for line in found)
    assert ["not_a_picture", "10", "0"] in found


def test_bars_compare_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines(run(monkeypatch, answer()))
    start = next(number for number, line in enumerate(found) if line[0] == "hour")
    longer, shorter = (len(line[-1]) for line in found[start + 1 : start + 3])
    assert longer == 2 * shorter > 0


def test_an_album_without_results_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = answer(**NOTHING, people=0, photos_per_person=None, by_hour=[], by_camera=[], by_folder=[], by_code=[])
    found = lines(run(monkeypatch, empty))
    assert found[1:] == [["race", "0", "0", "0", "0", "0", "0", "–", "–", "–", "0", "–"]]


def test_json_is_the_answer_and_missing_results_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run(monkeypatch, answer(), "--json").stdout) == answer()
    assert "not counted yet" in run(monkeypatch, answer(is_complete=False)).stderr
