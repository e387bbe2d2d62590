"""People of an album: enrol, find, name, delete; their faces, confirmed and suggested; their bib numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field

from photofinish.adapters.pg_people_changes import MAX_NUMBER_CHARS, ChangedFaces, PersonFace
from photofinish.domain.access import Scope
from photofinish.domain.bib_links import ConflictKind, NumberState, PersonNumber
from photofinish.domain.face import Embedding
from photofinish.domain.matching import match_probability
from photofinish.domain.person import MAX_NAME_CHARS, FaceSource, Person, Upload, UploadStatus
from photofinish.ports import IndexedFace
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.errors import ErrorAnswer
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.pictures import MAX_PICTURE_BYTES
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    BoxJson,
    Input,
    Output,
    Parameters,
    PhotoJson,
    box_json,
    example,
    new_blueprint,
    score_json,
    storable,
)
from photofinish_functions.api.services import Services
from photofinish_functions.enrolment import object_name
from photofinish_functions.refused import Refused

MAX_UPLOADS = 20
MAX_PAGE = 200
MAX_FACES = 1000
UPLOAD_LIFETIME_S = 3600
# What browsers and phones send; the content decides whether it is a picture.
UPLOAD_CONTENT_TYPE = "application/octet-stream"
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

PersonId = Annotated[str, Field(pattern=_ID, json_schema_extra=example("0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"))]
FaceIds = Annotated[
    list[Annotated[str, Field(pattern=_ID)]], Field(min_length=1, max_length=MAX_FACES, description="Of the album.")
]
Name = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_CHARS, json_schema_extra=example("Ada Lovelace")),
    AfterValidator(storable),
]


class PersonPath(Parameters):
    album: AlbumName
    person_id: PersonId


class UploadPath(PersonPath):
    upload_id: Annotated[str, Field(pattern=_ID)]


class NumberPath(PersonPath):
    number: Annotated[str, Field(min_length=1, max_length=MAX_NUMBER_CHARS, pattern=r"^[0-9A-Za-z-]+$")]


class PeopleQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="People at most.")] = 50
    after: PersonId | None = Field(None, description="`next_after` of the page before.")
    named: bool | None = Field(None, description="Only people with a name, or only those without; else all.")
    name: Name | None = Field(None, description="Only people whose name has these words; not page by page.")


class MatchesQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Faces at most, of each kind.")] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000, description="Of the person's faces; 0 also suggests others.")] = 0
    min_similarity: float | None = Field(
        None, ge=-1, le=1, description="Of suggestions; else that from which faces count as one person's."
    )


class NewPerson(Input):
    name: Name | None = Field(None, description="Without one it is somebody whom nobody named yet.")
    pictures: int = Field(0, ge=0, le=MAX_UPLOADS, description="How many pictures will be uploaded.")


class Renaming(Input):
    name: Name | None = Field(description="null takes the name away.")


class MorePictures(Input):
    pictures: int = Field(ge=1, le=MAX_UPLOADS)


class SomeFaces(Input):
    face_ids: FaceIds


class NumberDecision(Input):
    confirmed: bool = Field(description="Whether the number is this person's.")


class PersonJson(Output):
    person_id: str
    name: str | None = Field(description="null: a cluster that nobody named.")
    user_id: str | None = Field(description="Of the Rekognition API.")
    created_at: datetime
    face_count: int = Field(description="Faces in the album, as of the last clustering.")
    confirmed_count: int
    enrolled_count: int = Field(description="Enrolment pictures that were accepted.")

    @classmethod
    def of(cls, person: Person) -> PersonJson:
        return cls(
            person_id=person.person_id,
            name=person.name,
            user_id=person.user_id,
            created_at=person.created_at,
            face_count=person.face_count,
            confirmed_count=person.confirmed_count,
            enrolled_count=person.enrolled_count,
        )


class People(Output):
    people: list[PersonJson] = Field(description="By falling number of faces; by name where a name was asked for.")
    next_after: str | None = Field(description="For the next page; null where this is the last.")


class UploadJson(Output):
    upload_id: str
    status: UploadStatus
    code: str | None = Field(description="Why it was refused, for programs.", json_schema_extra=example("no_face"))
    message: str | None = Field(description="The same for people.")
    expires_at: datetime = Field(description="Until when the picture can be uploaded.")

    @classmethod
    def of(cls, upload: Upload) -> UploadJson:
        return cls(
            upload_id=upload.upload_id,
            status=upload.status,
            code=upload.code,
            message=upload.message,
            expires_at=upload.expires_at,
        )


class UploadTarget(Output):
    """Send one picture by this method, to this address, with exactly these headers."""

    upload_id: str
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime


class Enrolment(Output):
    person: PersonJson
    uploads: list[UploadTarget]


class Uploads(Output):
    uploads: list[UploadTarget]


class EvidenceJson(Output):
    """A photo on which the number was read beside the person's face."""

    photo: PhotoJson
    face_id: str
    box: BoxJson
    ocr_score: float
    partial: bool


class ConflictJson(Output):
    kind: ConflictKind
    number: str
    person_id: str
    score: float
    confirmed: bool


class NumberJson(Output):
    number: str
    state: NumberState
    score: float = Field(description="0 to 1: how likely the number is this person's.")
    part_of: str | None = Field(description="The number of which this one shows only some digits.")
    evidence: list[EvidenceJson]
    conflicts: list[ConflictJson] = Field(description="What contradicts it; somebody has to decide.")

    @classmethod
    def of(cls, number: PersonNumber) -> NumberJson:
        return cls(
            number=number.number,
            state=number.state,
            score=score_json(number.score),
            part_of=number.part_of,
            evidence=[
                EvidenceJson(
                    photo=PhotoJson.of(one.photo),
                    face_id=one.face_id,
                    box=box_json(one.box),
                    ocr_score=score_json(one.ocr_score),
                    partial=one.partial,
                )
                for one in number.evidence
            ],
            conflicts=[
                ConflictJson(
                    kind=one.kind,
                    number=one.number,
                    person_id=one.person_id,
                    score=score_json(one.score),
                    confirmed=one.confirmed,
                )
                for one in number.conflicts
            ],
        )


class PersonDetail(PersonJson):
    uploads: list[UploadJson]
    numbers: list[NumberJson] = Field(description="Bib numbers, the likeliest first.")


class FaceJson(Output):
    face_id: str
    photo: PhotoJson
    box: BoxJson
    quality: float
    similarity: float | None = Field(description="Cosine to the centroid of the person's faces.")
    probability: float | None = Field(
        description="That two faces of this similarity are one person's, were either equally likely beforehand."
    )


class OwnFace(FaceJson):
    source: FaceSource = Field(description="`clustered`: by similarity; else somebody decided it.")


class SuggestedFace(FaceJson):
    person_id: str | None = Field(description="To whom clustering gave it so far.")


class Matches(Output):
    faces: list[OwnFace] = Field(description="Confirmed ones first, then the best.")
    suggested: list[SuggestedFace] = Field(description="The most similar of others' and nobody's faces.")
    min_similarity: float = Field(description="From here on two faces count as one person's.")


class ChangedFacesJson(Output):
    changed: list[str]
    refused: dict[str, str] = Field(description="Face id to reason: `unknown_face` or `other_person`.")
    operation_id: int | None = Field(description="By which it can be undone; null where nothing changed.")

    @classmethod
    def of(cls, changed: ChangedFaces) -> ChangedFacesJson:
        return cls(
            changed=list(changed.changes.changed),
            refused=dict(changed.changes.refused),
            operation_id=changed.operation_id,
        )


class ChangedPerson(Output):
    person: PersonJson
    operation_id: int | None = Field(description="By which it can be undone; null where nothing changed.")


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("people", "Who is on the photos: people enrolled or found, their faces and numbers.")

    @api.get("/albums/<album>/people", responses={200: People})
    @guarded(Scope.SEARCH, "list_people")
    def people(path: AlbumPath, query: PeopleQuery) -> dict[str, Any]:
        """The people of an album: enrolled ones and clusters."""
        if query.name is not None:
            found = services.people.find_by_name(path.album, query.name)
            page = People(people=[PersonJson.of(person) for person in found], next_after=None)
        else:
            listed = services.people.list_people(
                path.album, limit=query.limit + 1, after=query.after, named=query.named
            )
            shown = listed[: query.limit]
            page = People(
                people=[PersonJson.of(person) for person in shown],
                next_after=shown[-1].person_id if len(listed) > query.limit else None,
            )
        if not page.people and not services.index.has_album(path.album):
            raise NotVisible
        audit(count=len(page.people))
        return page.model_dump(mode="json")

    @api.post("/albums/<album>/people", responses={201: Enrolment})
    @guarded(Scope.WRITE, "create_person")
    def create_person(path: AlbumPath, body: NewPerson) -> tuple[dict[str, Any], int]:
        """A new person, and where to upload their pictures: each shows this one face, from the front, in good light."""
        person = services.people.create(path.album, name=body.name, by=principal().id)
        audit(target=person.person_id, count=body.pictures)
        targets = _targets(services, path.album, person.person_id, body.pictures)
        services.projector.project_soon(path.album)
        return Enrolment(person=PersonJson.of(person), uploads=targets).model_dump(mode="json"), 201

    @api.get("/albums/<album>/people/<person_id>", responses={200: PersonDetail})
    @guarded(Scope.SEARCH, "show_person")
    def person(path: PersonPath) -> dict[str, Any]:
        """One person, what became of their pictures, and the bib numbers that may be theirs."""
        audit(target=path.person_id)
        found = known(services, path.album, path.person_id)
        return PersonDetail(
            **PersonJson.of(found).model_dump(),
            uploads=[UploadJson.of(upload) for upload in services.enrolments.uploads(path.album, path.person_id)],
            numbers=[NumberJson.of(n) for n in services.people_changes.numbers(path.album, path.person_id)],
        ).model_dump(mode="json")

    @api.patch("/albums/<album>/people/<person_id>", responses={200: PersonJson})
    @guarded(Scope.WRITE, "rename_person")
    def rename_person(path: PersonPath, body: Renaming) -> dict[str, Any]:
        """Name a person or a cluster. The faces they have now stay theirs whatever clustering finds later."""
        audit(target=path.person_id)
        known(services, path.album, path.person_id)
        renamed = services.people.rename(path.album, path.person_id, body.name, by=principal().id)
        services.projector.project_soon(path.album)
        return PersonJson.of(renamed).model_dump(mode="json")

    @api.delete("/albums/<album>/people/<person_id>", responses={204: None})
    @guarded(Scope.WRITE, "delete_person")
    def delete_person(path: PersonPath) -> tuple[str, int]:
        """Delete a person with all their embeddings, for good. The faces on photos stay, as nobody's."""
        audit(target=path.person_id)
        if not services.people.delete(path.album, path.person_id, by=principal().id):
            raise _unknown_person()
        services.projector.project_soon(path.album)
        return "", 204

    @api.post("/albums/<album>/people/<person_id>/uploads", responses={201: Uploads})
    @guarded(Scope.WRITE, "enrol_person")
    def more_uploads(path: PersonPath, body: MorePictures) -> tuple[dict[str, Any], int]:
        """Where to upload more pictures of a person."""
        audit(target=path.person_id, count=body.pictures)
        known(services, path.album, path.person_id)
        targets = _targets(services, path.album, path.person_id, body.pictures)
        return Uploads(uploads=targets).model_dump(mode="json"), 201

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

    @api.get("/albums/<album>/people/<person_id>/matches", responses={200: Matches})
    @guarded(Scope.SEARCH, "list_matches")
    def matches(path: PersonPath, query: MatchesQuery) -> dict[str, Any]:
        """The faces of a person, and others' and nobody's that look like them."""
        found = known(services, path.album, path.person_id)
        own = services.people_changes.faces(path.album, path.person_id, limit=query.limit, offset=query.offset)
        looks = [
            look
            for look in services.people.embeddings(path.album, path.person_id)
            if look.space == services.embedding_space
        ]
        calibration = services.pictures.calibration
        least = calibration.min_similarity if query.min_similarity is None else query.min_similarity
        suggested = _suggested(services, path.album, found, looks, query.limit, least) if query.offset == 0 else []
        answer = Matches(
            faces=_own_faces(services, path.album, own, looks),
            suggested=suggested,
            min_similarity=calibration.min_similarity,
        )
        audit(target=path.person_id, count=len(answer.faces) + len(answer.suggested))
        return answer.model_dump(mode="json")

    @api.post("/albums/<album>/people/<person_id>/faces", responses={200: ChangedFacesJson})
    @guarded(Scope.WRITE, "confirm_faces")
    def confirm_faces(path: PersonPath, body: SomeFaces) -> dict[str, Any]:
        """Confirm faces of the album as this person's; later searches and clusterings build on that."""
        known(services, path.album, path.person_id)
        done = services.people_changes.confirm(path.album, path.person_id, body.face_ids, by=principal().id)
        return _changed(services, path, done)

    @api.post("/albums/<album>/people/<person_id>/rejections", responses={200: ChangedFacesJson})
    @guarded(Scope.WRITE, "reject_faces")
    def reject_faces(path: PersonPath, body: SomeFaces) -> dict[str, Any]:
        """Say that faces are not this person's: they are never theirs again, unless somebody confirms them."""
        known(services, path.album, path.person_id)
        done = services.people_changes.reject(path.album, path.person_id, body.face_ids, by=principal().id)
        return _changed(services, path, done)

    @api.put("/albums/<album>/people/<person_id>/numbers/<number>", responses={200: ChangedPerson, 409: ErrorAnswer})
    @guarded(Scope.WRITE, "decide_number")
    def decide_number(path: NumberPath, body: NumberDecision) -> dict[str, Any]:
        """Say whether a bib number is this person's; what contradicts it stays, and stays flagged."""
        audit(target=path.person_id)
        known(services, path.album, path.person_id)
        done = services.people_changes.decide_number(
            path.album, path.person_id, path.number, confirmed=body.confirmed, by=principal().id
        )
        services.projector.project_soon(path.album)
        answer = ChangedPerson(person=PersonJson.of(done.person), operation_id=done.operation_id)
        return answer.model_dump(mode="json")

    return api


def known(services: Services, album: str, person_id: str) -> Person:
    """Raises 404 `unknown_person` where the album has none."""
    found = services.people.get(album, person_id)
    if found is None:
        raise _unknown_person()
    return found


def _unknown_person() -> Refused:
    return Refused(404, "unknown_person", "This album has no such person.")


def _targets(services: Services, album: str, person_id: str, count: int) -> list[UploadTarget]:
    if count == 0:
        return []
    expires_at = datetime.now(UTC) + timedelta(seconds=UPLOAD_LIFETIME_S)
    uploads = services.enrolments.add_uploads(album, person_id, count, expires_at=expires_at)
    targets = []
    for upload in uploads:
        signed = services.links.upload_url(
            "enrolment",
            object_name(album, person_id, upload.upload_id),
            UPLOAD_CONTENT_TYPE,
            max_bytes=MAX_PICTURE_BYTES,
            expires_in_s=UPLOAD_LIFETIME_S,
        )
        targets.append(
            UploadTarget(
                upload_id=upload.upload_id,
                url=signed.url,
                method=signed.method,
                headers=dict(signed.headers),
                expires_at=signed.expires_at,
            )
        )
    return targets


def _changed(services: Services, path: PersonPath, done: ChangedFaces) -> dict[str, Any]:
    audit(target=path.person_id, count=len(done.changes.changed))
    services.projector.project_soon(path.album)
    return ChangedFacesJson.of(done).model_dump(mode="json")


def _own_faces(services: Services, album: str, faces: list[PersonFace], looks: list[Embedding]) -> list[OwnFace]:
    embeddings = services.index.embeddings(album, [one.face.face_id for one in faces])
    return [
        OwnFace(**_face(services, one.face, _similarity(embeddings.get(one.face.face_id), looks)), source=one.source)
        for one in faces
    ]


def _suggested(
    services: Services, album: str, person: Person, looks: list[Embedding], limit: int, min_similarity: float
) -> list[SuggestedFace]:
    """The most similar faces that are not the person's, nor rejected, nor decided to be another's."""
    if not looks:
        return []
    rejected = services.people_changes.rejected(album, person.person_id)
    # Their own and rejected ones are found as well.
    count = limit + min(person.face_count + len(rejected), MAX_FACES)
    found = services.index.search(album, looks, limit=count, min_similarity=min_similarity)
    owners = services.people_changes.owners(album, [match.face.face_id for match in found])
    suggested = []
    for match in found:
        owner, source = owners.get(match.face.face_id, (None, None))
        if match.face.face_id in rejected or owner == person.person_id:
            continue
        if source in (None, FaceSource.CLUSTERED):
            suggested.append(SuggestedFace(**_face(services, match.face, match.similarity), person_id=owner))
    return suggested[:limit]


def _similarity(embedding: Embedding | None, looks: list[Embedding]) -> float | None:
    if embedding is None:
        return None
    return next((float(look.vector @ embedding.vector) for look in looks if look.space == embedding.space), None)


def _face(services: Services, face: IndexedFace, similarity: float | None) -> dict[str, Any]:
    probability = None if similarity is None else match_probability(similarity, services.pictures.calibration)
    return {
        "face_id": face.face_id,
        "photo": PhotoJson.of(face.photo),
        "box": box_json(face.box),
        "quality": score_json(face.quality),
        "similarity": None if similarity is None else score_json(similarity),
        "probability": None if probability is None else score_json(probability),
    }
