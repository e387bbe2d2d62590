"""`photofinish check`: compare everything that is kept of an album, photo by photo, and mend what differs."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

import typer

from photofinish.application.checking.checker import SETTLED_AFTER
from photofinish.application.checking.findings import Checked, Finding, Problem, Repair
from photofinish.application.checking.repairing import Mended, mend_album
from photofinish.application.reconcile import listed_photos
from photofinish.errors import NotFound
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import (
    ExitCode,
    counted,
    print_json,
    print_tables,
    printable,
    remark,
    reported_errors,
    say,
    table,
)
from photofinish_cli.progress import progress_bar

_ON_INTERRUPT = "What was mended stays so; the same command goes on."
_WAYS = {
    Repair.QUEUE: "analyse it",
    Repair.DOCUMENT: "write the document again",
    Repair.INDEX: "index it again",
    Repair.UNINDEX: "take it out of the index",
    Repair.OBJECTS: "delete the objects",
    Repair.ERASE: "erase it",
    Repair.EVENT: "announce it again",
    Repair.REPEATED_EVENT: "delete the repetition",
    Repair.LEASE: "give the lease up",
    Repair.NOTHING: "by hand",
}


@dataclass
class _Found:
    """What a check found so far; every finding is kept only where all are to be printed."""

    keeps_all: bool
    counts: Counter[Problem] = field(default_factory=Counter)
    outcomes: Counter[Mended] = field(default_factory=Counter)
    examples: dict[Problem, Finding] = field(default_factory=dict)
    listed: list[tuple[Finding, Mended | None]] = field(default_factory=list)
    checked: Checked = field(default_factory=Checked)

    def add(self, finding: Finding, mended: Mended | None) -> None:
        self.counts[finding.problem] += 1
        self.examples.setdefault(finding.problem, finding)
        if mended is not None:
            self.outcomes[mended] += 1
        if self.keeps_all or mended is Mended.REMAINS:
            self.listed.append((finding, mended))

    @property
    def is_wrong(self) -> bool:
        """Whether something is found, and was not mended where it was to be."""
        return bool(self.outcomes[Mended.REMAINS] if self.outcomes else self.counts)


def check(
    album: Album,
    every: Annotated[bool, typer.Option("--all", help="List every finding instead of counting them by kind.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended, and say what remains.")] = False,
    settled: Annotated[
        float,
        typer.Option(
            "--settled",
            metavar="SECONDS",
            min=0,
            help="Leave out what changed within so many seconds: its event or clean-up may be under way.",
        ),
    ] = SETTLED_AFTER.total_seconds(),
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Compare the bucket, documents, database, sidecars, pictures and event log of an album, photo by photo.

    Nothing is changed without `--repair`. `photofinish audit verify` is something else: it proves that the audit of
    requests was not altered.

    Example: photofinish check spring-10k --repair
    """
    with reported_errors(on_interrupt=_ON_INTERRUPT):
        times = {"settled_after": timedelta(seconds=settled)}
        found = _check(album, keeps_all=every or json, repair=repair, plain=json, state=state, times=times)
    if json:
        print_json(_as_json(album, found, repair=repair))
    else:
        _print(album, found, every=every, repair=repair)
    if found.is_wrong:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _check(
    album: str, *, keeps_all: bool, repair: bool, plain: bool, state: StateDir, times: dict[str, timedelta]
) -> _Found:
    cloud = connect(state)
    known = sum(cloud.documents.counts(album).values())
    if not known and not cloud.index.has_album(album) and next(listed_photos(cloud.store, album), None) is None:
        raise NotFound(f"no photo of an album {album!r} is known")
    found = _Found(keeps_all)
    times = times | {"stale_after": timedelta(seconds=cloud.settings.stale_after_s)}
    with progress_bar("checking", known, plain=plain) as bar:

        def show(checked: Checked) -> None:
            found.checked = checked
            bar.update(done=checked.photos, total=max(known, checked.photos))

        if repair:
            for finding, mended in mend_album(
                cloud.album_checker, cloud.album_repairer, album, **times, on_progress=show
            ):
                found.add(finding, mended)
        else:
            for finding in cloud.album_checker.check(album, **times, on_progress=show):
                found.add(finding, None)
            for finding in cloud.album_checker.check_work(album):
                found.add(finding, None)
    return found


def _print(album: str, found: _Found, *, every: bool, repair: bool) -> None:
    if every and found.listed:
        rows = table("Finding", "Photo", "What", *(["Now"] if repair else []))
        for finding, mended in found.listed:
            now = [mended.value] if mended is not None else []
            rows.add_row(finding.problem.value, _named(finding), finding.message, *now)
        print_tables(rows)
    elif found.counts:
        rows = table("Finding", "Count", "For example", "To mend it", right=["Count"])
        for problem, count in sorted(found.counts.items()):
            example = found.examples[problem]
            what = f"{_named(example)}: {example.message}" if example.name or example.photo_id else example.message
            rows.add_row(problem.value, str(count), what, _WAYS[example.repair])
        print_tables(rows)
    photos = counted(found.checked.photos, "photo")
    unfinished = f", {found.checked.unfinished} of them unfinished and not compared" if found.checked.unfinished else ""
    say(f"{printable(album)}: {photos} checked{unfinished}, {counted(found.counts.total(), 'finding')}")
    if repair and found.counts:
        _say_what_became(found, every=every)
    elif found.counts:
        remark(f"mend what can be mended: photofinish check {shlex.quote(album)} --repair")


def _say_what_became(found: _Found, *, every: bool) -> None:
    outcomes = found.outcomes
    say(
        f"{outcomes[Mended.MENDED]} mended, {outcomes[Mended.QUEUED]} will be by an analysis that is queued, "
        f"{outcomes[Mended.REMAINS]} remain"
    )
    remaining = [finding for finding, mended in found.listed if mended is Mended.REMAINS]
    if remaining and not every:
        for finding in remaining[:20]:
            remark(f"remains: {finding.problem.value} {_named(finding)}: {finding.message}", style="yellow")
    if any(finding.repair in {Repair.QUEUE, Repair.INDEX, Repair.DOCUMENT} for finding in remaining):
        remark("these photos can only be analysed again, and their originals are not there: upload them again")


def _named(finding: Finding) -> str:
    return printable(finding.name or finding.photo_id or "")


def _as_json(album: str, found: _Found, *, repair: bool) -> dict[str, object]:
    answer: dict[str, object] = {
        "album": album,
        "photos": found.checked.photos,
        "unfinished": found.checked.unfinished,
        "counts": {problem.value: count for problem, count in sorted(found.counts.items())},
        "findings": [
            {
                "code": finding.problem.value,
                "photo_id": finding.photo_id,
                "name": finding.name,
                "message": finding.message,
                "repair": finding.repair.value,
            }
            | ({"now": mended.value} if mended is not None else {})
            for finding, mended in found.listed
        ],
    }
    return answer | ({mended.value: found.outcomes[mended] for mended in Mended} if repair else {})
