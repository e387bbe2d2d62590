"""The key that a local cloud makes for itself and keeps in its state directory."""

from __future__ import annotations

import secrets
from pathlib import Path

from typer.testing import CliRunner

from photofinish_cli.local_deployment import API_KEY_FILE, api_key
from photofinish_cli.main import app
from photofinish_cli.output import ExitCode


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    key = api_key(tmp_path)
    assert api_key(tmp_path) == key
    assert (tmp_path / API_KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_of_an_earlier_version_stops_the_start_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / API_KEY_FILE
    file.write_text(f"pf_{secrets.token_urlsafe(32)}")
    result = CliRunner().invoke(app, ["up", "--detach", "--state", str(tmp_path)])
    assert result.exit_code == ExitCode.MISCONFIGURED
    said = " ".join(result.stderr.split())
    assert "api_key holds a key of an earlier version, or none: delete the file" in said
    assert not (tmp_path / "stack.json").exists(), "something was started"
    file.unlink()
    assert api_key(tmp_path).text == file.read_text()
