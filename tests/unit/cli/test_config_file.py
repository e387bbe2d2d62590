"""Settings from photofinish.toml, and which of them the local cloud passes on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photofinish.errors import Misconfigured
from photofinish_cli.config_file import FILE_NAME, apply, find_file, read_profile
from photofinish_cli.local_deployment import local_deployment
from photofinish_cli.local_settings import DECIDED, chosen_settings
from photofinish_cli.main import app

FILE = """
[local]
cors_origins = ["https://a.example", "http://localhost:*"]
max_gpu_tasks = 2
fp16 = false
models_dir = "models"

[race]
google_cloud_project = "spring-10k"
photo_bucket = "spring-10k-photos"
api_key = "pf_id_secret"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / FILE_NAME
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def test_values_become_what_the_environment_would_have(file: Path) -> None:
    profile = read_profile(file, None)
    assert profile is not None
    assert profile.variables == {
        "PHOTOFINISH_CORS_ORIGINS": "https://a.example,http://localhost:*",
        "PHOTOFINISH_MAX_GPU_TASKS": "2",
        "PHOTOFINISH_FP16": "false",
        "PHOTOFINISH_MODELS_DIR": str(file.parent / "models"),
    }


def test_the_shell_wins_over_the_usual_profile_but_not_over_one_that_was_named(file: Path) -> None:
    local, race = read_profile(file, None), read_profile(file, "race")
    assert local is not None
    assert race is not None
    shell = {
        "PHOTOFINISH_MAX_GPU_TASKS": "7",
        "PHOTOFINISH_PHOTO_BUCKET": "other",
        "PHOTOFINISH_STATE_DIR": "/a/local/cloud",
        "PUBSUB_EMULATOR_HOST": "h:1",
    }
    usual = dict(shell)
    apply(local, usual, was_named=False)
    assert usual == shell | {name: value for name, value in local.variables.items() if name not in shell}
    named = dict(shell)
    apply(race, named, was_named=True)
    assert named == {"PHOTOFINISH_MAX_GPU_TASKS": "7"} | dict(race.variables)


@pytest.mark.parametrize(
    ("text", "profile", "message"),
    [
        ("serch_rate = 1", None, "serch_rate stands outside a profile"),
        ("[local]\nserch_rate = 1", None, r"\[local\] serch_rate is no setting; did you mean search_rate\?"),
        ("[local]\nphoto_bucket = 'x'", None, "photo_bucket is decided by the local cloud itself"),
        ("[local]\nthreads = {a = 1}", None, "threads must be a text, a number, true, false or a list of texts"),
        ("[local]\nthreads = 1", "race", "has no profile 'race'; it has local"),
        ("[local]\nthreads = x\n", None, "cannot be read: .*line 2"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, profile: str | None, message: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(text)
    with pytest.raises(Misconfigured, match=f"(?s){FILE_NAME}.*{message}"):
        read_profile(path, profile)


def test_secrets_need_a_file_that_only_its_owner_can_read(file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(Misconfigured, match="api_key is a secret, and others can read the file: chmod 600"):
        read_profile(file, "race")
    assert read_profile(file, "local") is not None


def test_values_are_not_in_the_repr(file: Path) -> None:
    assert "pf_id_secret" not in repr(read_profile(file, "race"))


def test_the_file_of_the_working_folder_is_found(file: Path) -> None:
    assert find_file(None, folder=file.parent) == file
    with pytest.raises(Misconfigured, match=r"other\.toml does not exist"):
        find_file(file.parent / "other.toml")


def test_every_setting_but_the_clouds_own_reaches_functions_and_tasks(tmp_path: Path) -> None:
    given = {
        "PHOTOFINISH_CORS_ORIGINS": "https://a.example",
        "PHOTOFINISH_THREADS": "3",
        "PHOTOFINISH_BATCH_SIZE": "16",
        "PHOTOFINISH_ACK_DEADLINE_S": "45",
        "PHOTOFINISH_SEARCH_RATE": "5/6",
    }
    spec = local_deployment(tmp_path, given | {"PHOTOFINISH_PHOTO_BUCKET": "elsewhere", "UNRELATED": "x"})
    for env in (spec.env, *(dict(spec.env) | dict(part.env) for part in (*spec.functions, *spec.jobs))):
        assert given.items() <= env.items()
        assert env["PHOTOFINISH_PHOTO_BUCKET"] == "photos"
        assert "UNRELATED" not in env
    assert spec.page_origins == ("https://a.example",)
    work = next(subscription for subscription in spec.subscriptions if subscription.name == "photo-work-tasks")
    assert work.ack_deadline_s == 45


def test_wrong_settings_are_reported_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        local_deployment(tmp_path, {"PHOTOFINISH_BATCH_SIZE": "none", "PHOTOFINISH_CORS_ORIGINS": "*"})
    assert "PHOTOFINISH_BATCH_SIZE" in str(refused.value)
    assert "PHOTOFINISH_CORS_ORIGINS" in str(refused.value)


def test_relative_paths_are_those_of_the_shell() -> None:
    assert chosen_settings({"PHOTOFINISH_MODELS_DIR": "models"}) == {
        "PHOTOFINISH_MODELS_DIR": str(Path("models").absolute())
    }


def test_config_shows_values_with_their_source_and_hides_secrets(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = {name: value for name, value in os.environ.items() if name not in DECIDED}
    monkeypatch.setattr(os, "environ", shell | {"PHOTOFINISH_SEARCH_RATE": "5/6"})  # the command writes to it
    result = CliRunner().invoke(app, ["--config", str(file), "--profile", "race", "config", "--json"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.output)
    assert shown["api_key"] == {
        "variable": "PHOTOFINISH_API_KEY",
        "value": "(hidden)",
        "source": f"{file} [race]",
    }
    assert shown["search_rate"]["source"] == "environment: PHOTOFINISH_SEARCH_RATE"
    assert shown["write_rate"] == {"variable": "PHOTOFINISH_WRITE_RATE", "value": "20/100", "source": "default"}
    assert "pf_id_secret" not in result.output


@pytest.mark.parametrize("arguments", [["up", "--detach"], ["down"], ["env"]])
def test_a_folder_that_cannot_be_written_is_told_by_a_sentence(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, [*arguments, "--state", str(tmp_path / "file" / "state")])
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, OSError)
    if arguments[0] == "up":
        assert result.exit_code == 3
        assert "needs a folder that it can write" in " ".join(result.stderr.split())
