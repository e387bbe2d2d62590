"""The policy of an album: legal basis, whose faces are indexed and redacted, how long everything is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Self

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, field_validator, model_validator

from photofinish.domain.access import Scope
from photofinish.domain.album_policy import (
    MAX_PURPOSE_CHARS,
    AlbumPolicy,
    Indexing,
    LegalBasis,
    Redact,
    RedactionStyle,
    is_purpose,
)
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import guarded
from photofinish_functions.api.schemas import AlbumPath, Day, Input, Output, example, new_blueprint, storable

_LEGAL_BASIS = "Why faces may be processed. Only recorded."
_INDEXING = (
    "Whose faces are indexed: `everyone`; `opt_out`, all but those who opted out; `enrolled_only`, only enrolled "
    "people with a valid consent record for the album's `purpose`. People who opted out are never indexed."
)
_REDACT = "Whose faces other callers see redacted."
_KEEP_ORIGINALS = "False: a photo is deleted after its analysis, only results stay."
_PURPOSE = "What faces are processed for. Consent is given to a purpose."
_ENDS_ON = "The last day on which the album is kept; null: it has no end."


class AlbumPolicyBody(Input):
    """Fields that are left out get their defaults."""

    legal_basis: LegalBasis = Field(LegalBasis.UNDECLARED, strict=False, description=_LEGAL_BASIS)
    indexing: Indexing = Field(Indexing.EVERYONE, strict=False, description=_INDEXING)
    redact: Redact = Field(Redact.NONE, strict=False, description=_REDACT)
    redaction_style: RedactionStyle = Field(RedactionStyle.BLUR, strict=False)
    keep_originals: bool = Field(True, description=_KEEP_ORIGINALS)
    purpose: str = Field(
        "", max_length=MAX_PURPOSE_CHARS, description=_PURPOSE, json_schema_extra=example("race photos")
    )
    ends_on: Day | None = Field(None, description=_ENDS_ON, json_schema_extra=example("2026-08-01"))

    _storable = field_validator("purpose")(storable)

    @field_validator("purpose")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not is_purpose(value):
            raise ValueError("must be printable characters in one line")
        return value

    @model_validator(mode="after")
    def _indexes_someone(self) -> Self:
        if self.indexing is Indexing.ENROLLED_ONLY and not self.purpose:
            raise ValueError("name the purpose that people consent to: without one `enrolled_only` indexes no face")
        return self


class AlbumPolicyAnswer(Output):
    legal_basis: LegalBasis = Field(description=_LEGAL_BASIS)
    indexing: Indexing = Field(description=_INDEXING)
    redact: Redact = Field(description=_REDACT)
    redaction_style: RedactionStyle
    keep_originals: bool = Field(description=_KEEP_ORIGINALS)
    purpose: str = Field(description=_PURPOSE)
    ends_on: date | None = Field(description=_ENDS_ON)


class AlbumEndJson(Output):
    """An album that will be erased."""

    album: str
    purpose: str
    ends_on: date = Field(description=_ENDS_ON)
    erased_on: date = Field(description="The day after, in UTC: then the whole album is erased.")
    days_left: int = Field(description="Days until it is erased; 0 or less: it is due within the hour.")


class PlannedErasures(Output):
    """The albums that have an end and are not erased yet, the next one first."""

    albums: list[AlbumEndJson]


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("policies", "What an album may do with faces, and for how long.")

    @api.get("/albums/<album>/policy", responses={200: AlbumPolicyAnswer})
    @guarded(Scope.WRITE, "show_album_policy")
    def show_album_policy(path: AlbumPath) -> dict[str, Any]:
        """Show the policy of an album; the default if it has none of its own."""
        return _answer(services.album_policies.policy(path.album))

    @api.put("/albums/<album>/policy", responses={200: AlbumPolicyAnswer})
    @guarded(Scope.ADMIN, "set_album_policy", makes_album=True)
    @fails_with("invalid_value")
    def set_album_policy(path: AlbumPath, body: AlbumPolicyBody) -> dict[str, Any]:
        """Replace the policy of an album, which need not have photos yet.

        Links to previews that were given before the album began to redact end within a minute or so.
        """
        policy = AlbumPolicy(**body.model_dump())
        services.album_policies.set_policy(path.album, policy)
        if path.album in services.album_policies.links_to_end():
            services.retention_runs.request()
        return _answer(policy)

    @api.get("/retention", responses={200: PlannedErasures})
    @guarded(Scope.ADMIN, "show_retention")
    def show_retention() -> dict[str, Any]:
        """List the albums that will be erased because they end, and when."""
        today = datetime.now(UTC).date()
        albums = [
            AlbumEndJson.from_object(end, days_left=end.days_left(today)) for end in services.album_ends.planned()
        ]
        return PlannedErasures(albums=albums).model_dump(mode="json")

    return api


def _answer(policy: AlbumPolicy) -> dict[str, Any]:
    return AlbumPolicyAnswer.from_object(policy).model_dump(mode="json")
