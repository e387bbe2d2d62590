"""What `photofinish events` asks for, and what it tells."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from typer.testing import CliRunner

from photofinish.errors import NotFound, Unavailable
from photofinish_cli import api_client
from photofinish_cli.commands import events
from photofinish_cli.event_reading import Follower
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


class Log:
    """An album's log as the API answers it, call by call: a list of new events, or an error."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)
        self.said: list[str] = []
        self.pauses: list[float] = []

    def answer(self, method: str, album: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("type") == ["album.erased"] and params["cursor"] is None:
            return {"events": [], "next_cursor": None, "later_cursor": "0"}
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        events_ = [{"type": f"photofinish.{one}"} for one in answer]
        if params.get("type") == ["album.erased"]:
            events_ = [one for one in events_ if one["type"] == "photofinish.album.erased"]
        return {"events": events_, "next_cursor": "1", "later_cursor": "1"} | (
            {"next_cursor": None} if params["order"] == "newest_first" else {}
        )

    def followed(self, monkeypatch: pytest.MonkeyPatch, **query: Any) -> list[list[str]]:
        monkeypatch.setattr(api_client, "in_album", self.answer)
        follower = Follower("race", query, tell=self.said.append, pause=self.pauses.append)
        return [[event["type"].removeprefix("photofinish.") for event in page] for page in follower.follow(100)]


def test_following_outlasts_the_api_and_ends_with_the_album(monkeypatch: pytest.MonkeyPatch) -> None:
    down = Unavailable("the API cannot be reached")
    log = Log(["photo.done"], *[down] * 8, ["photo.queued"], [], ["album.erased"])
    assert log.followed(monkeypatch) == [["photo.done"], ["photo.queued"], ["album.erased"]]
    assert log.said == [
        "the API cannot be reached; trying again until it answers",
        "the API answers again",
        "race was erased: nothing more will happen to it",
    ]
    waited = log.pauses[1:9]
    assert waited[0] <= 1
    assert 15 <= waited[-1] <= 30
    assert all(later > earlier / 2 for earlier, later in pairwise(waited))


def test_following_waits_for_the_first_photo_and_tells_all_since(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(
        NotFound("No album has this name."),
        NotFound("No album has this name."),
        ["photo.queued"] * 300,
        ["album.erased"],
    )
    assert [len(page) for page in log.followed(monkeypatch)] == [300, 1]
    assert log.said[0] == "race has no photo yet: waiting for the first"
    assert len(log.said) == 2


def test_following_with_a_filter_ends_with_the_album_too(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(["photo.done"], [], [], ["photo.done"], ["album.erased"])
    assert log.followed(monkeypatch, type=["photo.done"], bib=None) == [["photo.done"], ["photo.done"]]
    gone = Log(["photo.done"], NotFound("No album has this name."))
    assert gone.followed(monkeypatch) == [["photo.done"]]
    assert "erased" in gone.said[0]
