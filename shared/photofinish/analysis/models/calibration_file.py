"""Calibrations as TOML, as `photofinish evaluate --calibrate` writes them, with the data they were measured on."""

from __future__ import annotations

import datetime
import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from photofinish.domain.matching import Calibration
from photofinish.errors import Misconfigured

HOW_TO_CALIBRATE = "`photofinish evaluate --bibs DIR --faces DIR --calibrate`"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationOrigin:
    """The model and data that a calibration was measured on."""

    embedding_space: str
    model_sha256: str
    """Of the embedding model's file, hexadecimal."""
    folders: tuple[str, ...]
    """Names of the labelled folders."""
    same_pairs: int
    stranger_pairs: int
    date: datetime.date

    @classmethod
    def of_table(cls, table: dict[str, Any]) -> CalibrationOrigin:
        """Read a TOML table with these keys.

        Raises:
            TypeError: a key is missing or unknown, or the date is not a date.
        """
        if type(table.get("date")) is not datetime.date:
            raise TypeError("calibrated_on has no date")
        return cls(**{**table, "folders": tuple(table.get("folders", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCalibration:
    """What similarities in an embedding space mean, and where that was measured."""

    calibration: Calibration
    origin: CalibrationOrigin

    def as_toml(self) -> str:
        """Write the lines for a pack's `calibration.toml`, or for a model in `catalogue.toml`."""
        return f"{_table('calibration', self.calibration)}\n\n{_table('calibrated_on', self.origin)}"


def read_calibration(path: Path) -> MeasuredCalibration:
    """Read the calibration at `path`.

    Raises:
        Misconfigured: the file is not what ``photofinish evaluate --calibrate`` writes.
    """
    try:
        model = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
        return MeasuredCalibration(
            calibration=Calibration(**model["calibration"]), origin=CalibrationOrigin.of_table(model["calibrated_on"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(f"{path} is not what {HOW_TO_CALIBRATE} writes ({error}). Write it again.") from error


def _table(name: str, values: Calibration | CalibrationOrigin) -> str:
    return "\n".join(
        [f"[model.{name}]", *(f"{field.name} = {_toml(getattr(values, field.name))}" for field in fields(values))]
    )


def _toml(value: float | str | tuple[str, ...] | datetime.date) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    # JSON and TOML write numbers, strings and lists of them alike.
    return json.dumps(value, ensure_ascii=False)
