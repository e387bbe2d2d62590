"""Routes of a person's bib numbers: their evidence and conflicts, and decisions about them."""

from __future__ import annotations

from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.bib_links import ConflictKind, NumberState
from photofinish.domain.people_rules import MAX_NUMBER_CHARS
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.patterns import BIB_NUMBER
from photofinish_functions.api.people import ChangedPerson, PersonPath, changed_person, people_blueprint
from photofinish_functions.api.schemas import BoxJson, Input, Output, PhotoJson, Score


class NumberPath(PersonPath):
    number: Annotated[str, Field(min_length=1, max_length=MAX_NUMBER_CHARS, pattern=BIB_NUMBER)]


class NumberDecision(Input):
    confirmed: bool = Field(description="true: the number is this person's; false: it is not.")


class EvidenceJson(Output):
    """A photo on which the number was read beside the person's face."""

    photo: PhotoJson
    face_id: str
    box: BoxJson | None = Field(description="null for a number that a user added without saying where it is.")
    ocr_score: Score
    partial: bool


class ConflictJson(Output):
    """Another number of the same person, or the same number of another person."""

    kind: ConflictKind
    number: str
    person_id: str
    score: Score
    confirmed: bool


class NumberJson(Output):
    number: str
    state: NumberState = Field(description="`inferred`: from photos, and not decided yet.")
    score: Score = Field(description="0 to 1: the probability that the person wears this number.")
    part_of: str | None = Field(description="The number of which this one is probably a partial reading.")
    evidence: list[EvidenceJson]
    conflicts: list[ConflictJson] = Field(description="What contradicts it: confirm or reject one of the two.")


def blueprint(services: App) -> APIBlueprint:
    api = people_blueprint("numbers")

    @api.put("/albums/<album>/people/<person_id>/numbers/<number>", responses={200: ChangedPerson})
    @guarded(Scope.WRITE, "decide_number")
    @fails_with("number_not_allowed")
    def decide_number(path: NumberPath, body: NumberDecision) -> dict[str, Any]:
        """Confirm or reject a bib number for this person. What contradicts it stays, and stays flagged."""
        audit(target=path.person_id)
        done = services.people_changes.decide_number(
            path.album, path.person_id, path.number, confirmed=body.confirmed, by=principal().id
        )
        return changed_person(services, path.album, done)

    return api
