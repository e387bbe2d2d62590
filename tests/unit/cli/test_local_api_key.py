"""The key that a local cloud makes for itself and keeps in its state directory."""

from __future__ import annotations

import secrets
from pathlib import Path

from typer.testing import CliRunner

from photofinish.domain.access import AwsCredentials
from photofinish.domain.secret_versions import SecretVersions
from photofinish_cli.local_deployment import local_deployment
from photofinish_cli.local_secrets import API_KEY_FILE, api_key
from photofinish_cli.main import app
from photofinish_cli.output import ExitCode


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    key = api_key(tmp_path)
    assert api_key(tmp_path) == key
    assert (tmp_path / API_KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_the_one_secret_of_an_earlier_version_still_makes_the_same_aws_credentials(tmp_path: Path) -> None:
    (tmp_path / "key_secret").write_text("5" * 64)
    functions = {function.name: function.env for function in local_deployment(tmp_path, {}).functions}
    assert functions["rekognition"]["PHOTOFINISH_AWS_KEY_SECRET"] == "5" * 64
    made = {file: (tmp_path / file).read_text() for file in ("key_secret", "token_secret", "pepper")}
    assert len(set(made.values())) == 3
    assert {(tmp_path / file).stat().st_mode & 0o777 for file in ("token_secret", "pepper")} == {0o600}
    credentials = AwsCredentials.of(api_key(tmp_path).key_id, b"5" * 64)
    (tmp_path / "key_secret").write_text(f"{'6' * 64},{'5' * 64}")  # being replaced
    again = {function.name: function.env for function in local_deployment(tmp_path, {}).functions}
    assert again["api"] == functions["api"]
    accepted = SecretVersions.parse(again["rekognition"]["PHOTOFINISH_AWS_KEY_SECRET"]).accepted
    assert credentials in [AwsCredentials.of(api_key(tmp_path).key_id, value) for value in accepted]


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
