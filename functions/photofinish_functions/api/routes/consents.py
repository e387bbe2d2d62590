"""Consent of the people of an album: their history, and what follows from a new statement."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field

from photofinish.application.consent.recording import record_consent
from photofinish.domain.access import Scope
from photofinish.domain.album_policy import MAX_PURPOSE_CHARS
from photofinish.domain.consent import (
    MAX_TEXT_CHARS,
    ConsentAction,
    ConsentRecord,
    ConsentStatement,
    standing_consents,
)
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.people import PersonPath, people_blueprint, require_person
from photofinish_functions.api.schemas import Input, Output, Time, example, storable

Line = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS), AfterValidator(storable)]
Purpose = Annotated[str, Field(min_length=1, max_length=MAX_PURPOSE_CHARS), AfterValidator(storable)]


class ConsentBody(Input):
    """What a person, or the guardian of a minor, said."""

    action: ConsentAction = Field(strict=False, description="`given`, or `withdrawn`.")
    purpose: Purpose | None = Field(None, description="What it is for; without it the purpose of the album's policy.")
    at: Time | None = Field(
        None,
        description="When the person said it, with a time zone; without it now.",
        json_schema_extra=example("2026-05-01T09:30:00Z"),
    )
    method: Line = Field(description="How it was said.", json_schema_extra=example("web form"))
    text_version: Line | None = Field(
        None,
        description="The version of the text that the person agreed to; required for `given`.",
        json_schema_extra=example("2026-03"),
    )
    is_minor: bool = False
    guardian: Line | None = Field(None, description="Who consents for a minor; required for `given` of a minor.")


class ConsentJson(Output):
    consent_id: str
    action: ConsentAction
    purpose: str
    at: datetime = Field(description="When the person said it.")
    method: str
    text_version: str = Field(description="Empty for a withdrawal without one.")
    is_minor: bool
    guardian: str | None
    recorded_at: datetime
    recorded_by: str = Field(description="The key or user that recorded it.")

    @classmethod
    def of(cls, record: ConsentRecord) -> ConsentJson:
        return cls.from_object(
            record.statement,
            consent_id=record.consent_id,
            recorded_at=record.recorded_at,
            recorded_by=record.recorded_by,
        )


class ConsentHistory(Output):
    """The statements of one person, by the time at which they were made. Nothing is ever changed or removed."""

    person_id: str
    consents: dict[str, ConsentAction] = Field(description="Purpose → what counts now: the latest statement.")
    history: list[ConsentJson]


class RecordedConsentJson(Output):
    record: ConsentJson
    opt_out_id: str | None = Field(description="The entry of the suppression list that a withdrawal made.")
    erased_faces: int = Field(description="Faces of the person that a withdrawal erased.")
    analyse_again: bool = Field(
        description="Whether photos may have been analysed before, on which the person's face is not indexed yet: "
        "`photofinish reconcile --album ALBUM --again` analyses them."
    )


def blueprint(services: App) -> APIBlueprint:
    api = people_blueprint("consents")

    @api.get("/albums/<album>/people/<person_id>/consents", responses={200: ConsentHistory})
    @guarded(Scope.WRITE, "show_consents")
    def show_consents(path: PersonPath) -> dict[str, Any]:
        """Show what a person consented to and withdrew."""
        audit(target=path.person_id)
        require_person(services, path.album, path.person_id)
        records = services.consents.records(path.album, path.person_id)
        standing = {purpose: one.statement.action for purpose, one in standing_consents(records).items()}
        return ConsentHistory(
            person_id=path.person_id, consents=standing, history=[ConsentJson.of(one) for one in records]
        ).model_dump(mode="json")

    @api.post("/albums/<album>/people/<person_id>/consents", responses={201: RecordedConsentJson})
    @guarded(Scope.WRITE, "record_consent")
    @fails_with("invalid_value", "consent_incomplete")
    def record_statement(path: PersonPath, body: ConsentBody) -> tuple[dict[str, Any], int]:
        """Record what a person said. A withdrawal erases their faces; the same statement again changes nothing."""
        require_person(services, path.album, path.person_id)
        statement = ConsentStatement(
            action=body.action,
            purpose=body.purpose or services.album_policies.policy(path.album).purpose,
            at=body.at or datetime.now(UTC),
            method=body.method,
            text_version=body.text_version or "",
            is_minor=body.is_minor,
            guardian=body.guardian,
        )
        done = record_consent(
            path.album,
            path.person_id,
            statement,
            by=principal().id,
            consents=services.consents,
            policies=services.album_policies,
            opt_outs=services.opt_outs,
        )
        audit(target=path.person_id, count=done.erased_faces)
        services.projector.project_soon(path.album)
        return RecordedConsentJson.from_object(done, record=ConsentJson.of(done.record)).model_dump(mode="json"), 201

    return api
