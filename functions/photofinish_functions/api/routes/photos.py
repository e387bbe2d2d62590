"""Albums and their photos: list albums, show the progress of their analysis and what was found in a photo."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.photo import PhotoStatus
from photofinish.ports import AlbumSummary, PhotoRecord
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.renditions import Renditions, sign_all
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    BoxJson,
    Output,
    Parameters,
    PhotoJson,
    Score,
    example,
    new_blueprint,
)
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused

MAX_ALBUMS = 200


class AlbumsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_ALBUMS, description="Maximum number of albums.")] = 50
    after: AlbumName | None = Field(None, description="`next_after` of the previous page.")


class Album(Output):
    album: str = Field(json_schema_extra=example("spring-10k"))
    photos: int = Field(description="Number of analysed photos.")
    faces: int
    bibs: int


class Albums(Output):
    albums: list[Album] = Field(description="The albums that the caller may search, by name.")
    next_after: str | None = Field(description="Send it as `after` to get the next page; null on the last page.")


class AlbumDetail(Album):
    photos_by_status: dict[PhotoStatus, int] = Field(description="Number of uploaded photos by status.")


class PhotoPath(Parameters):
    album: AlbumName
    photo_id: Annotated[str, Field(pattern="^[0-9a-f]{32}$", json_schema_extra=example("0" * 32))]


class ImageJson(Output):
    width: int = Field(description="Of the upright photo, in pixels.")
    height: int
    format: str
    taken_at: str | None = Field(None, description="By the camera's clock, without a time zone.")
    camera: str | None = None


class SharpnessJson(Output):
    frame: float = Field(description="0 (blurred) to 1 (sharp).")
    is_blurry: bool


class PhotoFace(Output):
    face_id: str
    box: BoxJson
    detection_score: Score
    sharpness: Score
    quality: Score
    person_id: str | None = None


class PhotoBib(Output):
    number: str
    ocr_score: Score
    partial: bool = Field(False, description="Digits may be missing.")
    box: BoxJson
    face_id: str | None = Field(None, description="The face of the person who wears the number.")


class PhotoError(Output):
    code: str
    message: str


class PhotoAnswer(Output):
    photo: PhotoJson
    status: PhotoStatus
    queued_at: datetime | None = None
    done_at: datetime | None = None
    image: ImageJson | None = None
    sharpness: SharpnessJson | None = None
    faces: list[PhotoFace] = Field(default_factory=list)
    bibs: list[PhotoBib] = Field(default_factory=list)
    text: list[str] = Field(default_factory=list, description="The lines that were read.")
    error: PhotoError | None = Field(None, description="Why the photo was rejected or failed.")
    renditions: Renditions


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("photos", "List albums, and show what was found in a photo.")

    @api.get("/albums", responses={200: Albums})
    @guarded(Scope.SEARCH, "list_albums", any_album=True)
    def albums(query: AlbumsQuery) -> dict[str, Any]:
        """List the albums that the caller may search."""
        found = services.albums.summaries(names=principal().albums, limit=query.limit + 1, after=query.after)
        shown = found[: query.limit]
        audit(count=len(shown))
        return Albums(
            albums=[Album.from_object(summary, album=summary.name) for summary in shown],
            next_after=shown[-1].name if len(found) > query.limit else None,
        ).model_dump(mode="json")

    @api.get("/albums/<album>", responses={200: AlbumDetail})
    @guarded(Scope.SEARCH, "show_album")
    def album(path: AlbumPath) -> dict[str, Any]:
        """Show an album, with the number of its photos by status."""
        found = services.albums.summaries(names=frozenset({path.album}), limit=1, after=None)
        by_status = services.documents.counts(path.album)
        if not found and not by_status:
            raise NotVisible
        summary = found[0] if found else AlbumSummary(name=path.album, photos=0, faces=0, bibs=0)
        return AlbumDetail.from_object(
            summary,
            album=summary.name,
            photos_by_status={status: count for status, count in by_status.items() if count},
        ).model_dump(mode="json")

    @api.get("/albums/<album>/photos/<photo_id>", responses={200: PhotoAnswer})
    @guarded(Scope.SEARCH, "show_photo")
    def photo(path: PhotoPath) -> dict[str, Any]:
        """Show what was found in a photo, or why it was rejected."""
        audit(target=path.photo_id)
        record = services.documents.get(path.album, path.photo_id)
        if record is None:
            raise Refused(404, "unknown_photo", "This album has no photo with this id.")
        return _photo_json(record, services).model_dump(mode="json")

    return api


def _photo_json(record: PhotoRecord, services: Services) -> PhotoAnswer:
    """The public fields of a photo's document; those about its processing are for operators."""
    fields = {name: value for name, value in record.fields.items() if value is not None}
    preview = fields.get("renditions", {}).get("preview")
    links = Renditions(preview=sign_all(services.links, [preview])[0] if preview else None)
    fields |= {"photo": record.ref, "status": record.status, "renditions": links}
    return PhotoAnswer.model_validate(fields, extra="ignore")
