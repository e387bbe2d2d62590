"""Routes of a person's bib numbers: their evidence and conflicts, and decisions about them."""

from __future__ import annotations

from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.bib_links import ConflictKind, NumberState
from photofinish.domain.people_rules import MAX_NUMBER_CHARS
from photofinish_functions.api.errors import ErrorAnswer
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.people import ChangedPerson, PersonPath, changed_person, people_blueprint
from photofinish_functions.api.schemas import BoxJson, Input, Output, PhotoJson, Score
from photofinish_functions.api.services import Services


class NumberPath(PersonPath):
    number: Annotated[str, Field(min_length=1, max_length=MAX_NUMBER_CHARS, pattern=r"^[0-9A-Za-z-]+$")]


class NumberDecision(Input):
    confirmed: bool = Field(description="Whether the person wears this number.")


class EvidenceJson(Output):
    """A photo on which the number was read beside the person's face."""

    photo: PhotoJson
    face_id: str
    box: BoxJson
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
    state: NumberState = Field(description="`offered`: inferred from photos, and not decided yet.")
    score: Score = Field(description="0 to 1: the probability that the person wears this number.")
    part_of: str | None = Field(description="The number of which this one is probably a partial reading.")
    evidence: list[EvidenceJson]
    conflicts: list[ConflictJson] = Field(description="What contradicts it: confirm or reject one of the two.")


def blueprint(services: Services) -> APIBlueprint:
    api = people_blueprint("numbers")

    @api.put("/albums/<album>/people/<person_id>/numbers/<number>", responses={200: ChangedPerson, 409: ErrorAnswer})
    @guarded(Scope.WRITE, "decide_number")
    def decide_number(path: NumberPath, body: NumberDecision) -> dict[str, Any]:
        """Confirm or reject a bib number for this person. What contradicts it stays, and stays flagged."""
        audit(target=path.person_id)
        done = services.people_changes.decide_number(
            path.album, path.person_id, path.number, confirmed=body.confirmed, by=principal().id
        )
        return changed_person(services, path.album, done)

    return api
