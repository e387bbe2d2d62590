"""The document about floods."""

from __future__ import annotations

import os
import statistics
import textwrap
from typing import TYPE_CHECKING

from memory import MAX_GROWTH, growth

if TYPE_CHECKING:
    from run import Albums, Flood


def document(flood: Flood, albums: Albums, slept: str, listeners: int) -> str:
    photos_waiting = max(photos for _, photos in flood.waiting)
    tasks = max(tasks for _, tasks in flood.tasks)
    done, number = albums.done_after_s, len(albums.done_after_s)
    heard = albums.heard
    paragraphs = [
        f"`make floods` stored {flood.photos:,} small photos of one album at once in a local cloud on {os.cpu_count()} "
        f"busy cores, which took {flood.uploaded_after_s:.0f} s; the last had its result after {flood.seconds:.0f} s. "
        f"From a tenth of the photos to the half it did {flood.rate(0.1, 0.5):.1f} photos/s, from there to 95 % "
        f"{flood.rate(0.5, 0.95):.1f}. At most {photos_waiting:,.0f} photos waited, in the queue and on disk and in no "
        f"process's memory, and at most {tasks:.0f} tasks ran (two are allowed): photos that come faster than they are "
        "analysed make the queue longer, nothing else. Reading text is left out of these analyses: it takes most of "
        "their time.",
        f"Then {number} albums of {albums.photos_each} photos came at once, while {listeners:,} apps used them: "
        f"{heard['streams']:,} held live streams, and heard {heard['events']:,} events; the others asked for "
        f"statistics every five seconds and got {heard['answers']:,} answers ({heard['refused']:,} requests failed). "
        f"The first album was done after {done[0]:.0f} s, half of them after {statistics.median(done):.0f} s, the last "
        f"after {done[-1]:.0f} s.",
        "A `photofinish drop` was stopped (SIGSTOP) when it had announced its photos and went on (SIGCONT) when their "
        f"links had expired an hour ago. It ended with: `{slept}`."
        if slept
        else "",
    ]
    lines = ["# Floods", ""]
    for paragraph in filter(None, paragraphs):
        lines += [textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False), ""]
    lines += [
        "![Memory of each process over time](floods-memory.svg)",
        "",
        "![Photos that are done and that wait, over time](floods-photos.svg)",
        "",
        f"Memory is resident memory. It may grow by {MAX_GROWTH - 1:.0%} from the second quarter to the last one.",
        "",
        "| process | memory, median (MB) | greatest (MB) | last quarter / second quarter |",
        "|---|---|---|---|",
    ]
    for name, line in sorted(flood.memory.items(), key=lambda named: -max(mb for _, mb in named[1])):
        sizes = [mb for _, mb in line]
        lines.append(f"| {name} | {statistics.median(sizes):.0f} | {max(sizes):.0f} | {growth(line):.2f} |")
    return "\n".join(lines) + "\n"
