"""Routes of an album's people: list, create, show, rename, delete."""

from __future__ import annotations

from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.people import UnknownPerson
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.people import (
    Name,
    PersonId,
    PersonJson,
    PersonPath,
    people_blueprint,
    require_person,
)
from photofinish_functions.api.routes.enrolments import MAX_UPLOADS, UploadJson, UploadTarget, new_uploads
from photofinish_functions.api.routes.numbers import NumberJson
from photofinish_functions.api.schemas import AlbumPath, Input, Output, Parameters
from photofinish_functions.api.services import Services

MAX_PAGE = 200


class PeopleQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="At most so many people.")] = 50
    after: PersonId | None = Field(None, description="`next_after` of the previous page.")
    named: bool | None = Field(None, description="true: only people with a name; false: only those without; else all.")
    name: Name | None = Field(None, description="Only people whose name has these words; all on one page, at most 100.")


class NewPerson(Input):
    name: Name | None = Field(None, description="null for a person who is not named yet.")
    pictures: int = Field(0, ge=0, le=MAX_UPLOADS, description="Number of pictures that will be uploaded.")


class Renaming(Input):
    name: Name | None = Field(description="null removes the name.")


class People(Output):
    people: list[PersonJson] = Field(description="By falling number of faces; by name where `name` is given.")
    next_after: str | None = Field(description="`after` of the next page; null on the last one.")


class Enrolment(Output):
    person: PersonJson
    uploads: list[UploadTarget]


class PersonDetail(PersonJson):
    uploads: list[UploadJson]
    numbers: list[NumberJson] = Field(description="Bib numbers that the person may wear, likeliest first.")


def blueprint(services: Services) -> APIBlueprint:
    api = people_blueprint("people")

    @api.get("/albums/<album>/people", responses={200: People})
    @guarded(Scope.SEARCH, "list_people")
    def people(path: AlbumPath, query: PeopleQuery) -> dict[str, Any]:
        """List the people of an album: enrolled people and clusters of faces."""
        next_after = None
        if query.name is not None:
            found = services.people.find_by_name(path.album, query.name)
        else:
            listed = services.people.list_people(
                path.album, limit=query.limit + 1, after=query.after, named=query.named
            )
            found = listed[: query.limit]
            if len(listed) > query.limit:
                next_after = found[-1].person_id
        if not found and not services.index.has_album(path.album):
            raise NotVisible
        audit(count=len(found))
        shown = [PersonJson.model_validate(person) for person in found]
        return People(people=shown, next_after=next_after).model_dump(mode="json")

    @api.post("/albums/<album>/people", responses={201: Enrolment})
    @guarded(Scope.WRITE, "create_person")
    def create_person(path: AlbumPath, body: NewPerson) -> tuple[dict[str, Any], int]:
        """Create a person, and return where to upload pictures of their face, from the front, in good light."""
        person = services.people.create(path.album, name=body.name, by=principal().id)
        audit(target=person.person_id, count=body.pictures)
        uploads = new_uploads(services, path.album, person.person_id, body.pictures) if body.pictures else []
        services.projector.project_soon(path.album)
        return Enrolment(person=PersonJson.model_validate(person), uploads=uploads).model_dump(mode="json"), 201

    @api.get("/albums/<album>/people/<person_id>", responses={200: PersonDetail})
    @guarded(Scope.SEARCH, "show_person")
    def person(path: PersonPath) -> dict[str, Any]:
        """Show a person, the state of their enrolment pictures, and the bib numbers that they may wear."""
        audit(target=path.person_id)
        found = require_person(services, path.album, path.person_id)
        uploads = services.enrolments.uploads(path.album, path.person_id)
        numbers = services.people_numbers.numbers(path.album, path.person_id)
        return PersonDetail(
            **PersonJson.model_validate(found).model_dump(),
            uploads=[UploadJson.model_validate(upload) for upload in uploads],
            numbers=[NumberJson.model_validate(number) for number in numbers],
        ).model_dump(mode="json")

    @api.patch("/albums/<album>/people/<person_id>", responses={200: PersonJson})
    @guarded(Scope.WRITE, "rename_person")
    def rename_person(path: PersonPath, body: Renaming) -> dict[str, Any]:
        """Name a person or a cluster. Their current faces stay theirs in later clustering runs."""
        audit(target=path.person_id)
        renamed = services.people.rename(path.album, path.person_id, body.name, by=principal().id)
        services.projector.project_soon(path.album)
        return PersonJson.model_validate(renamed).model_dump(mode="json")

    @api.delete("/albums/<album>/people/<person_id>", responses={204: None})
    @guarded(Scope.WRITE, "delete_person")
    def delete_person(path: PersonPath) -> tuple[str, int]:
        """Delete a person with their enrolment, for good. The faces on photos stay, unassigned."""
        audit(target=path.person_id)
        if not services.people.delete(path.album, path.person_id, by=principal().id):
            raise UnknownPerson
        services.projector.project_soon(path.album)
        return "", 204

    return api
