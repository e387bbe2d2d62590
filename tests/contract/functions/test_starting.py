"""Functions and tasks with wrong models refuse to start: real processes, as Cloud Run starts them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from photofinish.analysis.models.settings import ModelSettings
from support.face_packs import pack

MAIN = Path(__file__).parents[3] / "functions" / "main.py"
API = [sys.executable, "-m", "functions_framework", "--source", str(MAIN), "--host", "127.0.0.1", "--port", "0"]
JOB = [sys.executable, "-I", "-m", "photofinish_jobs"]
# Nothing listens there: models are checked before any service is called.
CLOUD = {
    "GOOGLE_CLOUD_PROJECT": "nowhere",
    "PHOTOFINISH_REGION": "local",
    "PHOTOFINISH_PHOTO_BUCKET": "photos",
    "PHOTOFINISH_DERIVED_BUCKET": "derived",
    "DATABASE_URL": "postgresql://127.0.0.1:9/nowhere",
    "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9",
    "PUBSUB_EMULATOR_HOST": "127.0.0.1:9",
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:9",
}


def no_models(folder: Path, models: Path) -> dict[str, str]:
    return {"PHOTOFINISH_MODELS_DIR": str(folder / "empty")}


def another_model(folder: Path, models: Path) -> dict[str, str]:
    copy = shutil.copytree(models, folder / "models")
    for file in copy.glob("sface*.onnx"):
        file.write_bytes(b"another model")
    return {"PHOTOFINISH_MODELS_DIR": str(copy)}


def another_provider(folder: Path, models: Path) -> dict[str, str]:
    return {"PHOTOFINISH_ONNX_PROVIDERS": "AbacusExecutionProvider"}


def licence_not_accepted(folder: Path, models: Path) -> dict[str, str]:
    return {"PHOTOFINISH_FACE_PACK": str(pack(folder / "buffalo_l"))}


def no_pack(folder: Path, models: Path) -> dict[str, str]:
    return {"PHOTOFINISH_FACE_PACK": str(folder / "antelopev2"), "PHOTOFINISH_ACCEPT_NONCOMMERCIAL": "1"}


def no_calibration(folder: Path, models: Path) -> dict[str, str]:
    return licence_not_accepted(folder, models) | {"PHOTOFINISH_ACCEPT_NONCOMMERCIAL": "1"}


def no_bib_detector(folder: Path, models: Path) -> dict[str, str]:
    return {"PHOTOFINISH_BIB_DETECTOR": str(folder / "bibs.onnx")}


Spoil = Callable[[Path, Path], dict[str, str]]
WRONG: list[tuple[Spoil, str]] = [
    (no_models, "does not exist. Run `photofinish models build`"),
    (another_model, "is not the file of the catalogue"),
    (another_provider, "ONNX Runtime has no provider AbacusExecutionProvider"),
    (licence_not_accepted, "Set PHOTOFINISH_ACCEPT_NONCOMMERCIAL=1"),
    (no_pack, "there is no such folder"),
]


def refusal(command: list[str], environment: dict[str, str]) -> str:
    """The last log message of a process that exits with status 3."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PHOTOFINISH_")}
    ended = subprocess.run(
        command, env=inherited | CLOUD | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    entry = json.loads((ended.stdout + ended.stderr).strip().splitlines()[-1])
    return str(entry["message"])


@pytest.mark.parametrize(("spoil", "sentence"), [*WRONG, (no_calibration, "photofinish evaluate")])
def test_the_api_does_not_start(
    spoil: Spoil,
    sentence: str,
    tmp_path: Path,
    model_settings: ModelSettings,
) -> None:
    models = model_settings.models_dir
    environment = {"PHOTOFINISH_MODELS_DIR": str(models), "FUNCTION_TARGET": "api"} | spoil(tmp_path, models)
    message = refusal([*API, "--target", "api"], environment)
    assert message.startswith("cannot start: ")
    assert sentence in message
    assert "\n" not in message


@pytest.mark.parametrize(("spoil", "sentence"), [*WRONG, (no_bib_detector, "PHOTOFINISH_BIB_DETECTOR: ")])
def test_the_job_does_not_start(
    spoil: Spoil,
    sentence: str,
    tmp_path: Path,
    model_settings: ModelSettings,
) -> None:
    models = model_settings.models_dir
    message = refusal(JOB, {"PHOTOFINISH_MODELS_DIR": str(models)} | spoil(tmp_path, models))
    assert message.startswith("cannot start: ")
    assert sentence in message
    assert "\n" not in message


def test_a_function_with_two_equal_secrets_does_not_start() -> None:
    secrets = {"PHOTOFINISH_TOKEN_SECRET": "t" * 32, "PHOTOFINISH_WEBHOOK_KEY": f"{'n' * 32},{'t' * 32}"}
    message = refusal([*API, "--target", "api"], secrets | {"FUNCTION_TARGET": "api"})
    assert message.startswith(
        "cannot start: PHOTOFINISH_TOKEN_SECRET and PHOTOFINISH_WEBHOOK_KEY have a value in common"
    )
