"""What the routes about people share: parameters, schemas, and the answer to a change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field

from photofinish.domain.people import MAX_NAME_CHARS, Changed, Person, UnknownPerson
from photofinish.wiring import App
from photofinish_functions.api.patterns import UUID
from photofinish_functions.api.schemas import AlbumName, Output, Parameters, example, new_blueprint, storable

MAX_FACES = 1000

PersonId = Annotated[str, Field(pattern=UUID, json_schema_extra=example("0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"))]
UploadId = Annotated[str, Field(pattern=UUID)]
FaceId = Annotated[str, Field(pattern=UUID)]
FaceIds = Annotated[
    list[FaceId],
    Field(min_length=1, max_length=MAX_FACES, description="Faces of the album."),
]
Name = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_CHARS, json_schema_extra=example("Ada Lovelace")),
    AfterValidator(storable),
]


class PersonPath(Parameters):
    album: AlbumName
    person_id: PersonId


class PersonJson(Output):
    person_id: str
    name: str | None = Field(description="null for a cluster without a name.")
    user_id: str | None = Field(description="The user id in the Rekognition API.")
    created_at: datetime
    face_count: int = Field(description="Faces in the album, as of the last clustering run.")
    confirmed_count: int = Field(description="Those of these faces that were confirmed.")
    enrolled_count: int = Field(description="Accepted enrolment pictures.")


class ChangedPerson(Output):
    person: PersonJson
    operation_id: int | None = Field(description="The operation to undo it with; null where nothing changed.")


def people_blueprint(name: str) -> APIBlueprint:
    """A group of routes in the chapter `people` of the OpenAPI document."""
    return new_blueprint("people", "People on the photos, enrolled or found; their faces and bib numbers.", name=name)


def require_person(services: App, album: str, person_id: str) -> Person:
    """Raises UnknownPerson."""
    person = services.people.get(album, person_id)
    if person is None:
        raise UnknownPerson
    return person


def person_query(services: App, album: str, person_id: str) -> list[bytes]:
    """What distinguishes searches for a person: their enrolment pictures, which callers choose.

    Not their embedding: each run of the clustering changes it a little.
    """
    uploads = services.enrolments.uploads(album, person_id)
    return [b"person", person_id.encode(), *(upload.upload_id.encode() for upload in uploads)]


def changed_person(services: App, album: str, done: Changed) -> dict[str, Any]:
    """Bring the person's document up to date, and return the answer to the change."""
    services.projector.project_soon(album)
    return ChangedPerson.model_validate(done).model_dump(mode="json")
