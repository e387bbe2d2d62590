"""What the commands about policy, consent, opt-outs and subject access send, and what they say."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from photofinish_cli import api_client
from photofinish_cli.commands import consent, opt_out, policy, subject_access
from photofinish_cli.main import app

PERSON = "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"
POLICY = {"indexing": "everyone", "redact": "none", "redaction_style": "blur", "legal_basis": "undeclared"} | {
    "keep_originals": True,
    "purpose": "",
    "ends_on": "2026-12-31",
}
ENTRY = {"opt_out_id": "9d2c", "source": "selfie", "person_id": None, "added_at": None, "added_by": "k"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """The requests that commands make: method, path, JSON body."""
    requests: list[tuple[str, str, Any]] = []

    def answer(method: str, path: str, **request: Any) -> dict[str, Any]:
        requests.append((method, path, request.get("json")))
        if path.endswith("/policy"):
            return POLICY | (request.get("json") or {})
        if "opt-outs" in path:
            entry = ENTRY | {"applied_at": None}
            return {"opt_out": entry, "erased_faces": 3, "opt_outs": [entry], "next_cursor": None}
        record = {"purpose": "race photos"}
        return {"record": record, "analyse_again": True, "erased_faces": 14, "opt_out_id": "9d2c"}

    def answer_in_album(method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
        return answer(method, album + path, **request)

    for command in (policy, consent, opt_out, subject_access):
        monkeypatch.setattr(command, "use_deployment", lambda state: None)
    monkeypatch.setattr(api_client, "in_album", answer_in_album)
    monkeypatch.setattr(api_client, "of_all_albums", answer)
    monkeypatch.setattr(api_client, "file_in_album", lambda album, path: f"{album}{path}".encode())
    return requests


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


def test_a_policy_is_changed_field_by_field(sent: list[Any]) -> None:
    run("policy", "race", "--indexing", "opt_out", "--ends-on", "never")
    assert sent[-1] == ("PUT", "race/policy", POLICY | {"indexing": "opt_out", "ends_on": None})
    run("policy", "race")
    assert sent[-1] == ("GET", "race/policy", None)
    assert "YYYY-MM-DD" in run("policy", "race", "--ends-on", "soon", code=2).output


@pytest.mark.parametrize("erases", [("--ends-on", "2020-12-31"), ("--results-only",)])
def test_a_policy_that_erases_photos_at_once_needs_a_yes(sent: list[Any], erases: tuple[str, ...]) -> None:
    assert "give --yes" in run("policy", "race", *erases, code=2).output
    assert [method for method, _, _ in sent] == ["GET"]
    run("policy", "race", *erases, "--yes")
    assert sent[-1][0] == "PUT"
    sent.clear()
    run("policy", "race", "--ends-on", "9999-12-31", "--keep-originals")
    assert sent[-1][0] == "PUT", "nothing is erased: nothing is asked"


def test_consent_is_given_for_a_minor_and_withdrawn(sent: list[Any]) -> None:
    given = ["consent", "give", "race", PERSON, "--method", "paper", "--text-version", "2026-03"]
    said = run(*given, "--guardian", "Anne Byron", "--at", "2026-05-01T10:00:00")
    _, path, body = sent[-1]
    assert path == f"race/people/{PERSON}/consents"
    assert (body["action"], body["is_minor"], body["guardian"]) == ("given", True, "Anne Byron")
    assert body["at"].startswith("2026-05-01T10:00:00")
    assert body["at"][-6] in "+-", "with a time zone"
    assert "reconcile --album race --again" in said.output
    said = run("consent", "withdraw", "race", PERSON, "--method", "e-mail", "--purpose", "race photos", "--yes")
    assert sent[-1][2] == {"action": "withdrawn", "method": "e-mail", "purpose": "race photos"}
    assert "14 faces erased" in said.output


def test_a_withdrawal_without_a_terminal_needs_yes(sent: list[Any]) -> None:
    run("consent", "withdraw", "race", PERSON, "--method", "e-mail", code=2)
    assert sent == []


def test_a_person_is_opted_out_of_an_album_or_of_all(sent: list[Any], tmp_path: Path) -> None:
    picture = tmp_path / "ada.jpg"
    picture.write_bytes(b"a picture")
    assert "give --yes" in run("opt-out", "add", "--album", "race", str(picture), code=2).output
    assert sent == []
    assert "3 faces erased" in run("opt-out", "add", "--album", "race", str(picture), "--yes").output
    assert sent[-1][:2] == ("POST", "race/opt-outs")
    run("opt-out", "remove", "--all-albums", "9d2c")
    assert sent[-1][:2] == ("DELETE", "/opt-outs/9d2c")
    assert "not yet" in run("opt-out", "list", "--all-albums").output
    assert "either --album ALBUM or --all-albums" in run("opt-out", "list", code=1).output


def test_the_archive_is_readable_by_its_owner_and_replaces_nothing(sent: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "ada.zip"
    run("subject-access", "race", PERSON, "-o", str(file))
    assert file.read_text() == f"race/people/{PERSON}/subject-access"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "exists already" in run("subject-access", "race", PERSON, "-o", str(file), code=1).output
