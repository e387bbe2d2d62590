"""Routes of enrolment pictures: where to upload them, and how to forget one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.application.consent.liveness import liveness_of
from photofinish.application.people.enrolment import await_pictures
from photofinish.domain.access import Scope
from photofinish.domain.liveness import Liveness
from photofinish.domain.people import UploadStatus
from photofinish.wiring import App
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.people import PersonPath, UploadId, people_blueprint
from photofinish_functions.api.schemas import Input, Output, example
from photofinish_functions.refused import Refused

MAX_UPLOADS = 20


class UploadPath(PersonPath):
    upload_id: UploadId


class MorePictures(Input):
    pictures: int = Field(ge=1, le=MAX_UPLOADS)


class UploadJson(Output):
    upload_id: str
    status: UploadStatus
    code: str | None = Field(
        description="Why the picture was refused, for programs.", json_schema_extra=example("no_face")
    )
    message: str | None = Field(description="Why the picture was refused, for people.")
    expires_at: datetime = Field(description="Upload the picture before this time.")


class UploadTarget(Output):
    """Send one picture by this method, to this address, with exactly these headers."""

    upload_id: str
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime


class Uploads(Output):
    uploads: list[UploadTarget]
    liveness: Liveness = Field(description="Whether the pictures are checked for being of a living person.")


def blueprint(services: App) -> APIBlueprint:
    api = people_blueprint("enrolments")

    @api.post("/albums/<album>/people/<person_id>/uploads", responses={201: Uploads})
    @guarded(Scope.WRITE, "enrol_person")
    def add_uploads(path: PersonPath, body: MorePictures) -> tuple[dict[str, Any], int]:
        """Return where to upload more pictures of a person."""
        audit(target=path.person_id, count=body.pictures)
        uploads = new_uploads(services, path.album, path.person_id, body.pictures)
        return Uploads(uploads=uploads, liveness=liveness_of(services.liveness)).model_dump(mode="json"), 201

    @api.delete("/albums/<album>/people/<person_id>/uploads/<upload_id>", responses={204: None})
    @guarded(Scope.WRITE, "forget_upload")
    def delete_upload(path: UploadPath) -> tuple[str, int]:
        """Forget an enrolment picture: delete its embedding, or stop awaiting it."""
        audit(target=path.upload_id)
        least = services.calibration.min_similarity
        if not services.enrolments.remove(path.album, path.person_id, path.upload_id, min_similarity=least):
            raise Refused(404, "unknown_upload", "This person has no such upload.")
        services.projector.project_soon(path.album)
        return "", 204

    return api


def new_uploads(services: App, album: str, person_id: str, count: int) -> list[UploadTarget]:
    """Await `count` (1 or more) pictures of a person."""
    uploads = await_pictures(album, person_id, count, enrolments=services.enrolments, links=services.links)
    return [
        UploadTarget(
            upload_id=upload_id,
            url=signed.url,
            method=signed.method,
            headers=dict(signed.headers),
            expires_at=signed.expires_at,
        )
        for upload_id, signed in uploads.items()
    ]
