"""Routes of a photo's bib numbers: correct one, the history of corrections, undo."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter, ValidationInfo, field_validator

from photofinish.domain.access import Scope
from photofinish.domain.bib_changes import BibOperation, CorrectedPhoto
from photofinish.domain.bib_corrections import CorrectionKind, CorrectionRequest
from photofinish.domain.geometry import Box
from photofinish.domain.people_rules import MAX_NUMBER_CHARS
from photofinish.wiring import App
from photofinish_functions.access.refusals import NotVisible
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.patterns import BIB_NUMBER
from photofinish_functions.api.people import FaceId
from photofinish_functions.api.routes.clusters import MAX_OPERATION, MAX_PAGE, OperationPath
from photofinish_functions.api.routes.photos import PhotoBib, PhotoId, PhotoPath
from photofinish_functions.api.schemas import (
    AlbumPath,
    Input,
    Output,
    Parameters,
    PhotoJson,
    example,
    new_blueprint,
)

Number = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NUMBER_CHARS, pattern=BIB_NUMBER, json_schema_extra=example("1495")),
]
_OPERATION_ID = TypeAdapter(Annotated[int, Field(ge=1, le=MAX_OPERATION)])
_FACE_MEANS = (
    "add: the wearer, if known; move: the new wearer; else the face that wears the number now, which is needed only if "
    "the photo has the number several times."
)


class GivenBox(Input):
    """A rectangle as fractions of the upright picture."""

    x: float = Field(ge=-1, le=2, json_schema_extra=example(0.41))
    y: float = Field(ge=-1, le=2, json_schema_extra=example(0.42))
    w: float = Field(gt=0, le=3, json_schema_extra=example(0.12))
    h: float = Field(gt=0, le=3, json_schema_extra=example(0.05))


class BibCorrectionBody(Input):
    """What is wrong with a number of the photo. It holds for every later analysis of this version of the photo."""

    action: Annotated[
        Literal["replace", "add", "remove", "move"],
        Field(description="replace: `new_number` is worn instead; move: another face wears it."),
    ]
    number: Number = Field(description="The number as the photo shows it now; for `add`, the number that is missing.")
    new_number: Number | None = Field(None, description="For `replace`, and for nothing else.", validate_default=True)
    face_id: FaceId | None = Field(None, description=_FACE_MEANS, validate_default=True)
    box: GivenBox | None = Field(None, description="For `add`: where the number is in the photo, if known.")

    @field_validator("new_number")
    @classmethod
    def _only_to_replace(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (info.data.get("action") == "replace") != (value is not None):
            raise ValueError("is needed for the action replace, and for no other")
        return value

    @field_validator("face_id")
    @classmethod
    def _needed_to_move(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("action") == "move" and value is None:
            raise ValueError("is needed for the action move: the new wearer")
        return value

    @field_validator("box")
    @classmethod
    def _only_to_add(cls, value: GivenBox | None, info: ValidationInfo) -> GivenBox | None:
        if value is not None and info.data.get("action") != "add":
            raise ValueError("is allowed for the action add only: another number keeps its place")
        return value

    def request(self) -> CorrectionRequest:
        return CorrectionRequest(
            kind=CorrectionKind(self.action),
            number=self.number,
            new_number=self.new_number,
            face_id=self.face_id,
            box=None if self.box is None else Box(**self.box.model_dump()),
        )


class CorrectedBibs(Output):
    photo: PhotoJson
    bibs: list[PhotoBib] = Field(description="The numbers of the photo now.")
    operation_id: int | None = Field(description="The operation to undo it with; null where nothing changed.")

    @classmethod
    def of(cls, done: CorrectedPhoto) -> CorrectedBibs:
        return cls(
            photo=PhotoJson.model_validate(done.photo.photo),
            bibs=[PhotoBib.from_object(bib) for bib in done.photo.bibs],
            operation_id=done.operation_id,
        )


class BibOperationsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    cursor: Cursor | None = None
    photo_id: PhotoId | None = Field(None, description="Only operations on this photo.")


class BibOperationJson(Output):
    operation_id: int
    kind: str = Field(description="`replace`, `add`, `remove`, `move`, `undo`, or `redo`: an undo was undone.")
    photo: PhotoJson
    number: str = Field(description="The number that is right; for a removal, the one that is wrong.")
    instead_of: str | None = Field(description="For a replacement, the number that is wrong.")
    done_at: datetime
    done_by: str | None = Field(description="The principal; null once the audit of that time has expired.")
    is_active: bool = Field(description="Whether this correction applies now.")
    undoes: int | None
    undone_by: int | None

    @classmethod
    def of(cls, done: BibOperation) -> BibOperationJson:
        return cls.from_object(done, number=done.correction.number, instead_of=done.correction.instead_of)


class BibOperations(Output):
    operations: list[BibOperationJson] = Field(description="Newest first.")
    next_cursor: str | None = next_cursor()


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("bibs", "Corrections of bib numbers, which every later analysis respects.")

    @api.patch("/albums/<album>/photos/<photo_id>/bibs", responses={200: CorrectedBibs})
    @guarded(Scope.WRITE, "correct_bib")
    @fails_with("unknown_bib", "unknown_face", "several_bibs", "not_analysed", "number_not_allowed", "invalid_value")
    def correct_bib(path: PhotoPath, body: BibCorrectionBody) -> dict[str, Any]:
        """Replace, add or remove a bib number of a photo, or move it to another face."""
        audit(target=path.photo_id)
        done = services.bib_corrector.correct(path.album, path.photo_id, body.request(), by=principal().id)
        return CorrectedBibs.of(done).model_dump(mode="json")

    @api.get("/albums/<album>/bib-operations", responses={200: BibOperations})
    @guarded(Scope.WRITE, "list_bib_operations")
    def list_bib_operations(path: AlbumPath, query: BibOperationsQuery) -> dict[str, Any]:
        """List the corrections of the album's bib numbers, or of one photo's."""
        listing = ("bib-operations", path.album, query.photo_id)
        before = position(listing, query.cursor, None, _OPERATION_ID)
        found = services.bib_corrections.operations(
            path.album, photo_id=query.photo_id, limit=query.limit + 1, before=before
        )
        if not found and not services.index.has_album(path.album):
            raise NotVisible
        shown, last = page_of(found, query.limit, lambda one: one.operation_id)
        audit(target=query.photo_id, count=len(shown))
        return BibOperations(
            operations=[BibOperationJson.of(done) for done in shown], next_cursor=cursor_after(listing, last)
        ).model_dump(mode="json")

    @api.post("/albums/<album>/bib-operations/<operation_id>/undo", responses={200: CorrectedBibs})
    @guarded(Scope.WRITE, "undo_bib_operation")
    @fails_with("already_undone", "changed_since", "photo_replaced")
    def undo_bib_operation(path: OperationPath) -> dict[str, Any]:
        """Undo a correction, unless a later one is about the same number. The undo can be undone in turn."""
        audit(target=str(path.operation_id))
        done = services.bib_corrector.undo(path.album, path.operation_id, by=principal().id)
        return CorrectedBibs.of(done).model_dump(mode="json")

    return api
