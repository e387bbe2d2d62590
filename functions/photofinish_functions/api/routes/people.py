"""Routes of an album's people: list, create, show, rename, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter

from photofinish.application.consent.liveness import liveness_of
from photofinish.domain.access import Scope
from photofinish.domain.bib_links import worn_numbers
from photofinish.domain.erasure import ErasureKind, ErasureTarget
from photofinish.domain.liveness import Liveness
from photofinish.domain.people import Person, UnknownPerson
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.erasing import ErasureJson, request_erasure
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.people import (
    Name,
    PersonId,
    PersonJson,
    PersonPath,
    people_blueprint,
    require_person,
)
from photofinish_functions.api.renditions import Renditions, indexed_photo, rendition_links
from photofinish_functions.api.routes.enrolments import MAX_UPLOADS, UploadJson, UploadTarget, new_uploads
from photofinish_functions.api.routes.numbers import NumberJson
from photofinish_functions.api.schemas import (
    AlbumPath,
    BoxJson,
    Input,
    Output,
    Parameters,
    PhotoJson,
    Score,
    deprecated,
)

MAX_PAGE = 200
_PERSON_ID = TypeAdapter[str](PersonId)


class PeopleQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="At most so many people.")] = 50
    cursor: Cursor | None = None
    after: PersonId | None = deprecated("cursor", default=None)
    named: bool | None = Field(None, description="true: only people with a name; false: only those without; else all.")
    name: Name | None = Field(None, description="Only people whose name has these words; all on one page, at most 100.")


class NewPerson(Input):
    name: Name | None = Field(None, description="null for a person who is not named yet.")
    pictures: int = Field(0, ge=0, le=MAX_UPLOADS, description="Number of pictures that will be uploaded.")


class Renaming(Input):
    name: Name | None = Field(description="null removes the name.")


class CoverJson(Output):
    """The best face of a person."""

    face_id: str
    photo: PhotoJson
    box: BoxJson
    quality: Score
    renditions: Renditions


class ListedPerson(PersonJson):
    bib_numbers: list[str] = Field(description="Numbers inferred or confirmed for them, likeliest first.")
    cover: CoverJson | None = Field(description="null for a person without a face on a photo.")


class People(Output):
    people: list[ListedPerson] = Field(description="By falling number of faces; by name where `name` is given.")
    next_cursor: str | None = next_cursor()
    next_after: str | None = deprecated("next_cursor")


class Enrolment(Output):
    person: PersonJson
    uploads: list[UploadTarget]
    liveness: Liveness = Field(description="Whether the pictures are checked for being of a living person.")


class PersonDetail(PersonJson):
    uploads: list[UploadJson]
    numbers: list[NumberJson] = Field(description="Bib numbers that may be the person's, likeliest first.")


def blueprint(services: App) -> APIBlueprint:
    api = people_blueprint("people")

    @api.get("/albums/<album>/people", responses={200: People})
    @guarded(Scope.SEARCH, "list_people")
    @fails_with("invalid_value")
    def list_people(path: AlbumPath, query: PeopleQuery) -> dict[str, Any]:
        """List the people of an album: enrolled people and clusters of faces."""
        listing = ("people", path.album, query.named)
        after, last = position(listing, query.cursor, query.after, _PERSON_ID), None
        found: Sequence[Person]
        if query.name is not None:
            found = services.people.find_by_name(path.album, query.name)
        else:
            listed = services.people.list_people(path.album, limit=query.limit + 1, after=after, named=query.named)
            found, last = page_of(listed, query.limit, lambda one: one.person_id)
        if not found:
            check_album(services, path.album)
        audit(count=len(found))
        return People(
            people=_listed(services, path.album, found), next_cursor=cursor_after(listing, last), next_after=last
        ).model_dump(mode="json")

    @api.post("/albums/<album>/people", responses={201: Enrolment})
    @guarded(Scope.WRITE, "create_person", makes_album=True)
    @fails_with("invalid_value", "person_name_not_allowed")
    def create_person(path: AlbumPath, body: NewPerson) -> tuple[dict[str, Any], int]:
        """Create a person, and return where to upload pictures of their face, from the front, in good light."""
        person = services.people.create(path.album, name=body.name, by=principal().id)
        audit(target=person.person_id, count=body.pictures)
        uploads = new_uploads(services, path.album, person.person_id, body.pictures) if body.pictures else []
        services.projector.project_soon(path.album)
        return Enrolment(
            person=PersonJson.model_validate(person), uploads=uploads, liveness=liveness_of(services.liveness)
        ).model_dump(mode="json"), 201

    @api.get("/albums/<album>/people/<person_id>", responses={200: PersonDetail})
    @guarded(Scope.SEARCH, "show_person")
    def show_person(path: PersonPath) -> dict[str, Any]:
        """Show a person, the state of their enrolment pictures, and the bib numbers that may be theirs."""
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
    @fails_with("invalid_value", "person_name_not_allowed")
    def rename_person(path: PersonPath, body: Renaming) -> dict[str, Any]:
        """Name a person or a cluster. Their current faces stay theirs in later clustering runs."""
        audit(target=path.person_id)
        renamed = services.people.rename(path.album, path.person_id, body.name, by=principal().id)
        services.projector.project_soon(path.album)
        return PersonJson.model_validate(renamed).model_dump(mode="json")

    @api.delete("/albums/<album>/people/<person_id>", responses={202: ErasureJson})
    @guarded(Scope.WRITE, "delete_person")
    def delete_person(path: PersonPath) -> tuple[dict[str, Any], int]:
        """Erase a person: name, numbers, enrolment, consent records, and all their faces. Their photos stay."""
        audit(target=path.person_id)
        return request_erasure(
            services, ErasureTarget(kind=ErasureKind.PERSON, album=path.album, id=path.person_id), UnknownPerson()
        )

    return api


def _listed(services: App, album: str, people: Sequence[Person]) -> list[ListedPerson]:
    """`people` with their covers and numbers."""
    ids = [person.person_id for person in people]
    covers = services.people.covers(album, ids)
    photos = [
        indexed_photo(services, cover.face.photo, cover.pipeline_version, placeholder=cover.placeholder)
        for cover in covers.values()
    ]
    links = rendition_links(services, album, photos)
    shown = {
        person_id: CoverJson.from_object(cover.face, renditions=renditions)
        for (person_id, cover), renditions in zip(covers.items(), links, strict=True)
    }
    numbers = services.people_numbers.numbers_of(album, ids)
    return [
        ListedPerson.from_object(
            person, bib_numbers=worn_numbers(numbers[person.person_id]), cover=shown.get(person.person_id)
        )
        for person in people
    ]
