"""Albums and their photos: what there is, how far the analysis is, what was found in one photo."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.photo import PhotoStatus
from photofinish.ports import AlbumSummary, PhotoRecord
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.faces import Renditions, sign_all
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    BoxJson,
    Output,
    Parameters,
    PhotoJson,
    example,
    new_blueprint,
    score_json,
)
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused

MAX_ALBUMS = 200


class AlbumsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_ALBUMS, description="Albums at most.")] = 50
    after: AlbumName | None = Field(None, description="`next_after` of the page before.")


class Album(Output):
    album: str = Field(json_schema_extra=example("spring-10k"))
    photos: int = Field(description="Photos that were analysed.")
    faces: int
    bibs: int


class Albums(Output):
    albums: list[Album] = Field(description="Those that the key may search, by name.")
    next_after: str | None = Field(description="For the next page; null where this is the last.")


class AlbumDetail(Album):
    photos_by_status: dict[PhotoStatus, int] = Field(description="All photos that were dropped, by how far they are.")


class PhotoPath(Parameters):
    album: AlbumName
    photo_id: Annotated[str, Field(pattern="^[0-9a-f]{32}$", json_schema_extra=example("0" * 32))]


class ImageJson(Output):
    width: int = Field(description="Of the upright photo, in pixels.")
    height: int
    format: str
    taken_at: str | None = Field(description="By the camera's own clock.")
    camera: str | None


class SharpnessJson(Output):
    frame: float = Field(description="0 (blurred) to 1 (sharp).")
    is_blurry: bool


class PhotoFace(Output):
    face_id: str
    box: BoxJson
    detection_score: float
    sharpness: float
    quality: float
    person_id: str | None


class PhotoBib(Output):
    number: str
    ocr_score: float
    partial: bool
    box: BoxJson
    face_id: str | None


class PhotoError(Output):
    code: str
    message: str


class PhotoAnswer(Output):
    photo: PhotoJson
    status: PhotoStatus
    queued_at: datetime | None
    done_at: datetime | None
    image: ImageJson | None
    sharpness: SharpnessJson | None
    faces: list[PhotoFace]
    bibs: list[PhotoBib]
    text: list[str]
    error: PhotoError | None = Field(description="Why it was rejected or failed.")
    renditions: Renditions


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("photos", "Albums and their photos.")

    @api.get("/albums", responses={200: Albums})
    @guarded(Scope.SEARCH, "list_albums", any_album=True)
    def albums(query: AlbumsQuery) -> dict[str, Any]:
        """The albums that the key may search."""
        found = services.albums.summaries(names=principal().albums, limit=query.limit + 1, after=query.after)
        shown = found[: query.limit]
        audit(count=len(shown))
        return Albums(
            albums=[_album_json(summary) for summary in shown],
            next_after=shown[-1].name if len(found) > query.limit else None,
        ).model_dump(mode="json")

    @api.get("/albums/<album>", responses={200: AlbumDetail})
    @guarded(Scope.SEARCH, "show_album")
    def album(path: AlbumPath) -> dict[str, Any]:
        """One album, and how far its photos are."""
        found = services.albums.summaries(names=frozenset({path.album}), limit=1, after=None)
        by_status = services.documents.counts(path.album)
        if not found and not by_status:
            raise NotVisible
        summary = found[0] if found else AlbumSummary(name=path.album, photos=0, faces=0, bibs=0)
        return AlbumDetail(
            **_album_json(summary).model_dump(),
            photos_by_status={status: count for status, count in by_status.items() if count},
        ).model_dump(mode="json")

    @api.get("/albums/<album>/photos/<photo_id>", responses={200: PhotoAnswer})
    @guarded(Scope.SEARCH, "show_photo")
    def photo(path: PhotoPath) -> dict[str, Any]:
        """What was found in one photo, or why nothing was."""
        audit(target=path.photo_id)
        record = services.documents.get(path.album, path.photo_id)
        if record is None:
            raise Refused(404, "unknown_photo", "This album has no photo of this id.")
        return _photo_json(record, services).model_dump(mode="json")

    return api


def _album_json(summary: AlbumSummary) -> Album:
    return Album(album=summary.name, photos=summary.photos, faces=summary.faces, bibs=summary.bibs)


def _photo_json(record: PhotoRecord, services: Services) -> PhotoAnswer:
    """The public part of a photo's document; how it was processed is for operators."""
    fields = record.fields
    image, sharpness, error = fields.get("image"), fields.get("sharpness"), fields.get("error")
    preview = (fields.get("renditions") or {}).get("preview")
    return PhotoAnswer(
        photo=PhotoJson.of(record.ref),
        status=record.status,
        queued_at=fields.get("queued_at"),
        done_at=fields.get("done_at"),
        image=image and ImageJson(**{name: image.get(name) for name in ImageJson.model_fields}),
        sharpness=sharpness and SharpnessJson(frame=sharpness["frame"], is_blurry=sharpness["is_blurry"]),
        faces=[
            PhotoFace(
                face_id=face["face_id"],
                box=_box(face["box"]),
                detection_score=score_json(face["detection_score"]),
                sharpness=score_json(face["sharpness"]),
                quality=score_json(face["quality"]),
                person_id=face.get("person_id"),
            )
            for face in fields.get("faces") or ()
        ],
        bibs=[
            PhotoBib(
                number=bib["number"],
                ocr_score=score_json(bib["ocr_score"]),
                partial=bib.get("partial", False),
                box=_box(bib["box"]),
                face_id=bib.get("face_id"),
            )
            for bib in fields.get("bibs") or ()
        ],
        text=list(fields.get("text") or ()),
        error=error and PhotoError(code=error["code"], message=error["message"]),
        renditions=Renditions(preview=sign_all(services.links, [preview])[0] if preview else None),
    )


def _box(box: dict[str, float]) -> list[float]:
    return [box["x"], box["y"], box["w"], box["h"]]
