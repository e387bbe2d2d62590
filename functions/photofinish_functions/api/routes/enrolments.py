"""Pictures by which a person is enrolled: where to upload them, and how to forget one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.application.people.enrolment import object_name
from photofinish.application.pictures import MAX_PICTURE_BYTES
from photofinish.domain.access import Scope
from photofinish.domain.people import UploadStatus
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.people import PersonPath, UploadId, known, people_blueprint
from photofinish_functions.api.schemas import Input, Output, example
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused

MAX_UPLOADS = 20
UPLOAD_LIFETIME_S = 3600
# What browsers and phones send; the content decides whether it is a picture.
UPLOAD_CONTENT_TYPE = "application/octet-stream"


class UploadPath(PersonPath):
    upload_id: UploadId


class MorePictures(Input):
    pictures: int = Field(ge=1, le=MAX_UPLOADS)


class UploadJson(Output):
    upload_id: str
    status: UploadStatus
    code: str | None = Field(description="Why it was refused, for programs.", json_schema_extra=example("no_face"))
    message: str | None = Field(description="The same for people.")
    expires_at: datetime = Field(description="Until when the picture can be uploaded.")


class UploadTarget(Output):
    """Send one picture by this method, to this address, with exactly these headers."""

    upload_id: str
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime


class Uploads(Output):
    uploads: list[UploadTarget]


def blueprint(services: Services) -> APIBlueprint:
    api = people_blueprint("enrolments")

    @api.post("/albums/<album>/people/<person_id>/uploads", responses={201: Uploads})
    @guarded(Scope.WRITE, "enrol_person")
    def more_uploads(path: PersonPath, body: MorePictures) -> tuple[dict[str, Any], int]:
        """Where to upload more pictures of a person."""
        audit(target=path.person_id, count=body.pictures)
        known(services, path.album, path.person_id)
        uploads = new_uploads(services, path.album, path.person_id, body.pictures)
        return Uploads(uploads=uploads).model_dump(mode="json"), 201

    @api.delete("/albums/<album>/people/<person_id>/uploads/<upload_id>", responses={204: None})
    @guarded(Scope.WRITE, "forget_upload")
    def forget_upload(path: UploadPath) -> tuple[str, int]:
        """Forget an enrolment picture: its embedding, or that it is awaited."""
        audit(target=path.upload_id)
        least = services.pictures.calibration.min_similarity
        if not services.enrolments.remove(path.album, path.person_id, path.upload_id, min_similarity=least):
            raise Refused(404, "unknown_upload", "This person has no such upload.")
        services.projector.project_soon(path.album)
        return "", 204

    return api


def new_uploads(services: Services, album: str, person_id: str, count: int) -> list[UploadTarget]:
    """Await `count` (1 or more) pictures of a person, and say how each is uploaded."""
    expires_at = datetime.now(UTC) + timedelta(seconds=UPLOAD_LIFETIME_S)
    uploads = services.enrolments.add_uploads(album, person_id, count, expires_at=expires_at)
    return [_target(services, object_name(album, person_id, upload.upload_id), upload.upload_id) for upload in uploads]


def _target(services: Services, name: str, upload_id: str) -> UploadTarget:
    signed = services.links.upload_url(
        "enrolment", name, UPLOAD_CONTENT_TYPE, max_bytes=MAX_PICTURE_BYTES, expires_in_s=UPLOAD_LIFETIME_S
    )
    return UploadTarget(
        upload_id=upload_id,
        url=signed.url,
        method=signed.method,
        headers=dict(signed.headers),
        expires_at=signed.expires_at,
    )
