"""`photofinish keys`: API keys."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from photofinish.application.api_keys import make_key
from photofinish.domain.access import (
    MAX_LABEL_CHARS,
    ApiKey,
    AwsCredentials,
    KeyState,
    PresentedKey,
    RateLimit,
    Scope,
    is_label,
)
from photofinish.domain.photo import album_name, is_album_name
from photofinish.errors import NotFound, RejectedInput
from photofinish.ports import AccessStore
from photofinish.settings import AwsKeySettings
from photofinish.wiring import access_store
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import (
    ExitCode,
    console,
    print_error,
    print_json,
    print_tables,
    printable,
    remark,
    reported_errors,
    say,
    table,
)
from photofinish_cli.times import parse_duration

NEVER = "never"
_HASH = re.compile(r"([a-z2-7]{16}):([0-9a-f]{64})")
_KEY_ID = re.compile(r"[a-z2-7]{16}")

app = typer.Typer(
    name="keys",
    help="Create, list and revoke API keys. There is no access without one.",
    no_args_is_help=True,
)


@dataclass(frozen=True, slots=True)
class _Expiry:
    after: timedelta | None


def _expiry(text: str) -> _Expiry:
    try:
        return _Expiry(None if text == NEVER else parse_duration(text))
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or {NEVER}") from None


def _rate(text: str) -> RateLimit:
    try:
        return RateLimit.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _album(text: str) -> str:
    if text == "*":
        raise typer.BadParameter("* would be an album of that name: give --all-albums for all of them")
    if not is_album_name(album := album_name(text)):
        raise typer.BadParameter(f"{text!r} is not a valid album name")
    return album


def _label(text: str) -> str:
    if not is_label(text):
        raise typer.BadParameter(f"write 1 to {MAX_LABEL_CHARS} printable characters")
    return text.strip()


def _hash(text: str) -> tuple[str, bytes]:
    found = _HASH.fullmatch(text)
    if found is None:
        raise typer.BadParameter("write KEY_ID:SHA256, as `photofinish keys generate` prints it")
    return found[1], bytes.fromhex(found[2])


_Aws = Annotated[
    bool, typer.Option("--aws", help="Also the key's credentials for AWS SDKs (needs PHOTOFINISH_AWS_KEY_SECRET).")
]


@app.command("create")
def create_key(
    label: Annotated[str, typer.Option("--label", "-l", help="Owner and purpose of the key.", parser=_label)],
    album: Annotated[
        list[str] | None,
        typer.Option("--album", "-a", help="Album that the key may access; repeat it for several.", parser=_album),
    ] = None,
    all_albums: Annotated[bool, typer.Option("--all-albums", help="All albums, including future ones.")] = False,
    scope: Annotated[Scope, typer.Option(help="Permissions; write includes search, admin includes both.")] = (
        Scope.SEARCH
    ),
    vectors: Annotated[
        bool,
        typer.Option("--vectors", help="Also embeddings as numbers, in requests and answers. No scope includes this."),
    ] = False,
    expires: Annotated[
        Any, typer.Option(help=f"Lifetime: 12h, 30d, 52w or {NEVER}.", parser=_expiry, metavar="TIME")
    ] = "365d",
    rate: Annotated[
        Any,
        typer.Option(
            help="Sustained requests per second/burst.",
            parser=_rate,
            metavar="N/M",
            show_default="the deployment's rate for the scope",
        ),
    ] = None,
    hash_: Annotated[
        Any,
        typer.Option(
            "--hash", help="Register the key that `keys generate` made elsewhere.", parser=_hash, metavar="ID:SHA256"
        ),
    ] = None,
    aws: _Aws = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Create a key and show it once; only its hash is stored.

    Examples:

      photofinish keys create --label "Spring 10k app" --album spring-10k --expires 90d

      photofinish keys create --label importer --album spring-10k --scope write --aws

      photofinish keys create --label backend --all-albums --scope admin --rate 100/500 --json | jq -r .key

      photofinish keys create --label "matching service" --album spring-10k --vectors --expires 30d
    """
    if bool(album) == all_albums:
        print_error("give either --album or --all-albums")
        raise typer.Exit(ExitCode.USAGE)
    with reported_errors():
        now = datetime.now(UTC)
        store = _store(state)
        secret = _aws_secret() if aws else None  # before a key is made: without it there are no credentials
        presented: PresentedKey | None = None
        wanted: dict[str, Any] = {
            "label": label,
            "scope": scope,
            "albums": None if all_albums else frozenset(album or ()),
            "rate": rate,
            "expires_at": None if expires.after is None else now + expires.after,
            "may_use_vectors": vectors,
        }
        if hash_ is None:
            key, presented = make_key(store, now=now, **wanted)
        else:
            key_id, sha256 = hash_
            key = ApiKey(key_id=key_id, secret_sha256=sha256, created_at=now, **wanted)
            if not store.add_key(key) and not _is_there(store, key):
                raise RejectedInput("key_id_taken", f"the key id {key_id} is taken: generate another key")
        credentials = None if secret is None else AwsCredentials.of(key.key_id, secret)
    if json:
        print_json(_as_json(key, now) | _secrets_json(presented, credentials))
        return
    _show_secrets(presented, credentials)
    albums = "all albums" if key.albums is None else ", ".join(sorted(key.albums))
    until = "no expiry" if key.expires_at is None else f"until {key.expires_at:%Y-%m-%d %H:%M} UTC"
    rights = _rights(key)
    remark(f"{printable(label)}: {rights} in {printable(albums)}, {until}; id {key.key_id}", style="dim")


@app.command("generate")
def generate_key(aws: _Aws = False, json: Json = False, state: StateDir = None) -> None:
    """Generate a key to be registered elsewhere by its hash, so that the secret never leaves this machine.

    Example: photofinish keys generate, and where the database can be reached
    photofinish keys create --label backend --all-albums --hash ID:SHA256
    """
    with reported_errors():
        if aws and "PHOTOFINISH_AWS_KEY_SECRET" not in os.environ:
            use_deployment(state)
        presented = PresentedKey.generate()
        credentials = AwsCredentials.of(presented.key_id, _aws_secret()) if aws else None
    hashed = f"{presented.key_id}:{presented.secret_sha256.hex()}"
    if json:
        print_json({"key_id": presented.key_id, "hash": hashed} | _secrets_json(presented, credentials))
        return
    _show_secrets(presented, credentials)
    console().print(f"--hash {hashed}", soft_wrap=True)


@app.command("list")
def list_keys(json: Json = False, state: StateDir = None) -> None:
    """List the keys with label, scope, expiry and last use (to the hour). Secrets are not stored.

    Examples:

      photofinish keys list

      photofinish keys list --json | jq -r '.[] | select(.state == "valid").label'
    """
    with reported_errors():
        keys = _store(state).list_keys()
    now = datetime.now(UTC)
    if json:
        print_json([_as_json(key, now) for key in keys])
        return
    rows = table("id", "label", "scope", "albums", "rate", "used", "state", whole=["id", "state"])
    for key in keys:
        rows.add_row(
            key.key_id,
            printable(key.label),
            _rights(key),
            "all" if key.albums is None else printable(", ".join(sorted(key.albums))),
            "" if key.rate is None else str(key.rate),
            _ago(key.last_used_at, now),
            _state_and_date(key, now),
            style=None if key.is_valid(now) else "dim",
        )
    print_tables(rows, empty="no keys yet: create one with `photofinish keys create`")


@app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.", metavar="KEY_ID")],
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Revoke a key and its AWS credentials for good. Within 5 seconds no instance accepts it.

    Example: photofinish keys revoke s2dyelaxvljdzcrm
    """
    presented = PresentedKey.parse(key.strip())  # a pasted whole key is accepted, too
    key_id = key.strip() if presented is None else presented.key_id
    with reported_errors():
        if not _KEY_ID.fullmatch(key_id) or not _store(state).revoke_key(key_id):
            raise NotFound(f"no key {printable(key_id)[:40]!r}; `photofinish keys list` lists them")
    if json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        say(f"{key_id} is revoked")


def _store(state: Any) -> AccessStore:
    use_deployment(state)
    return access_store()


def _is_there(store: AccessStore, key: ApiKey) -> bool:
    """Whether this very key is registered already, so that registering it again changes nothing."""
    stored = store.find_key(key.key_id)
    return stored is not None and stored.secret_sha256 == key.secret_sha256


def _aws_secret() -> bytes:
    return AwsKeySettings.from_env().aws_key_secret.current


def _show_secrets(presented: PresentedKey | None, credentials: AwsCredentials | None) -> None:
    screen = console()
    if presented is not None:
        screen.print(presented.text, soft_wrap=True)
    if credentials is not None:
        screen.print(f"AWS_ACCESS_KEY_ID={credentials.access_key_id}", soft_wrap=True)
        screen.print(f"AWS_SECRET_ACCESS_KEY={credentials.secret_access_key}", soft_wrap=True)
    if presented is not None or credentials is not None:
        console(stderr=True).print("Save it now: it is not shown again.", style="yellow")


def _secrets_json(presented: PresentedKey | None, credentials: AwsCredentials | None) -> dict[str, Any]:
    shown: dict[str, Any] = {} if presented is None else {"key": presented.text}
    if credentials is not None:
        shown["aws"] = {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
        }
    return shown


def _as_json(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "label": key.label,
        "scope": key.scope.value,
        "vectors": key.may_use_vectors,
        "albums": None if key.albums is None else sorted(key.albums),
        "rate": None if key.rate is None else str(key.rate),
        "created_at": _iso(key.created_at),
        "expires_at": _iso(key.expires_at),
        "revoked_at": _iso(key.revoked_at),
        "last_used_at": _iso(key.last_used_at),
        "state": key.state(now).value,
    }


def _rights(key: ApiKey) -> str:
    return f"{key.scope.value}, vectors" if key.may_use_vectors else key.scope.value


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _state_and_date(key: ApiKey, now: datetime) -> str:
    state = key.state(now)
    since = key.revoked_at if state is KeyState.REVOKED else key.expires_at
    if since is None:
        return state.value
    return f"{'until' if state is KeyState.VALID else state.value} {since.astimezone(UTC):%Y-%m-%d}"


def _ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, as coarse as it is recorded."""
    if moment is None:
        return NEVER
    hours = int((now - moment) / timedelta(hours=1))
    if hours < 1:
        return "just now"
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} d ago"
