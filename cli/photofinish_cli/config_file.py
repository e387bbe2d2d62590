"""Settings from `photofinish.toml`: a profile for the local cloud, and one for each deployment on Google Cloud.

A profile is a table of settings, named as their environment variables are, without `PHOTOFINISH_` and in lower case:

    [local]
    cors_origins = ["https://photos.example.org"]
    search_rate = "50/200"

    [spring-10k]
    google_cloud_project = "spring-10k"
    api_url = "https://photos.example.org"
    api_key = "pf_…"
"""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from photofinish.errors import Misconfigured

FILE_NAME = "photofinish.toml"
LOCAL = "local"
_PREFIX = "PHOTOFINISH_"
# Servers of a local cloud: with a profile that names a deployment, those of the shell do not count.
_SERVER_VARIABLES = (
    "STORAGE_EMULATOR_HOST",
    "PUBSUB_EMULATOR_HOST",
    "FIRESTORE_EMULATOR_HOST",
    "RUN_EMULATOR_HOST",
)
_OTHER_VARIABLES = ("PHOTOFINISH_STATE_DIR", "GOOGLE_APPLICATION_CREDENTIALS", *_SERVER_VARIABLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One table of the file."""

    name: str
    file: Path
    variables: Mapping[str, str] = field(repr=False)
    """Environment variable → value; may contain secrets."""


def find_file(given: Path | None, *, folder: Path | None = None) -> Path | None:
    """The file that was given, else that of the working folder, else that of the user's configuration folder.

    Raises:
        Misconfigured: the file that was given does not exist.
    """
    if given is not None:
        if not given.is_file():
            raise Misconfigured(f"{given} does not exist: --config and PHOTOFINISH_CONFIG name a file of settings")
        return given
    places = ((folder or Path()) / FILE_NAME, user_config_path("photofinish") / FILE_NAME)
    return next((place for place in places if place.is_file()), None)


def read_profile(file: Path | None, name: str | None) -> Profile | None:
    """The profile `name` of `file`, without a name its profile `local`; None if that one is not there.

    Raises:
        Misconfigured: the profile that was named does not exist, or something in the file is wrong; says where.
    """
    if file is None:
        if name is None or name == LOCAL:
            return None
        usual = user_config_path("photofinish") / FILE_NAME
        raise Misconfigured(f"there is no profile {name!r}: neither ./{FILE_NAME} nor {usual} exists")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Misconfigured(f"{file} cannot be read: {error}") from None
    stray = [key for key, value in tables.items() if not isinstance(value, dict)]
    if stray:
        raise Misconfigured(f"{file}: {stray[0]} stands outside a profile: write it below [{LOCAL}]")
    if name is None and LOCAL not in tables:
        return None
    if (name or LOCAL) not in tables:
        raise Misconfigured(f"{file} has no profile {name!r}; it has {', '.join(tables) or 'none'}")
    return Profile(name=name or LOCAL, file=file, variables=_variables(file, name or LOCAL, tables[name or LOCAL]))


def apply(profile: Profile, environ: MutableMapping[str, str], *, was_named: bool) -> None:
    """Put the settings of `profile` into `environ`.

    A profile that was named wins over the shell's variables, so that no forgotten variable sends photos elsewhere;
    the usual one fills in what the shell does not set.
    """
    if was_named and profile.name != LOCAL:
        for variable in ("PHOTOFINISH_STATE_DIR", *_SERVER_VARIABLES):
            environ.pop(variable, None)
    for variable, value in profile.variables.items():
        if was_named:
            environ[variable] = value
        else:
            environ.setdefault(variable, value)


def _variables(file: Path, profile: str, table: Mapping[str, Any]) -> dict[str, str]:
    from photofinish_cli.local_settings import DECIDED

    known = _known_settings()
    variables = {}
    for key, value in table.items():
        where = f"{file}: [{profile}] {key}"
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise Misconfigured(f"{where} is no setting{f'; did you mean {close[0]}?' if close else ''}")
        setting = known[key]
        if profile == LOCAL and setting.variable in DECIDED:
            raise Misconfigured(f"{where} is decided by the local cloud itself: remove it")
        if setting.is_secret:
            _check_private(file, where)
        variables[setting.variable] = _text(file, where, setting, value)
    return variables


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    variable: str
    is_path: bool = False
    is_secret: bool = False


def _known_settings() -> dict[str, _Setting]:
    from photofinish.settings import all_settings

    known = {key_of(variable): _Setting(variable=variable) for variable in _OTHER_VARIABLES}
    known["state_dir"] = _Setting(variable="PHOTOFINISH_STATE_DIR", is_path=True)
    known["google_application_credentials"] = _Setting(variable="GOOGLE_APPLICATION_CREDENTIALS", is_path=True)
    for settings in all_settings():
        for name, variable in settings.variables().items():
            kind = str(settings.model_fields[name].annotation)
            known[key_of(variable)] = _Setting(variable=variable, is_path="Path" in kind, is_secret="Secret" in kind)
    return known


def key_of(variable: str) -> str:
    """How the file names the setting of an environment variable."""
    return variable.removeprefix(_PREFIX).lower()


def _text(file: Path, where: str, setting: _Setting, value: object) -> str:
    """A value of the file as the environment would have it; paths are relative to the file's folder."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str() if setting.is_path:
            return str((file.parent / Path(value).expanduser()).absolute())
        case str():
            return value
        case list() if all(isinstance(entry, str) for entry in value):
            return ",".join(value)
    raise Misconfigured(f"{where} must be a text, a number, true, false or a list of texts")


def _check_private(file: Path, where: str) -> None:
    mode = file.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Misconfigured(f"{where} is a secret, and others can read the file: chmod 600 {file}")
