"""What `photofinish cost ALBUM` shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from photofinish_cli.commands import cost as cost_command
from photofinish_cli.main import app
from photofinish_functions.api.example_values import COST


def run(monkeypatch: pytest.MonkeyPatch, *options: str, **changes: Any) -> Result:
    def in_album(method: str, album: str, path: str) -> dict[str, Any]:
        assert (method, album, path) == ("GET", "race", "/cost")
        return COST | changes

    monkeypatch.setattr(cost_command, "use_deployment", lambda state: None)
    monkeypatch.setattr(cost_command.api_client, "in_album", in_album)
    return CliRunner().invoke(app, ["cost", "race", *options])


def test_lines_their_sum_and_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch)
    assert shown.exit_code == 0, shown.output
    rows = [line.split("\t") for line in shown.stdout.splitlines()]
    assert ["analysis on an L4", "150.2 task seconds", "0.0465", "0.0371"] in rows
    assert ["so far", "1,252 photos", "0.1890", "0.1510"] in rows
    said = " ".join(shown.output.split())
    assert "100 photos are waiting: about 0.0051 USD more" in said
    assert "local cloud" not in said


def test_a_local_cloud_says_that_nothing_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    said = " ".join(run(monkeypatch, is_billed=False, photos=0, waiting=0, lines=[]).output.split())
    assert "nothing is paid" in said
    assert "waiting" not in said


def test_a_used_up_budget_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    used_up = {"usd": 0.1, "spent": 1.89, "is_halted": True}
    said = " ".join(run(monkeypatch, budget=used_up).output.split())
    assert "189% of the budget of 0.1000 USD is spent: no photo is analysed any more" in said


@pytest.mark.parametrize(("given", "sent"), [("20", 20.0), ("0", None)])
def test_a_budget_is_set_or_removed(monkeypatch: pytest.MonkeyPatch, given: str, sent: float | None) -> None:
    asked: list[tuple[Any, ...]] = []

    def in_album(method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
        asked.append((method, album, path, request))
        return COST

    monkeypatch.setattr(cost_command, "use_deployment", lambda state: None)
    monkeypatch.setattr(cost_command.api_client, "in_album", in_album)
    assert CliRunner().invoke(app, ["cost", "race", "--budget", given]).exit_code == 0
    assert asked == [("PUT", "race", "/budget", {"json": {"usd": sent}})]


def test_json_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run(monkeypatch, "--json").stdout) == COST


@pytest.mark.parametrize(
    "arguments", [["cost"], ["cost", "race", "--photos", "5"], ["cost", "--photos", "5", "--budget", "5"]]
)
def test_an_album_or_an_estimate(arguments: list[str]) -> None:
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    assert "--photos" in refused.output or "--budget" in refused.output


def test_a_budget_is_a_number() -> None:
    refused = CliRunner().invoke(app, ["cost", "race", "--budget", "inf"])
    assert refused.exit_code == 2
    assert "is no amount" in refused.output
