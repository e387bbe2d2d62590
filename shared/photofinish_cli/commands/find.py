"""`photofinish find`: a runner's photos by bib number or selfie, through the search functions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import requests
import typer

from photofinish.errors import NotFound, PhotofinishError, RejectedInput, Unavailable
from photofinish.settings import SearchClientSettings
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import ExitCode, console, print_error, print_json, printable, reported_errors, table

_TIMEOUT_S = 60.0


def find(
    album: Annotated[str, typer.Argument(help="Album to search.")],
    bib: Annotated[str | None, typer.Option("--bib", help="Bib number.")] = None,
    selfie: Annotated[
        list[Path] | None,
        typer.Option("--selfie", help="Picture of the person; up to 5.", exists=True, dir_okay=False),
    ] = None,
    limit: Annotated[int, typer.Option(help="Photos at most.", min=1, max=1000)] = 20,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Find somebody's photos, best first.

    Examples:

      photofinish find spring-10k --bib 1234

      photofinish find spring-10k --selfie me.jpg --selfie me-with-glasses.jpg --limit 50
    """
    if (bib is None) == (not selfie):
        print_error("give either --bib or --selfie")
        raise typer.Exit(ExitCode.USAGE)
    with reported_errors():
        use_deployment(state)
        answer = by_bib(album, bib, limit) if bib is not None else by_selfie(album, selfie or [], limit)
        if json:
            print_json(answer)
        else:
            console().print(matches_table(answer) if answer["matches"] else "nobody found")
    if not answer["matches"]:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def by_bib(album: str, number: str, limit: int) -> dict[str, Any]:
    """Ask the function `find_by_bib` of the deployment in the environment."""
    settings = SearchClientSettings.from_env()
    return _ask(
        settings, "GET", settings.find_by_bib_url, params={"album": album, "number": number, "limit": str(limit)}
    )


def by_selfie(album: str, selfies: list[Path], limit: int) -> dict[str, Any]:
    """Ask the function `find_by_selfie` of the deployment in the environment."""
    settings = SearchClientSettings.from_env()
    files = [("selfie", (path.name, path.read_bytes())) for path in selfies]
    return _ask(
        settings, "POST", settings.find_by_selfie_url, params={"album": album, "limit": str(limit)}, files=files
    )


def matches_table(answer: dict[str, Any]) -> Any:
    """The photos of an answer, best first."""
    by_face = bool(answer["matches"]) and "similarity" in answer["matches"][0]
    score = "similarity" if by_face else "OCR score"
    shown = table("photo", score, right=[score])
    for match in answer["matches"]:
        shown.add_row(printable(match["photo"]["name"]), f"{match['similarity' if by_face else 'ocr_score']:.3f}")
    return shown


def _ask(settings: SearchClientSettings, method: str, url: str, **request: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}
    try:
        answer = requests.request(method, url, headers=headers, timeout=_TIMEOUT_S, **request)
        body = answer.json()
    except (requests.exceptions.RequestException, ValueError) as error:
        raise Unavailable(f"the search at {url} did not answer: {type(error).__name__}: {error}") from None
    if answer.ok:
        found: dict[str, Any] = body
        return found
    raise _error(answer.status_code, body.get("error", {}))


def _error(status: int, error: dict[str, Any]) -> PhotofinishError:
    message = str(error.get("message", f"HTTP {status}"))
    if status >= 500:
        return Unavailable(message)
    return NotFound(message) if status == 404 else RejectedInput(str(error.get("code", status)), message)
