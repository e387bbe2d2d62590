"""Asks the API of the deployment in the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from photofinish.errors import NotFound, PhotofinishError, RejectedInput, Unavailable
from photofinish.settings import ApiClientSettings

_TIMEOUT_S = 60.0


def search(album: str, criteria: Mapping[str, Any], selfies: Sequence[Path] = ()) -> dict[str, Any]:
    """What `POST /v1/albums/{album}/search` answers; docs/api.md lists the `criteria`.

    Raises:
        NotFound: there is no such album, or the key may not know of it.
        RejectedInput: something of what is asked cannot be used, a picture without a face for instance.
        Unavailable: the API does not answer, or not now.
    """
    path = f"/v1/albums/{quote(album, safe='')}/search"
    if not selfies:
        return _ask("POST", path, json=criteria)
    files: list[tuple[str, Any]] = [("selfie", (selfie.name, selfie.read_bytes())) for selfie in selfies]
    files.append(("query", (None, json.dumps(criteria), "application/json")))
    return _ask("POST", path, files=files)


def bib_rules(album: str) -> dict[str, Any]:
    """What `GET /v1/albums/{album}/bib-rules` answers; raises what :func:`search` does."""
    return _ask("GET", f"/v1/albums/{quote(album, safe='')}/bib-rules")


def set_bib_rules(album: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Set all rules of an album: what is left out is as usual. Raises what :func:`search` does."""
    return _ask("PUT", f"/v1/albums/{quote(album, safe='')}/bib-rules", json=rules)


def in_album(method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
    """What the route ``/v1/albums/{album}{path}`` answers; {} where it has nothing to say.

    `request` is as `requests` takes it. Raises what :func:`search` does.
    """
    return _ask(method, f"/v1/albums/{quote(album, safe='')}{path}", **request)


def _ask(method: str, path: str, **request: Any) -> dict[str, Any]:
    settings = ApiClientSettings.from_env()
    url = settings.api_url.rstrip("/") + path
    headers = {"X-Api-Key": settings.api_key.get_secret_value()}
    try:
        answer = requests.request(method, url, headers=headers, timeout=_TIMEOUT_S, **request)
        body = answer.json() if answer.content else {}
    except (requests.exceptions.RequestException, ValueError) as error:
        raise Unavailable(f"the API at {url} did not answer: {type(error).__name__}: {error}") from None
    if answer.ok:
        found: dict[str, Any] = body
        return found
    raise _error(answer.status_code, body.get("error", {}))


def _error(status: int, error: dict[str, Any]) -> PhotofinishError:
    message = str(error.get("message", f"HTTP {status}"))
    if status >= 500 or status == 429:
        return Unavailable(message)
    return NotFound(message) if status == 404 else RejectedInput(str(error.get("code", status)), message)
