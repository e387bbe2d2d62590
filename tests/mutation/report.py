"""The figures of the last runs as Markdown: by area and file, and of the mutants made by hand."""

from __future__ import annotations

import json
from pathlib import Path

from mutation.modules import AREAS

_HEAD = """\
# Mutants

`make mutate` changes decisive code in small ways, one at a time, and runs the fast tests of that code: a change that
no test finds is a missing test. Changes are cosmic-ray's (conditions inverted, comparisons by one, numbers, `and` and
`or`, loops left out), calls left out, and for SQL conditions, limits and orders. Lines that only log, word an error or
wait for a server are left out.
"""
_AREAS = """
## By area and file

Of every area a sample was tried that seed {seeds} chooses; areas without a line were not run since their lists were
made. "Listed" are equal to the original, or differ in what does not matter; each has its reason in
[`tests/mutation/survivors.toml`](../../tests/mutation/survivors.toml). "Open" are missing tests.

| area and file | mutants | tried | killed | listed | open | killed, % |
|---|---:|---:|---:|---:|---:|---:|
"""
_NAMED = """
## Made by hand

Mistakes that would cost photos, or that a promise forbids, among them all that once survived
([`tests/mutation/named.py`](../../tests/mutation/named.py)); `make mutate-named` tries these alone.

| mistake | found by |
|---|---|
"""
_COUNTS = ("mutants", "killed", "listed", "surviving")


def write_report(path: Path, results: Path) -> None:
    text = _HEAD
    found = {area: json.loads(file.read_text()) for area in AREAS if (file := results / f"{area}.json").exists()}
    if found:
        rows, all_counts = [], []
        for area, result in found.items():
            modules: dict[str, dict[str, int]] = result["modules"]
            rows.append(_row(f"**{area}**", _sum(list(modules.values()))))
            rows += [_row(f"`{module}`", counts) for module, counts in modules.items()]
            all_counts += modules.values()
        seeds = ", ".join(map(str, sorted({result["seed"] for result in found.values()})))
        text += _AREAS.format(seeds=seeds) + "\n".join([*rows, _row("**all**", _sum(all_counts))]) + "\n"
    named = results / "named.json"
    if named.exists():
        killers: dict[str, str | None] = json.loads(named.read_text())
        text += _NAMED + "".join(f"| {name} | {_shown(killer)} |\n" for name, killer in killers.items())
    path.write_text(text)


def _shown(killer: str | None) -> str:
    return "**nothing**" if killer is None else f"`{killer.removeprefix('tests/')}`"


def _sum(counts: list[dict[str, int]]) -> dict[str, int]:
    return {key: sum(one[key] for one in counts) for key in _COUNTS}


def _row(name: str, counts: dict[str, int]) -> str:
    tried = counts["killed"] + counts["listed"] + counts["surviving"]
    share = f"{100 * counts['killed'] / tried:.0f}" if tried else ""
    cells = (counts["mutants"], tried, counts["killed"], counts["listed"], counts["surviving"], share)
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"
