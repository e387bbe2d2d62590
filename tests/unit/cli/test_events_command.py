"""What `photofinish events` asks for, and what it tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from photofinish.errors import NotFound
from photofinish_cli import api_client
from photofinish_cli.commands import events
from photofinish_cli.main import app

PHOTO, GONE = "1" * 32, "2" * 32


def event(number: int, what: str = "photo.done", **data: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "type": f"photofinish.{what}",
        "time": f"2026-05-01T12:{number % 60:02}:00+00:00",
        "data": {"album": "race", **data},
    }


class Api:
    """Answers with `log`, oldest first; cursors are places in it."""

    def __init__(self, log: list[dict[str, Any]]) -> None:
        self.log = log
        self.asked: list[dict[str, Any]] = []

    def answer(self, method: str, album: str, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        if path == f"/photos/{PHOTO}":
            return {"photo": {"name": "race/cam2/IMG_1.jpg"}}
        if path.startswith("/photos/"):
            raise NotFound("The album has no such photo.")
        assert (method, album, path) == ("GET", "race", "/events")
        assert params is not None
        self.asked.append(params)
        end = len(self.log) if params["cursor"] is None else int(params["cursor"])
        begin = max(end - params["limit"], 0)
        return {
            "events": self.log[begin:end][::-1],
            "next_cursor": str(begin) if begin else None,
            "later_cursor": str(len(self.log)) if params["cursor"] is None else None,
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api([])
    monkeypatch.setattr(events, "use_deployment", lambda state: None)
    monkeypatch.setattr(api_client, "in_album", made.answer)
    return made


def told(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["events", "race", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_a_table_has_names_and_details_and_the_newest_last(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    api.log = [
        event(1, photo_id=PHOTO, folder="cam2", faces=2, upload_to_result_s=4.2),
        event(
            2, "photo.failed", photo_id=GONE, folder="cam2", error={"code": "no_picture", "message": "Not a picture."}
        ),
        event(3, "album.opened", users_may_search=True) | {"subject": None},
    ]
    heading, *rows = [line.split("\t")[1:] for line in told().splitlines()]
    assert heading == ["what", "about", "details"]
    assert rows == [
        ["photo.done", "cam2/IMG_1.jpg", "faces 2, upload to result 4.2 s"],
        ["photo.failed", f"cam2/{GONE}", "no_picture: Not a picture."],
        ["album.opened", "", "users may search true"],
    ]


def test_filters_are_sent(api: Api) -> None:
    told("--type", "person.merged", "--type", "person.split", "--bib", "42", "--folder", "cam2")
    told("--status", "rejected", "--since", "2026-05-01")
    assert [asked["type"] for asked in api.asked] == [["person.merged", "person.split"], None]
    assert (api.asked[0]["bib"], api.asked[0]["folder"]) == ("42", "cam2")
    assert (api.asked[1]["status"], api.asked[1]["occurred_from"]) == ("rejected", "2026-05-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("options", "count"), [([], 100), (["-n", "3"], 3), (["-n", "0"], 0), (["--since", "1d"], 2500)]
)
def test_so_many_are_told(api: Api, options: list[str], count: int) -> None:
    api.log = [event(number) for number in range(2500)]
    ids = [int(json.loads(line)["id"]) for line in told("--json", *options).splitlines()]
    assert ids == list(range(2500 - count, 2500))


def test_an_unknown_type_is_told_before_anything_is_asked(api: Api) -> None:
    result = CliRunner().invoke(app, ["events", "race", "--type", "photo.finished"])
    assert result.exit_code == 2
    assert api.asked == []
