"""`photofinish status`: progress of an album."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from typing import Annotated, Any

import typer

from photofinish.domain.album_policy import Indexing, Redact
from photofinish.domain.gpu_quota import GpuRefusal
from photofinish.domain.photo import PhotoStatus, album_name
from photofinish.domain.retention import day_after
from photofinish.domain.running_tasks import RunningTask
from photofinish.errors import NotFound, PhotofinishError
from photofinish.wiring import App
from photofinish_cli import api_client
from photofinish_cli.album_status import AlbumStatus, summarise
from photofinish_cli.arguments import Album
from photofinish_cli.commands.cost import usd_text
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import (
    Table,
    console,
    counted,
    print_json,
    print_tables,
    printable,
    remark,
    reported_errors,
    table,
)
from photofinish_cli.progress import line_every
from photofinish_cli.times import days_ahead, local_time

_LATEST = 1000
_SHOWN_PROBLEMS = 10
_WATCH_EVERY_S = 1.0


def status(
    album: Album,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until every photo has its result.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show photos per status, rate, time from upload to result, stages of running tasks, and stuck photos with reasons.

    Also when the album will be erased and what its policy restricts, if it has one, and what it cost so far.

    Example: photofinish status spring-10k --watch
    """
    with reported_errors(on_interrupt="The analysis goes on; the same command watches it again."):
        cloud = connect(state)
        album = album_name(album)
        seen = _look(cloud, album, _asked(album, "policy"))
        if watch and not json:
            seen = _watched(cloud, seen)
        seen = replace(seen, cost=_asked(album, "cost"))
        if json:
            print_json(as_json(seen))
            return
        print_tables(*status_tables(seen))


def _watched(cloud: App, seen: AlbumStatus) -> AlbumStatus:
    """The album's status once every photo has its result; shown on the way there."""
    screen = console()
    if not screen.is_terminal:
        with line_every(lambda: _line(seen)):
            while _outstanding(seen):
                time.sleep(_WATCH_EVERY_S)
                seen = _look(cloud, seen.album, seen.policy)
        return seen
    # Imported here: it takes a moment, and few runs of the command show something that moves.
    from rich.console import Group
    from rich.live import Live

    with Live(Group(*status_tables(seen)), console=screen, transient=True) as live:
        while _outstanding(seen):
            time.sleep(_WATCH_EVERY_S)
            seen = _look(cloud, seen.album, seen.policy)
            live.update(Group(*status_tables(seen)))
    return seen


def _asked(album: str, what: str) -> Mapping[str, Any] | None:
    """The album's policy or cost. Progress is shown without, too: it is in Firestore, which needs no API."""
    try:
        return api_client.in_album("GET", album, f"/{what}")
    except PhotofinishError as error:
        remark(f"the album's {what} is not shown: {error}")
        return None


def _look(cloud: App, album: str, policy: Mapping[str, Any] | None) -> AlbumStatus:
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
        cloud.gpu_states.read().refusal,
        policy,
    )


def as_json(seen: AlbumStatus) -> dict[str, Any]:
    """`seen` for scripts."""
    return {
        "album": seen.album,
        "counts": {status.value: count for status, count in seen.counts.items()},
        "photos_per_s": seen.photos_per_s,
        "latency_s": {"p50": seen.latency_p50_s, "p95": seen.latency_p95_s},
        "problems": [dict(problem) for problem in seen.problems],
        "warnings": [dict(warning) for warning in seen.warnings],
        "gpu_refused": None
        if seen.gpu_refusal is None
        else {
            "reason": seen.gpu_refusal.reason,
            "since": seen.gpu_refusal.since.isoformat(),
            "retry_at": seen.gpu_refusal.retry_at.isoformat(),
        },
        "policy": None if seen.policy is None else dict(seen.policy),
        "cost": None if seen.cost is None else dict(seen.cost),
        "tasks": [
            {"place": task.place, "reported_s_ago": round(task.reported_s_ago, 1), "stages": list(task.stages)}
            for task in seen.tasks
        ],
    }


def _outstanding(seen: AlbumStatus) -> int:
    return seen.counts.get(PhotoStatus.QUEUED, 0) + seen.counts.get(PhotoStatus.PROCESSING, 0)


def status_tables(seen: AlbumStatus) -> list[Table]:
    """Photos per status with rate and latency, the stages of running tasks, and what is wrong, where there is any."""
    statuses = [status.value for status in PhotoStatus]
    counts = table("album", *statuses, right=statuses)
    counts.add_row(printable(seen.album), *(str(seen.counts.get(status, 0)) for status in PhotoStatus))
    tables = [counts]
    speeds = (seen.photos_per_s, seen.latency_p50_s, seen.latency_p95_s)
    if any(value is not None for value in speeds):
        headings = ["photos/s", "upload to result p50 s", "p95 s"]
        speed = table(*headings, right=headings)
        speed.add_row(*("–" if value is None else f"{value:.1f}" for value in speeds))
        tables.append(speed)
    if seen.policy is not None and (kept := _policy_in_words(seen.policy)):
        policy = table("policy")
        policy.add_row(printable(kept))
        tables.append(policy)
    if seen.cost is not None:
        tables.append(_cost_table(seen.cost))
    if seen.gpu_refusal is not None:
        tables.append(_refusal_table(seen.gpu_refusal))
    if seen.tasks:
        tables.append(_stage_table(seen.tasks))
    if seen.problems:
        problems = table("photo", "status", "code", "why")
        for problem in seen.problems[:_SHOWN_PROBLEMS]:
            problems.add_row(*(printable(str(problem[key])) for key in ("name", "status", "code", "why")))
        tables.append(problems)
    if seen.warnings:
        title = f"{counted(len(seen.warnings), 'warning')} (`--json` lists all)"
        warnings = table("photo", "warning", "why", title=title if len(seen.warnings) > _SHOWN_PROBLEMS else None)
        for warning in seen.warnings[:_SHOWN_PROBLEMS]:
            warnings.add_row(*(printable(str(warning[key])) for key in ("name", "code", "why")))
        tables.append(warnings)
    return tables


def _policy_in_words(policy: Mapping[str, Any]) -> str:
    """The album's end and what else differs from an album without a policy; empty for one without."""
    words = []
    if policy["ends_on"] is not None:
        erased_on = day_after(date.fromisoformat(policy["ends_on"]))
        ahead = days_ahead((erased_on - datetime.now(UTC).date()).days)
        words.append(f"ends on {policy['ends_on']}, erased on {erased_on} (UTC), {ahead}")
    if policy["indexing"] != Indexing.EVERYONE:
        words.append(f"indexing {policy['indexing']}")
    if policy["redact"] != Redact.NONE:
        words.append(f"redact {policy['redact']} ({policy['redaction_style']})")
    if not policy["keep_originals"]:
        words.append("keeps only results")
    return "; ".join(words)


def _cost_table(cost: Mapping[str, Any]) -> Table:
    so_far = "USD so far" if cost["is_billed"] else "USD so far, had it run on Google Cloud"
    budget = cost["budget"]
    headings = [so_far, "per 1,000 photos", "for waiting photos", "a month to keep"]
    costs = table(*headings, *(["budget"] if budget else []), right=headings)
    amounts = (cost["usd"], cost["usd_per_1000_photos"], cost["usd_queued"], cost["usd_month"])
    words = [] if budget is None else [f"{budget['spent']:.0%} of {usd_text(budget['usd'])} USD spent"]
    if budget is not None and budget["is_halted"]:
        words = [f"{words[0]}: no photo is analysed until it is raised"]
    costs.add_row(*("–" if usd is None else f"{usd:,.4f}" for usd in amounts), *words)
    return costs


def _refusal_table(refusal: GpuRefusal) -> Table:
    refused = table("analysed without GPU since", "GPUs tried again from", "why")
    times = (local_time(moment.isoformat()) for moment in (refusal.since, refusal.retry_at))
    refused.add_row(*times, printable(refusal.reason))
    return refused


def _stage_table(tasks: Sequence[RunningTask]) -> Table:
    numbers = ["photos", "photos/s", "ms a photo", "waiting"]
    stages = table(
        "task",
        "s ago",
        "stage",
        *numbers,
        right=["s ago", *numbers],
        grouped=["task", "s ago"],
        whole=["task"],
        title="tasks at work, on all albums",
    )
    for task in tasks:
        for stage in task.stages:
            stages.add_row(
                printable(task.place),
                f"{task.reported_s_ago:.0f}",
                printable(stage["stage"]),
                str(stage["photos"]),
                f"{stage['photos_per_s']:.1f}",
                f"{stage['ms_per_photo']:.0f}",
                "" if stage["waiting"] is None else str(stage["waiting"]),
            )
    return stages


def _line(seen: AlbumStatus) -> str:
    """The state in one line, for logs."""
    total, waiting = sum(seen.counts.values()), _outstanding(seen)
    wrong = [
        f"{seen.counts[status]} {status.value}"
        for status in (PhotoStatus.REJECTED, PhotoStatus.FAILED)
        if seen.counts.get(status)
    ]
    speed = [] if seen.photos_per_s is None else [f"{seen.photos_per_s:.1f} photos/s"]
    return ", ".join([f"{printable(seen.album)}: {total - waiting}/{counted(total, 'photo')}", *wrong, *speed])
