"""The models of the default pipeline, as described in ``catalogue.toml`` in this folder."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from photofinish.analysis.models.calibration_file import CalibrationOrigin
from photofinish.analysis.models.cpu_features import multiplies_int8_exactly
from photofinish.domain.depiction import SimilarityScale
from photofinish.domain.matching import Calibration
from photofinish.errors import Misconfigured

CPU_PROVIDER = "CPUExecutionProvider"
INT8 = "int8"
LABEL_ROLES = ("picture_labels", "sentence_embedding", "word_pieces")
"""Roles of the models of label search, which run only where it is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuForm:
    """A faster form of a model for CPUs, built from it by :mod:`photofinish.analysis.models.building`."""

    form: str
    """`int8` (nearly the same results) or `depthwise_prelu` (the same except for rounding)."""
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """One model: its role, the wheel it comes from, and its built file."""

    role: str
    """`face_detection`, `face_embedding`, `text_detection`, `text_recognition`, or one of :data:`LABEL_ROLES`."""
    name: str
    version: str
    file: str
    """Name of the built file in the models folder."""
    sha256: str
    """Of the built file."""
    fold: bool
    """Whether building folds block-quantised weights into float32 (see :mod:`photofinish.analysis.models.folding`)."""
    package: str
    package_version: str
    source_file: str
    """Path in the installed package, relative to site-packages."""
    source_sha256: str
    licence: str
    """SPDX identifier, as the package states it."""
    origin: str
    input: str
    """Shape, dtype, colour order and value range, for readers of the catalogue."""
    cpu: CpuForm | None = None
    """Runs on CPUs instead of the model itself, if given."""
    portrait: CpuForm | None = None
    """Runs instead of `cpu` on portraits, if given."""
    architecture: str | None = None
    """Of a PyTorch file: the graph that its weights belong to; building makes it an ONNX file."""
    embedding_space: str | None = None
    calibration: Calibration | None = None
    """What similarities in the embedding space mean."""
    calibrated_on: CalibrationOrigin | None = None
    similarity: SimilarityScale | None = None
    """What cosines between texts and pictures mean in the embedding space."""

    @property
    def label(self) -> str:
        """Name and version, as in sidecars."""
        return f"{self.name}-{self.version}"

    def cpu_form(self, providers: Sequence[str]) -> CpuForm | None:
        """The form that these ONNX Runtime providers run on this machine; None if they run the model itself."""
        if self.cpu is None or tuple(providers) != (CPU_PROVIDER,):
            return None
        return self.cpu if self.cpu.form != INT8 or multiplies_int8_exactly() else None

    @property
    def forms(self) -> tuple[CpuForm, ...]:
        """Every form that is built from the model."""
        return tuple(form for form in (self.cpu, self.portrait) if form)

    def for_portraits(self) -> CatalogueModel:
        """Return the model as it runs on portraits on this machine."""
        if self.portrait is None or (self.portrait.form == INT8 and not multiplies_int8_exactly()):
            return self
        return replace(self, cpu=self.portrait)

    def label_on(self, providers: Sequence[str]) -> str:
        """`label`, and the form if its results may differ."""
        form = self.cpu_form(providers)
        return f"{self.label}-int8" if form and form.form == INT8 else self.label

    @property
    def min_similarity(self) -> float | None:
        """Cosine similarity from which two faces count as the same person; None if not calibrated."""
        return self.calibration.min_similarity if self.calibration else None


@functools.cache
def catalogue() -> tuple[CatalogueModel, ...]:
    """Return every model of the default pipeline, one per role."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(_model(entry) for entry in tomllib.loads(text)["model"])


def _model(entry: dict[str, Any]) -> CatalogueModel:
    calibration, origin = entry.pop("calibration", None), entry.pop("calibrated_on", None)
    similarity = entry.pop("similarity", None)
    cpu, portrait = (CpuForm(**entry.pop(key)) if key in entry else None for key in ("cpu", "portrait"))
    return CatalogueModel(
        **entry,
        cpu=cpu,
        portrait=portrait,
        calibration=Calibration(**calibration) if calibration else None,
        calibrated_on=CalibrationOrigin.of_table(origin) if origin else None,
        similarity=SimilarityScale(**similarity) if similarity else None,
    )


def model_for(role: str) -> CatalogueModel:
    """Return the catalogue's model for `role`; KeyError if it has none."""
    return {model.role: model for model in catalogue()}[role]


def built_file(model: CatalogueModel, models_dir: Path, providers: Sequence[str] = ()) -> Path:
    """Return the verified built file of `model` that `providers` run.

    Raises:
        Misconfigured: it is missing or another file; the message names the command that builds it.
    """
    built = model.cpu_form(providers) or model
    path = models_dir / built.file
    problem = file_problem(path, built.sha256)
    if problem:
        raise Misconfigured(
            f"Model {model.label} ({model.role}): {problem}. Run `photofinish models build` with this models folder."
        )
    return path


def file_problem(path: Path, sha256: str) -> str | None:
    """Why `path` is not the file with this hash, as half a sentence; None if it is."""
    if not path.is_file():
        return f"{path} does not exist"
    found = file_sha256(path)
    return None if found == sha256 else f"{path} is not the file of the catalogue (sha256 {found[:12]}…)"


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
