"""`photofinish stats`: the statistics of an album."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import Table, print_json, print_tables, printable, remark, reported_errors, table
from photofinish_cli.times import local_time

_BAR_CHARS = 24
_SHOWN = 20
_NUMBERS = ["photos", "done", "rejected", "failed", "faces", "bibs", "with bib", "p50 s", "p95 s"]


def stats(album: Album, json: Json = False, state: StateDir = None) -> None:
    """Count an album's photos, faces and numbers by hour, camera and folder, and how long photos took.

    Times are from upload to result, at most 10 % too high. `--json` prints all groups, as the API answers them.

    Example: photofinish stats spring-10k
    """
    with reported_errors():
        use_deployment(state)
        answer = api_client.in_album("GET", album, "/statistics")
    if json:
        print_json(answer)
        return
    print_tables(*statistics_tables(answer))
    if not answer["is_complete"]:
        remark("some results are not counted yet: repeat the command")


def statistics_tables(answer: dict[str, Any]) -> list[Table]:
    """The album as a whole, then its groups where there are any."""
    people = answer["photos_per_person"]
    headings = [*_NUMBERS, "people", "photos a person"]
    whole = table("album", *headings, right=headings)
    mean = "–" if people is None else f"{people['mean']:.1f}"
    whole.add_row(printable(answer["album"]), *_cells(answer), str(answer["people"]), mean)
    tables = [
        whole,
        _grouped("hour", answer["by_hour"], lambda group: local_time(group["hour"]), latest=True),
        _grouped("camera", answer["by_camera"], lambda group: printable(group["camera"] or "not named")),
        _grouped("folder", answer["by_folder"], lambda group: printable(group["folder"] or "outside folders")),
        _codes(answer["by_code"]),
    ]
    return [one for one in tables if one.row_count]


def _grouped(
    kind: str, groups: Sequence[dict[str, Any]], name: Callable[[dict[str, Any]], str], *, latest: bool = False
) -> Table:
    shown = groups[-_SHOWN:] if latest else groups[:_SHOWN]
    most = max((group["photos"] for group in shown), default=0)
    more = f"{len(shown)} of {len(groups)} (`--json` lists all)" if len(shown) < len(groups) else None
    found = table(kind, *_NUMBERS, "", right=_NUMBERS, title=more)
    for group in shown:
        found.add_row(name(group), *_cells(group), "█" * round(_BAR_CHARS * group["photos"] / most))
    return found


def _cells(group: dict[str, Any]) -> list[str]:
    counts = [str(group[name]) for name in ("photos", "done", "rejected", "failed", "faces", "bibs")]
    share, times = group["share_with_bib"], group["upload_to_result_s"]
    return [
        *counts,
        "–" if share is None else f"{share:.0%}",
        *("–" if times is None else f"{times[name]:.1f}" for name in ("p50", "p95")),
    ]


def _codes(groups: Sequence[dict[str, Any]]) -> Table:
    found = table("code", "rejected", "failed", right=["rejected", "failed"])
    for group in groups[:_SHOWN]:
        found.add_row(printable(group["code"]), str(group["rejected"]), str(group["failed"]))
    return found
