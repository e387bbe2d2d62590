"""Asks the API of the deployment in the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from photofinish.domain.receipt import receipt_document
from photofinish.errors import Conflict, NotFound, PhotofinishError, RejectedInput, Unavailable

if TYPE_CHECKING:
    from requests import Response

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


def albums(*, timeout_s: float = _TIMEOUT_S, **query: Any) -> dict[str, Any]:
    """What `GET /v1/albums` answers. Raises what :func:`search` does."""
    return _ask("GET", "/v1/albums", timeout_s=timeout_s, params=query)


def album(name: str) -> dict[str, Any]:
    """What `GET /v1/albums/{album}` answers. Raises what :func:`search` does."""
    return _ask("GET", f"/v1/albums/{quote(name, safe='')}")


def bib_rules(album: str) -> dict[str, Any]:
    """What `GET /v1/albums/{album}/bib-rules` answers; raises what :func:`search` does."""
    return _ask("GET", f"/v1/albums/{quote(album, safe='')}/bib-rules")


def set_bib_rules(album: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Set all rules of an album: what is left out is as usual. Raises what :func:`search` does."""
    return _ask("PUT", f"/v1/albums/{quote(album, safe='')}/bib-rules", json=rules)


def receipt(erasure_id: str) -> bytes:
    """The document that `GET /v1/erasures/{erasure_id}/receipt` answers; raises what :func:`search` does."""
    return receipt_document(_ask("GET", f"/v1/erasures/{quote(erasure_id, safe='')}/receipt"))


def receipt_keys() -> list[dict[str, Any]]:
    """The keys that `GET /v1/receipt-keys` answers; raises what :func:`search` does."""
    found: list[dict[str, Any]] = _ask("GET", "/v1/receipt-keys")["keys"]
    return found


def retention() -> list[dict[str, Any]]:
    """The albums that `GET /v1/retention` answers; raises what :func:`search` does."""
    found: list[dict[str, Any]] = _ask("GET", "/v1/retention")["albums"]
    return found


def in_album(method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
    """What the route ``/v1/albums/{album}{path}`` answers; {} where it has nothing to say.

    `request` is as `requests` takes it, and an `idempotency_key`. Raises what :func:`search` does, and Conflict.
    """
    return _ask(method, f"/v1/albums/{quote(album, safe='')}{path}", **request)


def of_all_albums(method: str, path: str, **request: Any) -> dict[str, Any]:
    """What the route ``/v1{path}`` answers, as :func:`in_album`."""
    return _ask(method, f"/v1{path}", **request)


def file_in_album(album: str, path: str) -> bytes:
    """The file that the route ``/v1/albums/{album}{path}`` answers. Raises what :func:`search` does."""
    return _send("GET", f"/v1/albums/{quote(album, safe='')}{path}").content


def _ask(method: str, path: str, *, timeout_s: float = _TIMEOUT_S, **request: Any) -> dict[str, Any]:
    answer = _send(method, path, timeout_s=timeout_s, **request)
    found: dict[str, Any] = _json(answer)
    return found


def _send(
    method: str, path: str, *, timeout_s: float = _TIMEOUT_S, idempotency_key: str | None = None, **request: Any
) -> Response:
    # Imported here: help and completion of the commands that ask need neither.
    import requests

    from photofinish.settings import ApiClientSettings

    settings = ApiClientSettings.from_env()
    url = settings.api_url.rstrip("/") + path
    headers = {"X-Api-Key": settings.api_key.get_secret_value()}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    try:
        answer = requests.request(method, url, headers=headers, timeout=timeout_s, **request)
    except requests.exceptions.ConnectionError as error:
        raise Unavailable(f"the API at {url} cannot be reached: is it running, and is the address right?") from error
    except requests.exceptions.RequestException as error:
        raise Unavailable(f"the API at {url} did not answer: {type(error).__name__}: {error}") from None
    if answer.ok:
        return answer
    raise _error(answer.status_code, _json(answer).get("error", {}))


def _json(answer: Response) -> Any:
    try:
        return answer.json() if answer.content else {}
    except ValueError as error:
        raise Unavailable(f"the API at {answer.url} did not answer: {type(error).__name__}: {error}") from None


def _error(status: int, error: dict[str, Any]) -> PhotofinishError:
    message = str(error.get("message", f"HTTP {status}"))
    if status >= 500 or status == 429 or error.get("code") == "request_in_progress":
        return Unavailable(message)
    if error.get("code") == "unknown_album":
        message += " `photofinish albums` lists those that there are."
    if status == 404:
        return NotFound(message)
    kind = Conflict if status == 409 else RejectedInput
    return kind(str(error.get("code", status)), message)
