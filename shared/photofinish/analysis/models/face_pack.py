"""Files of InsightFace's model packs (buffalo_l, antelopev2, …); nothing here runs them.

Their licence allows only non-commercial research, so the operator provides the files in a folder: nothing is
downloaded, and nothing is loaded before the operator accepts the licence by a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from photofinish.analysis.models.calibration_file import HOW_TO_CALIBRATE, read_calibration
from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.matching import Calibration
from photofinish.errors import Misconfigured

VARIABLE, ACCEPTANCE = "PHOTOFINISH_FACE_PACK", "PHOTOFINISH_ACCEPT_NONCOMMERCIAL"
CALIBRATION_FILE = "calibration.toml"
DETECTION_FILES = ("det_*.onnx", "scrfd_*.onnx")
EMBEDDING_FILES = ("w600k_*.onnx", "glintr*.onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class FacePack:
    """The files that are used of one pack."""

    folder: Path
    detection: ModelFile
    embedding: ModelFile

    @classmethod
    def of(cls, settings: ModelSettings) -> FacePack | None:
        """Return the pack in the settings without loading it; None if there is none.

        Raises:
            Misconfigured: its licence was not accepted, or its files are missing.
        """
        folder = settings.face_pack
        if folder is None:
            return None
        if not settings.accept_noncommercial:
            raise Misconfigured(
                f"{VARIABLE}={folder}: InsightFace's models may be used for non-commercial research only. "
                f"Set {ACCEPTANCE}=1 if that is your use, or unset {VARIABLE}."
            )
        detection, embedding = (_only_file(folder, patterns) for patterns in (DETECTION_FILES, EMBEDDING_FILES))
        return cls(
            folder=folder,
            detection=ModelFile.at(detection, variable=VARIABLE, name=f"{folder.name}_{detection.stem}"),
            embedding=ModelFile.at(embedding, variable=VARIABLE, name=folder.name),
        )

    @property
    def embedding_space(self) -> str:
        """Name of the space; it includes the file's hash, so another file of the same name makes another space."""
        return self.embedding.label

    def calibration(self) -> Calibration | None:
        """Read what similarities in the pack's space mean from its `calibration.toml`; None if it has none.

        Raises:
            Misconfigured: the file is not what ``photofinish evaluate --calibrate`` writes, or of another model.
        """
        path = self.folder / CALIBRATION_FILE
        if not path.is_file():
            return None
        measured = read_calibration(path)
        if measured.origin.model_sha256 != self.embedding.sha256:
            raise Misconfigured(
                f"{path} was measured with another model file (space {measured.origin.embedding_space}), not with "
                f"{self.embedding.path.name} in the same folder (space {self.embedding_space}). Write it again: "
                f"{HOW_TO_CALIBRATE}."
            )
        return measured.calibration

    def calibration_to_search_with(self) -> Calibration:
        """As :meth:`calibration`; raises Misconfigured if there is none."""
        calibration = self.calibration()
        if calibration is None:
            raise Misconfigured(
                f"{VARIABLE}: searching with {self.folder.name} needs a calibration of its similarities. Run "
                f"{HOW_TO_CALIBRATE} with the same settings, and copy the calibration.toml that it writes to "
                f"{self.folder / CALIBRATION_FILE}."
            )
        return calibration


def _only_file(folder: Path, patterns: Sequence[str]) -> Path:
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    if len(found) != 1:
        what = " and ".join(path.name for path in found) or ("no such file" if folder.is_dir() else "no such folder")
        raise Misconfigured(
            f"{VARIABLE}: {folder} must contain one file called {' or '.join(patterns)}; there is {what}. "
            "Set it to the folder of an unpacked InsightFace model pack."
        )
    return found[0]
