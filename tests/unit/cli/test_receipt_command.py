"""`photofinish receipt`, over the API's application and over files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from photofinish_cli import api_client
from photofinish_cli.main import app
from photofinish_cli.output import ExitCode
from photofinish_functions.api.example_values import RECEIPT, RECEIPT_KEY

ID = RECEIPT["erasure_id"]


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["receipt", *map(str, arguments)])


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API answers as its documentation shows."""
    answers = {f"/v1/erasures/{ID}/receipt": RECEIPT, "/v1/receipt-keys": {"keys": [RECEIPT_KEY]}}
    monkeypatch.setattr(api_client, "_ask", lambda method, path: answers[path])
    monkeypatch.setenv("PHOTOFINISH_API_URL", "http://127.0.0.1:9")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys.pem"
    file.write_text(RECEIPT_KEY["public_key_pem"])
    return file


def test_a_saved_receipt_is_verified_without_the_deployment(
    answering: None, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, page = tmp_path / "receipt.json", tmp_path / "receipt.html"
    shown = run("show", ID, "--save", saved, "--html", page)
    assert shown.exit_code == ExitCode.OK, shown.output
    assert "postgres\tface\t12" in shown.stdout
    assert run("show", ID, "--json").stdout_bytes == saved.read_bytes()
    assert run("keys", "--pem").stdout == keys.read_text()

    monkeypatch.setattr(api_client, "_ask", None)
    valid = run("verify", saved, "--public-key", keys)
    assert (valid.exit_code, valid.stdout.splitlines()[-1]) == (
        ExitCode.OK,
        f"valid: signed by the key {RECEIPT['key_id']}, and unchanged since",
    )
    for expected in ('<td>face</td><td class="count">12</td>', "person", saved.read_text().strip()):
        assert expected in page.read_text().replace("&#34;", '"')


def test_a_changed_receipt_is_found_out(answering: None, keys: Path, tmp_path: Path) -> None:
    saved = tmp_path / "receipt.json"
    run("show", ID, "--save", saved)
    saved.write_bytes(saved.read_bytes().replace(b'"face":12', b'"face":13'))
    changed = run("verify", saved, "--public-key", keys, "--json")
    assert (changed.exit_code, changed.stdout) == (ExitCode.FOUND_WRONG, "")
    assert "the signature does not fit" in changed.stderr


def test_the_deployments_keys_are_used_unless_others_are_given(answering: None, tmp_path: Path) -> None:
    saved = tmp_path / "receipt.json"
    run("show", ID, "--save", saved)
    assert json.loads(run("verify", saved, "--json").stdout) == {
        "valid": True,
        "erasure_id": ID,
        "key_id": RECEIPT["key_id"],
    }


def test_missing_files_are_named(keys: Path, tmp_path: Path) -> None:
    missing = run("verify", tmp_path / "none.json", "--public-key", keys)
    assert missing.exit_code == ExitCode.MISCONFIGURED
    assert "none.json cannot be read: No such file" in missing.stderr
