"""`photofinish config`: the settings that apply here, and where each comes from."""

from __future__ import annotations

import os
from dataclasses import dataclass

import typer

from photofinish.settings import EnvironmentSettings, all_settings
from photofinish_cli import config_file
from photofinish_cli.deployment import Json
from photofinish_cli.local_settings import DECIDED, usual_settings
from photofinish_cli.output import print_json, print_tables, printable, reported_errors, table

_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    setting: str  # as photofinish.toml names it
    variable: str
    value: str | None  # None: not set, and there is no default
    source: str


def config(context: typer.Context, json: Json = False) -> None:
    """Show every setting, its value, and where that comes from: the environment, photofinish.toml, or the default.

    Secrets are not shown. What the local cloud decides itself has no value here; `photofinish env` prints it.

    Examples:

      photofinish config

      photofinish --profile spring-10k config --json
    """
    with reported_errors():
        rows = [_row(settings, name, context.obj) for settings in all_settings() for name in settings.variables()]
    if json:
        print_json({row.setting: {"variable": row.variable, "value": row.value, "source": row.source} for row in rows})
        return
    shown = table("setting", "value", "from")
    for row in sorted(set(rows), key=lambda row: row.setting):
        shown.add_row(row.setting, printable(row.value or ""), row.source)
    print_tables(shown)


def _row(settings: type[EnvironmentSettings], name: str, profile: config_file.Profile | None) -> _Row:
    variable = settings.variables()[name]
    field = settings.model_fields[name]
    is_local = "PHOTOFINISH_PHOTO_BUCKET" not in os.environ
    value: str | None = None
    if is_local and variable in DECIDED:
        source = "local cloud"
    elif variable in os.environ:
        value = _HIDDEN if "Secret" in str(field.annotation) else os.environ[variable]
        in_profile = profile is not None and profile.variables.get(variable) == os.environ[variable]
        source = f"{profile.file} [{profile.name}]" if profile and in_profile else f"environment: {variable}"
    elif is_local and variable in usual_settings():
        value, source = usual_settings()[variable], "local cloud"
    elif field.is_required():
        source = "local cloud" if is_local else "not set"
    else:
        default = field.get_default(call_default_factory=True)
        value = None if default is None else ",".join(default) if isinstance(default, tuple) else str(default)
        source = "default"
    return _Row(setting=config_file.key_of(variable), variable=variable, value=value, source=source)
