"""`photofinish status`: progress of an album."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from photofinish.domain.photo import PhotoStatus
from photofinish.errors import NotFound
from photofinish.wiring import App
from photofinish_cli.album_status import AlbumStatus, RunningTask, summarise
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import console, print_json, printable, reported_errors, table

_LATEST = 1000
_SHOWN_PROBLEMS = 10
_WATCH_EVERY_S = 1.0


def status(
    album: Annotated[str, typer.Argument(help="Album, the first part of the photos' names.")],
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until every photo has its result.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show photos per status, rate, time from upload to result, stages of running tasks, and stuck photos with reasons.

    Example: photofinish status spring-10k --watch
    """
    with reported_errors():
        cloud = connect(state)
        seen = _look(cloud, album)
        if json:
            print_json(as_json(seen))
            return
        screen = console()
        if not watch:
            screen.print(_shown(seen))
            return
        with Live(_shown(seen), console=screen) as live:
            while _outstanding(seen):
                time.sleep(_WATCH_EVERY_S)
                seen = _look(cloud, album)
                live.update(_shown(seen))


def _look(cloud: App, album: str) -> AlbumStatus:
    documents = cloud.documents
    counts = documents.counts(album)
    if not counts:
        raise NotFound(f"no photos in album {album!r}; send some with `photofinish drop`")
    wrong = [
        record
        for status in (PhotoStatus.FAILED, PhotoStatus.REJECTED)
        if status in counts
        for record in islice(documents.list_photos(album, status=status), _SHOWN_PROBLEMS)
    ]
    return summarise(
        album,
        counts,
        documents.latest_final(album, limit=_LATEST),
        documents.longest_outstanding(album, limit=_SHOWN_PROBLEMS),
        wrong,
        datetime.now(UTC),
        cloud.leases.reports(),
    )


def as_json(seen: AlbumStatus) -> dict[str, Any]:
    """`seen` for scripts."""
    return {
        "album": seen.album,
        "counts": {status.value: count for status, count in seen.counts.items()},
        "photos_per_s": seen.photos_per_s,
        "latency_s": {"p50": seen.latency_p50_s, "p95": seen.latency_p95_s},
        "problems": [dict(problem) for problem in seen.problems],
        "tasks": [
            {"place": task.place, "reported_s_ago": round(task.reported_s_ago, 1), "stages": list(task.stages)}
            for task in seen.tasks
        ],
    }


def _shown_task(task: RunningTask) -> list[Any]:
    stages = table(
        "stage", "photos", "photos/s", "ms a photo", "waiting", right=["photos", "photos/s", "ms a photo", "waiting"]
    )
    for stage in task.stages:
        waiting = "" if stage["waiting"] is None else str(stage["waiting"])
        stages.add_row(
            printable(stage["stage"]),
            str(stage["photos"]),
            f"{stage['photos_per_s']:.1f}",
            f"{stage['ms_per_photo']:.0f}",
            waiting,
        )
    return [Text(f"task {printable(task.place)}, {task.reported_s_ago:.0f} s ago", style="bold"), stages]


def _outstanding(seen: AlbumStatus) -> int:
    return seen.counts.get(PhotoStatus.QUEUED, 0) + seen.counts.get(PhotoStatus.PROCESSING, 0)


def _shown(seen: AlbumStatus) -> Group:
    counted = table(*(status.value for status in PhotoStatus), right=[status.value for status in PhotoStatus])
    counted.add_row(*(str(seen.counts.get(status, 0)) for status in PhotoStatus))
    speed = "–" if seen.photos_per_s is None else f"{seen.photos_per_s:.1f} photos/s"
    latency = (
        "–"
        if seen.latency_p50_s is None or seen.latency_p95_s is None
        else f"p50 {seen.latency_p50_s:.1f} s, p95 {seen.latency_p95_s:.1f} s"
    )
    parts: list[Any] = [
        Text(printable(seen.album), style="bold"),
        counted,
        Text(f"rate {speed}   upload to result {latency}"),
    ]
    parts += [part for task in seen.tasks for part in _shown_task(task)]
    if seen.problems:
        problems = table("photo", "status", "code", "why")
        for problem in seen.problems[:_SHOWN_PROBLEMS]:
            problems.add_row(*(printable(str(problem[key])) for key in ("name", "status", "code", "why")))
        parts.append(problems)
    return Group(*parts)
