"""`photofinish share`: what it sends, and what it prints of the answers that the API documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest
from click.testing import Result
from typer.testing import CliRunner

from photofinish_cli import api_client
from photofinish_cli.commands import share
from photofinish_cli.main import app
from photofinish_functions.api.example_shares import SHARING_ANSWERS

MADE = SHARING_ANSWERS["create_share"]
ANSWERS = {"POST": MADE, "GET": SHARING_ANSWERS["list_shares"], "DELETE": {}}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    requests: list[tuple[str, str, Any]] = []

    def ask(method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
        if path == "":
            return {"visitors_may_download": "web"}
        requests.append((method, f"/{album}{path}", request.get("json")))
        answer: dict[str, Any] = ANSWERS[method]
        return answer

    monkeypatch.setattr(share, "use_deployment", lambda state: None)
    monkeypatch.setattr(api_client, "in_album", ask)
    return requests


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["share", "race", *arguments])


def test_a_link_is_printed_alone_for_scripts(sent: list[tuple[str, str, Any]]) -> None:
    done = run("--label", "poster", "--browse", "--downloads", "original")
    assert (done.exit_code, done.stdout.splitlines()) == (0, [MADE["url"]])
    [(method, path, body)] = sent
    assert (method, path) == ("POST", "/race/shares")
    assert body == {"label": "poster", "expires_on": None, "downloads": "original", "may": "browse", "pin": None}


def test_a_pin_is_made_and_told_beside_the_link(sent: list[tuple[str, str, Any]]) -> None:
    url, pin = run("--pin").stdout.splitlines()
    assert (url, pin) == (MADE["url"], f"PIN {sent[0][2]['pin']}")
    assert len(sent[0][2]["pin"]) == 6
    assert run("--quiet").stdout.splitlines() == [MADE["url"]], "which cannot be shown again"
    assert json.loads(run("--pin", "--json").stdout)["pin"] == sent[2][2]["pin"]


def test_the_end_is_a_day_or_a_number_of_days(sent: list[tuple[str, str, Any]]) -> None:
    run("--expires", "2026-12-31")
    run("--expires", "7")
    in_a_week = (datetime.now(UTC).date() + timedelta(days=7)).isoformat()
    assert sent[0][2]["expires_on"] == "2026-12-31"
    assert sent[1][2]["expires_on"] == in_a_week
    refused = run("--expires", "soon")
    assert refused.exit_code == 2
    assert "no day" in refused.stderr


def test_the_end_may_be_as_far_away_as_the_messages_say(sent: list[tuple[str, str, Any]]) -> None:
    last_day = datetime.now(UTC).date() + timedelta(days=730)
    assert run("--expires", "730").exit_code == 0
    assert sent[0][2]["expires_on"] == last_day.isoformat()
    for too_far in ("731", (last_day + timedelta(days=1)).isoformat(), "9" * 12):
        refused = run("--expires", too_far)
        assert (refused.exit_code, len(sent)) == (2, 1)
        assert "730 days" in " ".join(refused.stderr.replace("│", " ").split())


def test_a_link_of_more_than_the_card_allows_says_what_visitors_get(sent: list[tuple[str, str, Any]]) -> None:
    assert "photos of web size" in run("--downloads", "original").stderr
    assert "visitors may download" not in run("--downloads", "web").stderr
    assert "visitors may download" not in run("--downloads", "none").stderr


def test_the_qr_code_is_written_to_print_and_reads_as_the_link(
    sent: list[tuple[str, str, Any]], tmp_path: Path
) -> None:
    svg, png = tmp_path / "qr.svg", tmp_path / "qr.png"
    assert run("--svg", str(svg), "--png", str(png)).exit_code == 0
    assert svg.read_text() == MADE["qr_svg"]
    assert cv2.QRCodeDetector().detectAndDecode(cv2.imread(str(png)))[0] == MADE["url"]
    assert sent


def test_links_are_listed_without_what_opens_them(sent: list[tuple[str, str, Any]]) -> None:
    done = run("--list")
    assert MADE["share_id"] in done.stdout
    assert "/s/" not in done.stdout
    assert json.loads(run("--list", "--json").stdout) == SHARING_ANSWERS["list_shares"]
    assert [method for method, _, _ in sent] == ["GET", "GET"]


def test_a_link_is_revoked_by_its_id(sent: list[tuple[str, str, Any]]) -> None:
    assert run("--revoke", MADE["share_id"]).exit_code == 0
    assert sent == [("DELETE", f"/race/shares/{MADE['share_id']}", None)]
    assert run("--revoke", MADE["share_id"], "--list").exit_code == 1
