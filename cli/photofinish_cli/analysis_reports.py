"""What `photofinish analyze` prints: lines of JSON for programs, tables for people."""

from __future__ import annotations

from typing import Any

from photofinish.errors import RejectedInput
from photofinish_cli.local_photos import LocalFile
from photofinish_cli.output import counted, print_json_line, print_tables, printable, remark, table
from photofinish_cli.times import clock_time


class JsonReport:
    """One line a file, as soon as it is known."""

    def __init__(self) -> None:
        self.rejections = 0

    def analyzed(self, document: dict[str, Any]) -> None:
        print_json_line(document)

    def video_analyzed(self, document: dict[str, Any]) -> None:
        print_json_line(document)

    def rejected(self, file: LocalFile, reason: RejectedInput) -> None:
        self.rejections += 1
        print_json_line({"file": str(file.path), "error": {"code": reason.code, "message": reason.message}})

    def end(self, elapsed_s: float) -> None:
        """Every line was printed as it came."""


class TableReport:
    """A table at the end, for people."""

    def __init__(self) -> None:
        self.rejections = 0
        self._rows = table("file", "faces", "bibs", "sharpness", "blurry", "ms", right=["faces", "sharpness", "ms"])
        self._scenes = table(
            "video", "scene", "from", "to", "frames", "people", "bibs", right=["scene", "frames", "people"]
        )
        self._reasons = table("rejected", "code", "why")
        self._warnings = table("file", "warning", "why")
        self._photos = self._faces = self._bibs = self._blurry = self._videos = self._people = 0

    def analyzed(self, document: dict[str, Any]) -> None:
        is_blurry = document["sharpness"]["is_blurry"]
        self._photos += 1
        self._faces += len(document["faces"])
        self._bibs += len(document["bibs"])
        self._blurry += is_blurry
        self._rows.add_row(
            printable(document["photo"]["name"]),
            str(len(document["faces"])),
            " ".join(bib["number"] for bib in document["bibs"]),
            f"{document['sharpness']['frame']:.2f}",
            "blurry" if is_blurry else "",
            f"{sum(document['timings_ms'].values()):.0f}",
        )
        self._warn(printable(document["photo"]["name"]), document["warnings"])

    def video_analyzed(self, document: dict[str, Any]) -> None:
        name = printable(document["video"]["name"])
        self._videos += 1
        self._people += len(document["people"])
        self._bibs += len(document["numbers"])
        for number, scene in enumerate(document["scenes"], 1):
            self._scenes.add_row(
                name,
                str(number),
                clock_time(scene["start_s"]),
                clock_time(scene["end_s"]),
                str(scene["frames"]),
                str(len(scene["people"])),
                " ".join(scene["numbers"]),
            )
        self._warn(name, document["warnings"])

    def rejected(self, file: LocalFile, reason: RejectedInput) -> None:
        self.rejections += 1
        self._reasons.add_row(printable(file.ref.name), reason.code, printable(reason.message))

    def end(self, elapsed_s: float) -> None:
        print_tables(*(one for one in (self._rows, self._scenes, self._warnings, self._reasons) if one.row_count))
        videos = (
            f" and {counted(self._videos, 'video')} with {counted(self._people, 'person', 'people')}"
            if self._videos
            else ""
        )
        remark(
            f"{counted(self._photos, 'photo')}{videos} in {elapsed_s:.1f} s: {counted(self._faces, 'face')}, "
            f"{counted(self._bibs, 'bib')}, {self._blurry} blurry; {counted(self.rejections, 'file')} rejected"
        )

    def _warn(self, name: str, warnings: list[dict[str, str]]) -> None:
        for warning in warnings:
            self._warnings.add_row(name, warning["code"], printable(warning["message"]))
