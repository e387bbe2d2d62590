"""`photofinish webhooks`: what it sends, and what it prints of the answers that the API documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from photofinish_cli import api_client
from photofinish_cli.commands import webhooks
from photofinish_cli.main import app
from photofinish_functions.api.example_webhooks import WEBHOOK_ANSWERS

ID = WEBHOOK_ANSWERS["show_webhook"]["webhook_id"]
SECRET = WEBHOOK_ANSWERS["add_webhook"]["secret"]


class Api:
    """Answers as the OpenAPI document shows, and notes the requests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.answers: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def __call__(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        self.sent.append((method, path, request.get("json") or request.get("params")))
        tail = path.replace(ID, "ID")[path.index("/webhooks") + len("/webhooks") :]
        queued = self.answers.get((method, tail))
        if queued:
            return queued.pop(0)
        operation = {
            ("GET", ""): "list_webhooks",
            ("POST", ""): "add_webhook",
            ("GET", "/ID"): "show_webhook",
            ("PATCH", "/ID"): "change_webhook",
            ("POST", "/ID/secrets"): "add_webhook_secret",
            ("POST", "/ID/test"): "test_webhook",
            ("GET", "/ID/deliveries"): "list_webhook_deliveries",
            ("GET", "/ID/deliveries/4711"): "show_webhook_delivery",
            ("POST", "/ID/deliveries/4711/replay"): "replay_webhook_delivery",
            ("POST", "/ID/replay"): "replay_webhook",
        }.get((method, tail))
        return {} if operation is None else WEBHOOK_ANSWERS[operation]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(webhooks, "use_deployment", lambda state: None)
    monkeypatch.setattr(api_client, "of_all_albums", made)
    monkeypatch.setattr(
        api_client, "in_album", lambda method, album, path, **request: made(method, f"/{album}{path}", **request)
    )
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["webhooks", *arguments])


def test_adding_prints_the_secret_once(api: Api) -> None:
    done = run("add", "https://example.org/", "--album", "race", "--type", "photo.done", "--folder", "cam2")
    assert (done.exit_code, done.stdout.splitlines()) == (0, [ID, SECRET])
    [(method, path, body)] = api.sent
    assert (method, path) == ("POST", "/race/webhooks")
    assert (body["event_types"], body["filter"]["folder"]) == (["photo.done"], "cam2")
    assert SECRET not in run("list").stdout
    assert json.loads(run("add", "https://example.org/", "--json").stdout)["secret"] == SECRET


def test_adding_one_with_a_key_pair_prints_the_public_key(api: Api) -> None:
    webhook = WEBHOOK_ANSWERS["show_webhook"]
    pair = {"signature": "v1a", "secrets": [webhook["secrets"][0] | {"public_key": "whpk_AAAA"}]}
    api.answers["POST", ""] = [{"webhook": webhook | pair, "secret": None}]
    done = run("add", "https://example.org/", "--signature", "v1a")
    assert (done.exit_code, done.stdout.splitlines()) == (0, [ID, "whpk_AAAA"])
    assert api.sent[0][2]["signature"] == "v1a"


def test_quiet_still_prints_what_is_shown_only_once(api: Api) -> None:
    assert run("add", "https://example.org/", "--quiet").stdout.splitlines()[1] == SECRET


def test_the_list_says_whether_they_work(api: Api) -> None:
    plain = WEBHOOK_ANSWERS["show_webhook"]
    gone = plain | {"enabled": False, "disabled_reason": "gone"}
    failing = plain | {"failing_since": "2026-05-01T10:00:00Z", "event_types": None}
    api.answers["GET", ""] = [{"webhooks": [plain, gone, failing]}]
    lines = run("list", "--album", "race").stdout.splitlines()
    assert [line.split("\t")[3][:8] for line in lines[1:]] == ["enabled", "disabled", "failing "]
    assert "disabled (gone)" in lines[2]
    assert lines[3].split("\t")[2] == "all"


def test_changes_send_what_is_named_only(api: Api) -> None:
    assert run("change", "--disable", ID).exit_code == 0
    assert run("change", "--all-types", ID).exit_code == 0
    assert [body for _, _, body in api.sent] == [{"enabled": False}, {"event_types": None}]
    assert run("change", "--all-types", "--type", "photo.done", ID).exit_code == 1


def test_a_secret_is_replaced_in_two_steps(api: Api) -> None:
    assert run("rotate", ID).stdout.splitlines() == [ID, SECRET]
    assert run("rotate", "--finish", ID).exit_code == 1, "there is one"
    two = WEBHOOK_ANSWERS["show_webhook"]["secrets"] * 2
    api.answers["GET", "/ID"] = [{"secrets": two}]
    assert run("rotate", "--finish", ID).exit_code == 0
    assert api.sent[-1][:2] == ("DELETE", f"/webhooks/{ID}/secrets/{two[0]['secret_id']}")


def test_a_test_waits_for_its_end(api: Api) -> None:
    details = WEBHOOK_ANSWERS["show_webhook_delivery"]
    pending = details | {"delivery": details["delivery"] | {"state": "pending"}}
    api.answers["GET", "/ID/deliveries/4711"] = [pending]
    done = run("test", ID)
    assert (done.exit_code, "204" in done.stdout) == (0, True)
    api.answers["GET", "/ID/deliveries/4711"] = [
        details | {"delivery": details["delivery"] | {"state": "failed"}, "attempts": []}
    ]
    assert run("test", ID).exit_code == 1


def test_a_test_that_is_never_sent_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TEST_TIMEOUT_S", -1.0)
    details = WEBHOOK_ANSWERS["show_webhook_delivery"]
    api.answers["GET", "/ID/deliveries/4711"] = [details | {"delivery": details["delivery"] | {"state": "pending"}}]
    done = run("test", ID)
    assert (done.exit_code, "deliver-webhooks" in done.stderr) == (4, True)


def test_deliveries(api: Api) -> None:
    listed = run("deliveries", "--in-state", "failed", ID)
    assert listed.stdout.splitlines()[1].split("\t")[:3] == ["4711", "photofinish.photo.done", "delivered"]
    assert api.sent[-1][2] == {"limit": 50, "state": "failed"}
    assert "photofinish.photo.done" in run("deliveries", "--delivery", "4711", ID).stdout


def test_replays(api: Api) -> None:
    assert run("replay", "--delivery", "4711", ID).stdout == "1 delivery begun anew\n"
    api.answers["POST", "/ID/replay"] = [
        {"deliveries": 1000, "next_cursor": "c"},
        {"deliveries": 2, "next_cursor": None},
    ]
    done = run("replay", "--since", "2026-05-01", "--until", "2026-05-02", ID)
    assert done.stdout == "1002 deliveries begun anew\n"
    assert api.sent[-1][2]["cursor"] == "c"
    assert api.sent[-1][2]["occurred_from"].startswith("2026-05-01T00:00:00")
    for wrong in (
        ["replay", ID],
        ["replay", "--since", "2h", "--delivery", "1", ID],
        ["replay", "--since", "soon", ID],
    ):
        assert run(*wrong).exit_code == 1


def test_removing(api: Api) -> None:
    assert run("remove", "--album", "race", ID).exit_code == 0
    assert api.sent == [("DELETE", f"/race/webhooks/{ID}", None)]
