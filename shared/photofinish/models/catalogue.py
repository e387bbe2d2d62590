"""The models that the pipeline can use, as ``catalogue.toml`` beside this module describes them."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from photofinish.domain.matching import Calibration
from photofinish.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """One model: what it does, which wheel it comes from, what its built file must be."""

    role: str
    """`face_detection`, `face_embedding`, `text_detection` or `text_recognition`."""
    name: str
    version: str
    file: str
    """Name of the built file in the models folder."""
    sha256: str
    """Of the built file."""
    fold: bool
    """Whether building folds block-quantised weights into float32 (see :mod:`photofinish.models.folding`)."""
    package: str
    package_version: str
    source_file: str
    """Path inside the installed package, from site-packages."""
    source_sha256: str
    licence: str
    """SPDX identifier, as the package states it."""
    origin: str
    input: str
    """Shape, dtype, colour order and value range, for people."""
    embedding_space: str | None = None
    calibration: Calibration | None = None
    """What similarities in that space mean."""

    @property
    def label(self) -> str:
        """Name and version in one word, as sidecars name it."""
        return f"{self.name}-{self.version}"

    @property
    def min_similarity(self) -> float | None:
        """Cosine in the embedding space from which two faces count as one person's; None where not calibrated."""
        return self.calibration.min_similarity if self.calibration else None


@functools.cache
def catalogue() -> tuple[CatalogueModel, ...]:
    """Every model of the default pipeline, one per role."""
    text = resources.files("photofinish.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(_model(entry) for entry in tomllib.loads(text)["model"])


def _model(entry: dict[str, Any]) -> CatalogueModel:
    calibration = entry.pop("calibration", None)
    return CatalogueModel(**entry, calibration=Calibration(**calibration) if calibration else None)


def model_for(role: str) -> CatalogueModel:
    """The catalogue's model for `role`; KeyError for a role that it does not have."""
    return {model.role: model for model in catalogue()}[role]


def built_file(model: CatalogueModel, models_dir: Path) -> Path:
    """The built file of `model`, checked to be there and to be what the catalogue names.

    Raises:
        Misconfigured: it is missing or another file; the message says which command makes it.
    """
    path = models_dir / model.file
    problem = file_problem(path, model.sha256)
    if problem:
        raise Misconfigured(
            f"Model {model.label} ({model.role}): {problem}. Run `photofinish models build` with this models folder."
        )
    return path


def file_problem(path: Path, sha256: str) -> str | None:
    """Why `path` is not the file of that hash, as half a sentence; None where it is."""
    if not path.is_file():
        return f"{path} is not there"
    found = file_sha256(path)
    return None if found == sha256 else f"{path} is not the file of the catalogue (sha256 {found[:12]}…)"


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
