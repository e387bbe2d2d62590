"""`photofinish models selected`: what the settings of the environment choose."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from photofinish.analysis.models.settings import ModelSettings
from photofinish_cli.commands import models
from photofinish_cli.output import ExitCode
from support.face_packs import pack

UNSET = dict.fromkeys(
    f"PHOTOFINISH_{name}"
    for name in ("FACE_PACK", "ACCEPT_NONCOMMERCIAL", "BIB_DETECTOR", "TEXT_ENGINE", "PADDLE_MODELS", "ONNX_PROVIDERS")
)


def selected(settings: ModelSettings, *options: str, **environment: str) -> Result:
    given: dict[str, str | None] = {**UNSET, "PHOTOFINISH_MODELS_DIR": str(settings.models_dir), **environment}
    return CliRunner().invoke(models.app, ["selected", *options], env=given)


def test_the_defaults_are_the_catalogues(model_settings: ModelSettings) -> None:
    result = selected(model_settings, "--json")
    assert result.exit_code == ExitCode.OK, result.output
    told = json.loads(result.stdout)
    assert told["models"]["face_embedding"] == "sface-2021dec"
    assert "bib_detection" not in told["models"]
    assert told["calibrated_spaces"] == ["sface-2021dec-2"]


def test_what_the_settings_name_is_shown(tmp_path: Path, model_settings: ModelSettings) -> None:
    folder, bibs = pack(tmp_path / "buffalo_l"), tmp_path / "bibs.onnx"
    bibs.write_bytes(b"its content is looked at when it is loaded")
    result = selected(
        model_settings,
        PHOTOFINISH_FACE_PACK=str(folder),
        PHOTOFINISH_ACCEPT_NONCOMMERCIAL="1",
        PHOTOFINISH_BIB_DETECTOR=str(bibs),
    )
    assert result.exit_code == ExitCode.OK, result.output
    for label in ("buffalo_l-", "buffalo_l_det_10g-", "bibs-", "pp-ocr-det-small-6"):
        assert label in result.output


def test_what_would_not_start_is_told(tmp_path: Path, model_settings: ModelSettings) -> None:
    refused = selected(model_settings, PHOTOFINISH_FACE_PACK=str(pack(tmp_path / "buffalo_l")))
    assert refused.exit_code == ExitCode.MISCONFIGURED
    assert "PHOTOFINISH_ACCEPT_NONCOMMERCIAL=1" in refused.output.replace("\n", " ")
    unknown = selected(model_settings, PHOTOFINISH_TEXT_ENGINE="tesseract")
    assert unknown.exit_code == ExitCode.MISCONFIGURED
    assert "PHOTOFINISH_TEXT_ENGINE" in unknown.output
    assert "'paddleocr'" in unknown.output
