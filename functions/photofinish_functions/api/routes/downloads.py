"""Download photos: one by a link to its file, several as one ZIP that is streamed and can be resumed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field
from werkzeug.datastructures import Range

from photofinish.application.downloads.making import new_download, new_token
from photofinish.application.downloads.resumable import ResumableArchive
from photofinish.application.downloads.streamed import MadeFile, streamed_archive
from photofinish.application.downloads.with_metadata import CopiesWithMetadata
from photofinish.domain.access import Principal, Reading, Scope
from photofinish.domain.download import MAX_FILES, Download, DownloadedPhoto, DownloadSize, archive_paths
from photofinish.domain.export_names import attachment
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.ports import PhotoRecord
from photofinish.wiring import App
from photofinish_functions.access.refusals import Forbidden
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.document import server_of
from photofinish_functions.api.download_passes import found_photos
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.errors import unavailable
from photofinish_functions.api.guarding import audit, guarded, open_to_link_holders, principal
from photofinish_functions.api.renditions import LINK_LIFETIME_S, Shown, preview_file_url
from photofinish_functions.api.routes.photos import PhotoId, PhotoPath
from photofinish_functions.api.schemas import AlbumPath, Input, Output, Parameters, new_blueprint
from photofinish_functions.api.sharing import has_size
from photofinish_functions.refused import Refused

_SECTION = "downloads", "Download photos, one or many."
_SENT_AT_ONCE = 4
"""ZIPs that one process sends: each takes a thread and up to 16 MB while it lasts, and searches need threads, too."""
_ZIP = {
    "description": "The ZIP, or the part of it that `Range` asks for.",
    "content": {
        "application/zip": {
            "schema": {"type": "string", "contentMediaType": "application/zip"},
            "example": "the bytes of a zip file",
        }
    },
}
_REDIRECT = {
    "description": "The file is at `Location`: a signed link, which expires after 15 minutes.",
    "headers": {"Location": {"schema": {"type": "string"}, "example": "https://storage.googleapis.com/…"}},
}
_NOT_ALLOWED = {
    DownloadSize.ORIGINAL: "Originals may not be downloaded here: download the size `web`.",
    DownloadSize.WEB: "Photos of this album may not be downloaded here.",
}
_PASSES = "The `download_pass` of photos that a search found: for callers who may not see all photos and faces."


class DownloadQuery(Parameters):
    size: DownloadSize = Field(DownloadSize.ORIGINAL, description="`web`: the preview that you may see.")
    download_pass: str | None = Field(None, max_length=1000, description="As the search that found the photo gave it.")


class NewDownload(Input):
    photo_ids: list[PhotoId] = Field(min_length=1, max_length=MAX_FILES)
    size: DownloadSize = Field(
        DownloadSize.ORIGINAL, strict=False, description="`web`: the previews that you may see, as JPEG."
    )
    metadata: bool = Field(
        False,
        description="Write numbers, names and a rating into copies of the originals (XMP, IPTC keywords), with an XMP "
        "sidecar beside each. Needs the scope `write` and the size `original`.",
    )
    download_passes: list[Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=list, max_length=MAX_FILES, description=_PASSES
    )


class DownloadAnswer(Output):
    url: str = Field(description="Anyone who has it can fetch the ZIP until it expires, without a key.")
    size_bytes: int | None = Field(description="Of the ZIP, which can be resumed; null: not known, and it cannot.")
    files: int = Field(description="Number of photos in it.")
    left_out: list[str] = Field(description="Ids of requested photos that have no such file, or are not there.")
    expires_at: datetime


class DownloadLink(Parameters):
    token: str = Field(description="The secret part of a link that this API answered with.")


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint(*_SECTION)

    @api.get("/albums/<album>/photos/<photo_id>/download", responses={303: _REDIRECT})
    @guarded(Scope.SEARCH, "download_photo", reading=Reading.FIND_ME)
    @fails_with("downloads_not_allowed", "no_picture")
    def download_photo(path: PhotoPath, query: DownloadQuery) -> Response:
        """Redirect to the file of a photo: its original, or the preview that the caller may see."""
        audit(target=path.photo_id)
        _check_size(services, path.album, query.size)
        passes = [] if query.download_pass is None else [query.download_pass]
        records, own_faces = _visible(services, path.album, [path.photo_id], passes)
        if not records:
            raise Refused(404, "unknown_photo", "This album has no photo with this id.")
        [record] = records
        url = _file_url(services, path.album, record, query.size, own_faces.get(path.photo_id, frozenset()))
        return Response(status=303, headers={"Location": url})

    @api.post("/albums/<album>/downloads", responses={201: DownloadAnswer})
    @guarded(Scope.SEARCH, "create_download", reading=Reading.FIND_ME, cost=2)
    @fails_with("downloads_not_allowed", "no_picture", "unknown_photo", "invalid_value")
    def create_download(path: AlbumPath, body: NewDownload) -> tuple[dict[str, Any], int]:
        """Make a link to one ZIP of several photos."""
        is_organiser = _check_size(services, path.album, body.size)
        if body.metadata and not is_organiser:
            raise Forbidden(principal())
        if body.metadata and body.size is not DownloadSize.ORIGINAL:
            raise Refused(422, "invalid_value", "metadata: previews have none; download the size `original`.")
        check_album(services, path.album)
        wanted = list(dict.fromkeys(body.photo_ids))
        records, own_faces = _visible(services, path.album, wanted, body.download_passes)
        if not records:
            raise Refused(404, "unknown_photo", "This album has none of these photos.")
        keeps = services.album_policies.policy(path.album).keep_originals
        now = datetime.now(UTC).replace(microsecond=0)
        download = new_download(
            path.album,
            records if keeps else [],
            principal=principal(),
            is_organiser=is_organiser,
            size=body.size,
            with_metadata=body.metadata,
            own_faces=own_faces,
            now=now,
        )
        if not download.photos:
            raise _no_picture()
        audit(count=len(download.photos))
        token = new_token()
        services.downloads.add(download, _sha256(token))
        there = {photo.photo_id for photo in download.photos}
        archive = None if download.files is None else ResumableArchive(download, services.originals, services.downloads)
        return DownloadAnswer(
            url=f"{server_of(request)}/v1/downloads/{token}",
            size_bytes=None if archive is None else archive.layout.length,
            files=len(download.photos),
            left_out=[photo_id for photo_id in wanted if photo_id not in there],
            expires_at=download.expires_at,
        ).model_dump(mode="json"), 201

    return api


def fetching(services: App) -> APIBlueprint:
    """The route that needs no key, because its path has the secret of a link."""
    api = new_blueprint(*_SECTION, needs_key=False, name="fetching_downloads")
    sending = threading.BoundedSemaphore(_SENT_AT_ONCE)

    @api.get("/downloads/<token>", responses={200: _ZIP, 206: _ZIP})
    @open_to_link_holders("fetch_download")
    @fails_with("unknown_link", "range_not_satisfiable", "unavailable")
    def fetch_download(path: DownloadLink) -> Response:
        """Stream the ZIP; with `Range` from where an interrupted download ended, if its size was answered.

        A photo that was removed meanwhile is named in `MISSING.txt` in the ZIP.
        """
        download = services.downloads.find(_sha256(path.token), datetime.now(UTC))
        if download is None or not _is_valid(services, download):
            raise Refused(404, "unknown_link", "This download is unknown or has expired: make another.")
        answer = _whole(services, download) if download.files is None else _resumable(services, download)
        answer.headers["Content-Disposition"] = attachment(f"{download.album}.zip")
        # Not compressed again, and not held back, by proxies on the way.
        answer.headers["Cache-Control"] = "no-store, no-transform"
        answer.headers["X-Accel-Buffering"] = "no"
        if request.method != "HEAD" and answer.status_code < 300:
            if not sending.acquire(blocking=False):
                raise unavailable()
            answer.call_on_close(sending.release)
        return answer

    return api


def _check_size(services: App, album: str, size: DownloadSize) -> bool:
    """Whether the caller is an organiser; refuses a size that they may not have."""
    is_organiser = principal().may(Scope.WRITE, album)
    if not has_size(services, principal(), album, size, is_organiser=is_organiser):
        raise Refused(403, "downloads_not_allowed", _NOT_ALLOWED[size])
    return is_organiser


def _visible(
    services: App, album: str, photo_ids: list[str], passes: Iterable[str]
) -> tuple[list[PhotoRecord], dict[str, frozenset[str]]]:
    """The records of those of these photos that the caller may see, and by photo id the caller's own faces in them."""
    found = found_photos(services, album, passes)
    if not principal().reading.includes(Reading.BROWSE):
        photo_ids = [photo_id for photo_id in photo_ids if photo_id in found]
    return services.documents.records(album, photo_ids), found


def _file_url(services: App, album: str, record: PhotoRecord, size: DownloadSize, own_faces: frozenset[str]) -> str:
    [path] = archive_paths([record.ref.name], size).values()
    file_name = PurePosixPath(path).name
    if size is DownloadSize.WEB:
        preview = (record.fields.get("renditions") or {}).get("preview")
        shown = Shown(photo=record.ref, preview=preview, thumbnail=None, own_faces=own_faces)
        url = preview_file_url(services, album, shown, file_name=file_name)
        if url is None:
            raise _no_picture()
        return url
    if not services.album_policies.policy(album).keep_originals:
        raise _no_picture()
    return services.links.original_url(record.ref, file_name=file_name, expires_in_s=LINK_LIFETIME_S)


def _is_valid(services: App, download: Download) -> bool:
    """Whether the key or share that made a download is still valid, and its album still allows the size."""
    kind, principal_id = download.made_by
    now = datetime.now(UTC)
    if kind == "key" and ((key := services.access.find_key(principal_id)) is None or not key.is_valid(now)):
        return False
    if kind == "share" and not services.shares.is_open(principal_id, now):
        return False
    caller = Principal(kind, principal_id, Scope.SEARCH, frozenset({download.album}))
    return has_size(services, caller, download.album, download.size, is_organiser=download.is_organiser)


def _resumable(services: App, download: Download) -> Response:
    archive = ResumableArchive(download, services.originals, services.downloads)
    length, etag = archive.layout.length, download.download_id
    start, stop, status = 0, length, 200
    is_same = "If-Range" not in request.headers or request.if_range.etag == etag
    asked = request.range
    # Other units and several parts are not offered: the whole is answered, RFC 9110 section 14.2.
    if asked is not None and is_same and asked.units == "bytes" and len(asked.ranges) == 1:
        [(first, end)] = asked.ranges
        # The last bytes of more than there are: all of them, RFC 9110 section 14.1.2.
        wanted = Range("bytes", [(max(first, -length), end)]).range_for_length(length)
        if wanted is not None:
            start, stop = wanted
            status = 206
        else:
            message = f"The archive has {length:,} bytes: the range must begin before its end."
            raise Refused(416, "range_not_satisfiable", message, {"Content-Range": f"bytes */{length}"})
    answer = Response(archive.parts(start, stop), status=status, mimetype="application/zip")
    answer.content_length = stop - start
    answer.set_etag(etag)
    answer.headers["Accept-Ranges"] = "bytes"
    if status == 206:
        answer.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    return answer


def _whole(services: App, download: Download) -> Response:
    def pictures(photo: DownloadedPhoto) -> Iterator[MadeFile]:
        rendition = services.renditions.rendition(download.album, photo.photo_id, download.viewer_of(photo))
        yield MadeFile(name=photo.path, content=services.renditions.picture(rendition))

    def originals(photo: DownloadedPhoto) -> Iterator[MadeFile]:
        """Those of documents that do not say their size."""
        content = services.originals.read_part(photo.photo, start=0, stop=MAX_PHOTO_BYTES)
        yield MadeFile(name=photo.path, content=content)

    make: Callable[[DownloadedPhoto], Iterator[MadeFile]]
    make = pictures if download.size is DownloadSize.WEB else originals
    if download.with_metadata:
        make = _with_metadata(services, download)
    answer = Response(streamed_archive(download.photos, make), mimetype="application/zip")
    answer.headers["Accept-Ranges"] = "none"
    return answer


def _with_metadata(services: App, download: Download) -> Callable[[DownloadedPhoto], Iterator[MadeFile]]:
    ids = [photo.photo_id for photo in download.photos]
    metadata = services.album_facts.metadata(download.album, services.documents.records(download.album, ids))
    return CopiesWithMetadata(download.photos, services.originals, metadata).files


def _no_picture() -> Refused:
    message = "There is no file of this size of the photo: it was not analysed, or its album keeps only results."
    return Refused(404, "no_picture", message)


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
