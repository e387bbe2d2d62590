"""People as the API writes and reads them, for all routes that are about one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field

from photofinish.domain.people import MAX_NAME_CHARS, Changed, Person
from photofinish_functions.api.schemas import AlbumName, Output, Parameters, example, new_blueprint, storable
from photofinish_functions.api.services import Services
from photofinish_functions.refused import Refused

MAX_FACES = 1000
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

PersonId = Annotated[str, Field(pattern=_UUID, json_schema_extra=example("0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"))]
UploadId = Annotated[str, Field(pattern=_UUID)]
FaceIds = Annotated[
    list[Annotated[str, Field(pattern=_UUID)]], Field(min_length=1, max_length=MAX_FACES, description="Of the album.")
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
    name: str | None = Field(description="null: a cluster that nobody named.")
    user_id: str | None = Field(description="Of the Rekognition API.")
    created_at: datetime
    face_count: int = Field(description="Faces in the album, as of the last clustering.")
    confirmed_count: int
    enrolled_count: int = Field(description="Enrolment pictures that were accepted.")


class ChangedPerson(Output):
    person: PersonJson
    operation_id: int | None = Field(description="By which it can be undone; null where nothing changed.")


def people_blueprint(name: str) -> APIBlueprint:
    """One of the groups of routes that are the chapter `people` of the OpenAPI document."""
    return new_blueprint(
        "people", "Who is on the photos: people enrolled or found, their faces and numbers.", name=name
    )


def known(services: Services, album: str, person_id: str) -> Person:
    """Raises 404 `unknown_person` where the album has none."""
    found = services.people.get(album, person_id)
    if found is None:
        raise unknown_person()
    return found


def unknown_person() -> Refused:
    return Refused(404, "unknown_person", "This album has no such person.")


def changed_person(services: Services, album: str, done: Changed) -> dict[str, Any]:
    """The answer to a change of a person, which apps get to see."""
    services.projector.project_soon(album)
    return ChangedPerson.model_validate(done).model_dump(mode="json")
