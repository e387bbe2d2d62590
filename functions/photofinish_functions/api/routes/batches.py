"""Batches: announce files, upload them to the bucket, follow their results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field, TypeAdapter

from photofinish.application import batches as use_cases
from photofinish.domain.access import Scope
from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import (
    AnnouncedFile,
    Batch,
    BatchFile,
    BatchState,
    FileStatus,
    remaining_s,
    results_per_s,
)
from photofinish.ports import SignedUpload, UnknownBatch
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.patterns import CONTENT_TYPE, CRC32C, PHOTO_ID, UUID
from photofinish_functions.api.schemas import AlbumPath, Input, Output, Parameters, example, new_blueprint, storable

MAX_FILES = 1000
RETRY_AFTER_S = 2
_MAX_JSON_BYTES = 2 * 2**20
_MAX_NAME_CHARS = 1024
_NAME = TypeAdapter(str)
_NOT_ALLOWED = ("album_name_not_allowed", "announced_twice", "empty_file", "file_too_large", "photo_name_not_allowed")


def _file_name(name: str) -> str:
    if name.startswith("/") or name.endswith("/"):
        raise ValueError("must not start or end with a slash")
    return storable(name)


class FileToUpload(Input):
    name: Annotated[str, AfterValidator(_file_name)] = Field(
        min_length=1,
        max_length=_MAX_NAME_CHARS,
        description="Below the album, with folders if it has some.",
        json_schema_extra=example("cam2/IMG_1.jpg"),
    )
    size: int = Field(ge=0, description="In bytes.", json_schema_extra=example(4_816_312))
    content_type: str = Field(max_length=100, pattern=CONTENT_TYPE, json_schema_extra=example("image/jpeg"))
    crc32c: str | None = Field(
        None,
        pattern=CRC32C,
        description="Base64 of the four bytes of the file's CRC32C, big-endian, as Cloud Storage writes it.",
        json_schema_extra=example("n03x6A=="),
    )


class FilesToUpload(Input):
    files: list[FileToUpload] = Field(min_length=1, max_length=MAX_FILES)


class BatchPath(AlbumPath):
    batch_id: str = Field(pattern=UUID)


class BatchQuery(Parameters):
    status: FileStatus | None = Field(None, description="Only files with this status.")
    uploads: bool = Field(False, description="Also return how to upload the files that are awaited.")
    limit: Annotated[int, Field(ge=1, le=MAX_FILES, description="Maximum number of files.")] = 100
    cursor: Cursor | None = None


class FileUploadTarget(Output):
    """Start the resumable upload by this method, at this address, with exactly these headers and no body.

    The answer's `Location` takes the file, whole or in parts.
    """

    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime = Field(description="Start the upload before; it may go on for a week.")


class FileUpload(Output):
    name: str = Field(description="As you sent it.", json_schema_extra=example("cam2/IMG_1.jpg"))
    photo_id: str = Field(pattern=PHOTO_ID)
    upload: FileUploadTarget


class FileError(Output):
    code: str = Field(json_schema_extra=example("not_as_announced"))
    message: str


class BatchFileJson(Output):
    name: str = Field(json_schema_extra=example("cam2/IMG_1.jpg"))
    photo_id: str = Field(pattern=PHOTO_ID)
    size: int
    status: FileStatus
    changed_at: datetime | None = Field(description="Null: the file has not arrived.")
    error: FileError | None = Field(description="Why it was rejected or failed.")
    duplicate_of: str | None = Field(
        description="Id of the photo of the album that has the same bytes, and the result."
    )
    upload: FileUploadTarget | None = Field(description="With `uploads`, for files that are awaited.")


class BatchCounts(Output):
    awaited: int = Field(description="Files that have not arrived.")
    queued: int
    done: int
    rejected: int
    failed: int


class BatchJson(Output):
    batch_id: str
    album: str
    state: BatchState
    created_at: datetime
    expires_at: datetime = Field(description="When the batch ends even if files have not arrived.")
    ended_at: datetime | None
    files: int
    counts: BatchCounts
    results_per_s: float = Field(description="Of the last minute.")
    remaining_s: float | None = Field(description="Until the last result at this rate; null where it is 0.")


class CreatedBatch(Output):
    batch: BatchJson
    uploads: list[FileUpload] = Field(description="In the order of the request.")
    poll_url: str = Field(json_schema_extra=example("/v1/albums/spring-10k/batches/…"))


class BatchPage(Output):
    batch: BatchJson
    files: list[BatchFileJson] = Field(description="By name.")
    next_cursor: str | None = next_cursor()


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("batches", "Upload many files, and follow them together.")

    @api.post("/albums/<album>/batches", responses={202: CreatedBatch})
    @guarded(Scope.WRITE, "create_batch", max_json_bytes=_MAX_JSON_BYTES, makes_album=True)
    @fails_with("invalid_value", "photo_exists", *_NOT_ALLOWED)
    def create_batch(path: AlbumPath, body: FilesToUpload) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Announce files, and get a signed, resumable upload for each.

        A phone or a page uploads straight to the bucket. The batch completes when every file has its result.
        """
        files = _announced(services, path.album, body.files)
        batch, uploads = use_cases.create_batch(
            path.album,
            files,
            bucket=services.settings.photo_bucket,
            batches=services.batches,
            documents=services.documents,
            links=services.links,
        )
        audit(target=batch.batch_id, count=len(files))
        return _created(batch, files, uploads)

    @api.post("/albums/<album>/batches/<batch_id>/files", responses={202: CreatedBatch})
    @guarded(Scope.WRITE, "add_batch_files", max_json_bytes=_MAX_JSON_BYTES)
    @fails_with("invalid_value", "photo_exists", "batch_ended", "batch_full", *_NOT_ALLOWED)
    def add_batch_files(path: BatchPath, body: FilesToUpload) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Announce more files of a batch that has not ended."""
        files = _announced(services, path.album, body.files)
        audit(target=path.batch_id, count=len(files))
        batch, uploads = use_cases.add_files(
            path.album,
            path.batch_id,
            files,
            bucket=services.settings.photo_bucket,
            batches=services.batches,
            documents=services.documents,
            links=services.links,
        )
        return _created(batch, files, uploads)

    @api.get("/albums/<album>/batches/<batch_id>", responses={200: BatchPage})
    @guarded(Scope.WRITE, "show_batch")
    def show_batch(path: BatchPath, query: BatchQuery) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Show how far a batch is, and what became of its files.

        While it is open, the answer has a `Retry-After`.
        """
        audit(target=path.batch_id)
        batch = services.batches.get(path.album, path.batch_id)
        if batch is None:
            raise UnknownBatch
        asked = ("batch", path.album, path.batch_id, query.status)
        after = position(asked, query.cursor, None, _NAME)
        found = services.batches.files(
            path.album, path.batch_id, status=query.status, after=after, limit=query.limit + 1
        )
        shown, last = page_of(found, query.limit, lambda one: one.file.name)
        awaited = [one.file for one in shown if query.uploads and one.status is FileStatus.AWAITED]
        signed = services.links.resumable_uploads(awaited, expires_in_s=use_cases.UPLOAD_STARTS_WITHIN_S)
        targets = {file.name: target for file, target in zip(awaited, signed, strict=True)}
        page = BatchPage(
            batch=_batch_json(batch),
            files=[_file_json(path.album, one, targets.get(one.file.name)) for one in shown],
            next_cursor=cursor_after(asked, last),
        )
        waiting = {"Retry-After": str(RETRY_AFTER_S)} if batch.state is BatchState.OPEN else {}
        return page.model_dump(mode="json"), 200, waiting

    @api.post("/albums/<album>/batches/<batch_id>/cancel", responses={200: BatchJson})
    @guarded(Scope.WRITE, "cancel_batch")
    @fails_with("batch_ended")
    def cancel_batch(path: BatchPath) -> dict[str, Any]:
        """End a batch: photos that arrived stay and are analysed, later ones do not belong to it."""
        audit(target=path.batch_id)
        return _batch_json(services.batches.cancel(path.album, path.batch_id)).model_dump(mode="json")

    return api


def _announced(services: App, album: str, files: Sequence[FileToUpload]) -> list[AnnouncedFile]:
    bucket = services.settings.photo_bucket
    return [
        AnnouncedFile(
            name=f"{album}/{file.name}",
            photo_id=PhotoRef(bucket=bucket, name=f"{album}/{file.name}", generation=0).photo_id,
            size_bytes=file.size,
            content_type=file.content_type,
            crc32c=file.crc32c,
        )
        for file in files
    ]


def _created(
    batch: Batch, files: Sequence[AnnouncedFile], uploads: Sequence[SignedUpload]
) -> tuple[dict[str, Any], int, dict[str, str]]:
    poll_url = f"/v1/albums/{quote(batch.album, safe='')}/batches/{batch.batch_id}"
    answer = CreatedBatch(
        batch=_batch_json(batch),
        uploads=[
            FileUpload(
                name=_below(batch.album, file), photo_id=file.photo_id, upload=FileUploadTarget.from_object(upload)
            )
            for file, upload in zip(files, uploads, strict=True)
        ],
        poll_url=poll_url,
    )
    return answer.model_dump(mode="json"), 202, {"Location": poll_url, "Retry-After": str(RETRY_AFTER_S)}


def _batch_json(batch: Batch) -> BatchJson:
    now = datetime.now(UTC)
    remaining = remaining_s(batch, now)
    return BatchJson.from_object(
        batch,
        counts=BatchCounts.model_validate({status.value: count for status, count in batch.counts.items()}),
        results_per_s=round(results_per_s(batch, now), 3),
        remaining_s=None if remaining is None else round(remaining, 1),
    )


def _file_json(album: str, one: BatchFile, upload: SignedUpload | None) -> BatchFileJson:
    return BatchFileJson(
        name=_below(album, one.file),
        photo_id=one.file.photo_id,
        size=one.file.size_bytes,
        status=one.status,
        changed_at=one.changed_at,
        error=None if one.error is None else FileError.model_validate(dict(one.error)),
        duplicate_of=one.duplicate_of,
        upload=None if upload is None else FileUploadTarget.from_object(upload),
    )


def _below(album: str, file: AnnouncedFile) -> str:
    return file.name.removeprefix(f"{album}/")
