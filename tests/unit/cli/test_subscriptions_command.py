"""`photofinish subscriptions`: what it sends, and what it prints of the answers that the API documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from photofinish_cli import api_client
from photofinish_cli.commands import subscriptions
from photofinish_cli.main import app
from photofinish_functions.api.example_subscriptions import SUBSCRIPTION_ANSWERS

ANSWERED = SUBSCRIPTION_ANSWERS["list_subscriptions"]
[MADE] = ANSWERED["subscriptions"]
ID = MADE["subscription_id"]


class Api:
    """Answers as the OpenAPI document shows, and notes the requests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.pages: list[dict[str, Any]] = []

    def __call__(self, method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
        self.sent.append((method, f"/{album}{path}", dict(request.get("params", {})) or None))
        if path == "/subscriptions":
            return self.pages.pop(0) if self.pages else ANSWERED
        operation = {"/subscription-counts": "count_subscriptions", f"/subscriptions/{ID}": "show_subscription"}[path]
        return {} if method == "DELETE" else SUBSCRIPTION_ANSWERS[operation]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(subscriptions, "use_deployment", lambda state: None)
    monkeypatch.setattr(api_client, "in_album", made)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["subscriptions", *arguments])


def test_the_list_says_what_each_waits_for(api: Api) -> None:
    of_person = MADE | {"bib": None, "selfies": 0, "person_id": "p-1", "confirmed_at": "2026-05-01T09:02:11Z"}
    api.pages = [ANSWERED | {"subscriptions": [MADE | {"selfies": 2}, of_person | {"ends_at": "2099-01-01T12:00:00Z"}]}]
    done = run("list", "race")
    head, first, second = (line.split("\t") for line in done.stdout.splitlines())
    assert head == ["subscription", "channel", "photos of", "language", "since", "state"]
    assert (first[0], first[2], first[5]) == (ID, "number 1234, 2 selfies", "asked to confirm")
    assert (second[2], second[5][:10]) == ("person p-1", "until 2099")
    assert api.sent == [("GET", "/race/subscriptions", {"limit": 50})]


def test_as_many_pages_are_read_as_were_asked_for(api: Api) -> None:
    page = ANSWERED | {"subscriptions": [MADE] * 200, "next_cursor": "c"}
    api.pages = [page, page]
    done = run("list", "race", "--limit", "250", "--json")
    found = json.loads(done.stdout)
    assert (len(found["subscriptions"]), found["has_more"], found["channels"]) == (250, True, ["email", "fcm"])
    assert [query for _, _, query in api.sent] == [{"limit": 200}, {"limit": 200, "cursor": "c"}]
    api.pages = [page]
    assert "--limit shows more" in run("list", "race", "--limit", "200").stderr


def test_nothing_made_by_this_key_and_no_channel_are_told(api: Api) -> None:
    api.pages = [{"channels": [], "subscriptions": [], "next_cursor": None}] * 2
    done = run("list", "race")
    assert "none made by this key" in done.stdout + done.stderr
    assert "docs/notifications.md" in done.stderr
    assert json.loads(run("list", "race", "--json").stdout)["subscriptions"] == []


def test_all_are_counted(api: Api) -> None:
    lines = [line.split("\t") for line in run("count", "race").stdout.splitlines()]
    assert lines[1:] == [["email", "12", "not confirmed"], ["email", "231", ""]]
    assert json.loads(run("count", "race", "--json").stdout) == SUBSCRIPTION_ANSWERS["count_subscriptions"]


def test_one_is_shown_and_ended(api: Api) -> None:
    assert run("show", "race", ID).stdout.splitlines()[1].startswith(f"{ID}\temail\tnumber 1234")
    assert json.loads(run("show", "race", ID, "--json").stdout)["subscription_id"] == ID
    assert run("end", "race", ID).stdout == f"ended: {ID}\n"
    assert json.loads(run("end", "race", ID, "--json").stdout) == {"ended": ID}
    assert [method for method, _, _ in api.sent] == ["GET", "GET", "DELETE", "DELETE"]
