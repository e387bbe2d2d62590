"""How many photos an album has, with what in them, and how long they took."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.application.album_statistics import Reading
from photofinish.domain.access import Scope
from photofinish.domain.album_statistics import AlbumStatistics, Counts, Grouping, PhotosPerPerson
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.schemas import AlbumPath, Output, Score, example, new_blueprint


class UploadToResult(Output):
    """Seconds from upload to result, at most 10 % too high."""

    p50: Score
    p95: Score


class CountsJson(Output):
    photos: int = Field(description="Photos with a result: done, rejected and failed.")
    done: int
    rejected: int
    failed: int
    faces: int
    bibs: int = Field(description="Numbers that were read, as many as there were at the analysis.")
    share_with_bib: Score | None = Field(
        description="Share of the photos that are done that have a number; null without any."
    )
    upload_to_result_s: UploadToResult | None


class HourJson(CountsJson):
    hour: datetime = Field(
        description="In which these photos got their result, in UTC.", json_schema_extra=example("2026-05-01T10:00:00Z")
    )


class CameraCounts(CountsJson):
    camera: str | None = Field(description="Make and model; null for photos whose file names none.")


class FolderCounts(CountsJson):
    folder: str = Field(description="Below the album; empty for photos outside folders.")


class CodeCounts(Output):
    code: str = Field(json_schema_extra=example("not_a_picture"))
    rejected: int
    failed: int


class PhotosPerPersonJson(Output):
    mean: Score
    p50: int
    most: int


class StatisticsJson(CountsJson):
    album: str
    is_complete: bool = Field(description="False while results of the log are still being counted: ask again.")
    people: int
    photos_per_person: PhotosPerPersonJson | None
    by_hour: list[HourJson] = Field(description="The latest 1,000 hours in which there were results, in order.")
    by_camera: list[CameraCounts] = Field(description="The 1,000 with most photos, most first.")
    by_folder: list[FolderCounts] = Field(description="The 1,000 with most photos, most first.")
    by_code: list[CodeCounts] = Field(description="Why photos were rejected or failed, most first.")


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("statistics", "How many photos there are, with what in them, and how long they took.")

    @api.get("/albums/<album>/statistics", responses={200: StatisticsJson})
    @guarded(Scope.SEARCH, "show_statistics")
    @fails_with("unknown_album")
    def show_statistics(path: AlbumPath) -> dict[str, Any]:
        """Show the statistics of an album: each photo counts once, by its newest result."""
        found = services.statistics_reading.read(path.album)
        if found.counts is None and found.people is None:
            check_album(services, path.album)
        answer = _answer(path.album, found)
        audit(count=answer.photos)
        return answer.model_dump(mode="json")

    return api


def _answer(album: str, found: Reading) -> StatisticsJson:
    counts_of_album = found.counts or AlbumStatistics(total=Counts(), groups={})

    def of(kind: Grouping) -> list[tuple[str, Counts]]:
        return list(counts_of_album.groups.get(kind, {}).items())

    return StatisticsJson(
        album=album,
        is_complete=found.is_complete,
        people=0 if found.people is None else found.people.people,
        photos_per_person=None if found.people is None else _per_person(found.people),
        by_hour=[HourJson(hour=datetime.fromisoformat(hour), **_counts(counts)) for hour, counts in of(Grouping.HOUR)],
        by_camera=[CameraCounts(camera=camera or None, **_counts(counts)) for camera, counts in of(Grouping.CAMERA)],
        by_folder=[FolderCounts(folder=folder, **_counts(counts)) for folder, counts in of(Grouping.FOLDER)],
        by_code=[
            CodeCounts(code=code, rejected=counts.rejected, failed=counts.failed) for code, counts in of(Grouping.CODE)
        ],
        **_counts(counts_of_album.total),
    )


def _counts(counts: Counts) -> dict[str, Any]:
    p50, p95 = counts.duration_s(50), counts.duration_s(95)
    return {
        "photos": counts.photos,
        "done": counts.done,
        "rejected": counts.rejected,
        "failed": counts.failed,
        "faces": counts.faces,
        "bibs": counts.bibs,
        "share_with_bib": counts.share_with_bib,
        "upload_to_result_s": None if p50 is None or p95 is None else UploadToResult(p50=p50, p95=p95),
    }


def _per_person(people: PhotosPerPerson) -> PhotosPerPersonJson:
    return PhotosPerPersonJson(mean=people.mean, p50=people.p50, most=people.most)
