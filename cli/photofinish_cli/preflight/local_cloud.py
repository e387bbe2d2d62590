"""The same questions to the local cloud: whether its parts run, its buckets are there, and its database will do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from requests import RequestException

from photofinish_cli.preflight.findings import Finding, missing, ready, unknown
from photofinish_cli.preflight.runtime import check_database
from photofinish_emulators import stack
from photofinish_emulators.stack import PieceStatus

_TIMEOUT_S = 5.0
_WELL = {"ready", "done", "external"}
_BUCKETS = ("PHOTOFINISH_PHOTO_BUCKET", "PHOTOFINISH_DERIVED_BUCKET", "PHOTOFINISH_ENROLMENT_BUCKET")


def check_local_cloud(state_dir: Path, environ: Mapping[str, str]) -> list[Finding]:
    """What is missing in the local cloud that `environ` names and that runs on `state_dir`."""
    project = environ["GOOGLE_CLOUD_PROJECT"]
    found = [decide_pieces(stack.pieces(state_dir))]
    found += [_check_bucket(environ, variable) for variable in _BUCKETS if variable in environ]
    return [*found, check_database(environ, project)]


def decide_pieces(pieces: Mapping[str, PieceStatus]) -> Finding:
    """Whether all servers and functions run."""
    down = [f"{name} ({piece.state})" for name, piece in sorted(pieces.items()) if piece.state not in _WELL]
    if down:
        return missing(
            "servers and functions", f"not running: {', '.join(down)}", "photofinish logs --severity warning"
        )
    return ready("servers and functions", f"all {len(pieces)} run")


def _check_bucket(environ: Mapping[str, str], variable: str) -> Finding:
    name = environ[variable]
    client = Client(
        environ["GOOGLE_CLOUD_PROJECT"],
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": environ["STORAGE_EMULATOR_HOST"]},
    )
    try:
        bucket = client.lookup_bucket(name, timeout=_TIMEOUT_S, retry=None)
    except (GoogleAPICallError, RequestException) as error:
        return unknown(f"bucket {name}", f"the storage server did not answer: {error}", "photofinish up --detach")
    if bucket is None:
        return missing(f"bucket {name}", "does not exist", "photofinish down && photofinish up --detach")
    return ready(f"bucket {name}", "exists")
