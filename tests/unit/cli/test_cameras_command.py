"""Shifts of cameras' clocks as people type and read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from photofinish.errors import NotFound
from photofinish_cli.commands import cameras as cameras_command
from photofinish_cli.commands.cameras import parse_shift, shift_in_words
from photofinish_cli.main import app


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("+1h", 3600), ("-90m", -5400), ("1h30m", 5400), ("45s", 45), ("0", 0), ("+1.5h", 5400), ("-1d2h", -93600)],
)
def test_shifts_are_parsed(text: str, seconds: int) -> None:
    assert parse_shift(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "+1 hour", "1:30", "--1h"])
def test_what_is_no_shift_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"\+1h, -90m"):
        parse_shift(text)


@given(st.integers(-10_000_000, 10_000_000))
def test_what_is_told_is_understood(seconds: int) -> None:
    assert parse_shift(shift_in_words(seconds).replace(" ", "")) == timedelta(seconds=seconds)


def test_a_wrong_shift_is_refused_by_the_name_of_its_option() -> None:
    result = CliRunner().invoke(app, ["cameras", "race", "--shift", "Nikon", "soon"])
    assert result.exit_code == 2
    assert "--shift" in result.output
    assert "+1h" in result.output


@dataclass
class FakeApi:
    """The cameras of one album; answers as the API does."""

    shifts_s: dict[str, int] = field(default_factory=dict)
    names: tuple[str, ...] = ("Canon", "Nikon", "Sony")
    has_album: bool = True

    def album(self, name: str) -> dict[str, Any]:
        if not self.has_album:
            raise NotFound(f"there is no album {name!r}")
        return {"album": name}

    def in_album(self, method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
        assert (album, path) == ("race", "/cameras")
        if method == "PUT":
            self.shifts_s = dict(request["json"]["shifts_s"])
        sure = {"shift_s": 3604, "confidence": 0.86, "agreeing": 31, "subjects": 32}
        unsure = {"shift_s": -77, "confidence": 0.52, "agreeing": 11, "subjects": 14}
        found = {"Nikon": sure, "Sony": unsure} if request.get("params") else {}
        return {
            "reference": "Canon" if found else None,
            "cameras": [
                {
                    "name": name,
                    "photos": 3,
                    "first": None,
                    "last": None,
                    "shift_s": self.shifts_s.get(name, 0),
                    "found": found.get(name),
                }
                for name in self.names
            ],
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi()
    monkeypatch.setattr(cameras_command, "use_deployment", lambda state: None)
    monkeypatch.setattr(cameras_command.api_client, "in_album", fake.in_album)
    monkeypatch.setattr(cameras_command.api_client, "album", fake.album)
    return fake


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cameras", "race", *arguments])


def test_one_shift_is_set_beside_the_others(api: FakeApi) -> None:
    api.shifts_s = {"Sony": 60}
    assert run("--shift", "Nikon", "-1h").exit_code == 0
    assert api.shifts_s == {"Sony": 60, "Nikon": -3600}
    assert run("--shift", "Sony", "0").exit_code == 0
    assert api.shifts_s == {"Nikon": -3600}


def test_only_sure_shifts_are_applied(api: FakeApi) -> None:
    shown = run("--find")
    assert "0.86 (31 of 32)" in shown.output
    assert "compared with Canon" in shown.output
    assert api.shifts_s == {}, "finding sets nothing"
    assert run("--find", "--apply").exit_code == 0
    assert api.shifts_s == {"Nikon": 3604}
    assert run("--apply").exit_code == 2


def test_a_mistyped_camera_is_refused_with_the_one_that_was_meant(api: FakeApi) -> None:
    result = run("--shift", "Nikn", "+1h")
    assert result.exit_code == 1
    assert "did you mean 'Nikon'" in result.output
    assert api.shifts_s == {}


def test_an_album_that_does_not_exist_is_said_so(api: FakeApi) -> None:
    api.names = ()
    empty = run()
    assert (empty.exit_code, "no photo with a camera's name" in empty.output) == (0, True)
    api.has_album = False
    for arguments in ([], ["--json"], ["--find"]):
        result = run(*arguments)
        assert (result.exit_code, "no album 'race'" in result.stderr) == (1, True)
