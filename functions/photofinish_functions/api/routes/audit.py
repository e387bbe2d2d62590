"""The audit log: who did what, where, and with which outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter

from photofinish.domain.access import AuditFilter, Scope
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.patterns import WITHOUT_NUL
from photofinish_functions.api.schemas import AlbumName, AwareTime, Output, Parameters, example, new_blueprint

MAX_ENTRIES = 200
_MAX_CHARS = 255
_PRINCIPAL_ID = "The key's id, the user's Firebase uid, or the share's id; empty where it is not known."
_TARGET = "Id of the photo, person, face, key or link that it was about."
_NUMBER = TypeAdapter(Annotated[int, Field(ge=1, lt=2**63)])
Words = Annotated[str, Field(min_length=1, max_length=_MAX_CHARS, pattern=WITHOUT_NUL)]


class AuditQuery(Parameters):
    album: AlbumName | None = None
    action: Words | None = Field(None, description="As entries name it: `search`, `erase_photo`.")
    principal_id: Words | None = Field(None, description=_PRINCIPAL_ID)
    target: Words | None = Field(None, description=_TARGET)
    since: AwareTime | None = Field(None, description="With a time zone; inclusive.")
    until: AwareTime | None = Field(None, description="With a time zone; exclusive.")
    limit: Annotated[int, Field(ge=1, le=MAX_ENTRIES, description="Maximum number of entries.")] = 50
    cursor: Cursor | None = None

    def where(self) -> AuditFilter:
        return AuditFilter(
            album=self.album,
            action=self.action,
            principal_id=self.principal_id,
            target=self.target,
            since=self.since,
            until=self.until,
        )


class AuditEntryJson(Output):
    at: datetime
    principal: str = Field(
        description="`key`, `user`, `share`, or `none` for failed authentications.", json_schema_extra=example("key")
    )
    principal_id: str = Field(description=_PRINCIPAL_ID)
    action: str = Field(json_schema_extra=example("search"))
    album: str | None
    target: str | None = Field(description=_TARGET)
    outcome: str = Field(description="The status, of errors with their code.", json_schema_extra=example("200"))
    network: str | None = Field(description="Where the request came from, by its first bits; null: not known.")
    count: int | None = Field(description="Results or changes; of refusals, how many equal ones it stands for.")
    request_id: str


class AuditAnswer(Output):
    entries: list[AuditEntryJson] = Field(description="The newest first.")
    next_cursor: str | None = next_cursor()


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("audit", "Who did what. For keys of all albums with the scope `admin`.")

    @api.get("/audit", responses={200: AuditAnswer})
    @guarded(Scope.ADMIN, "list_audit")
    @fails_with("invalid_value")
    def list_audit(query: AuditQuery) -> dict[str, Any]:
        """List searches, changes and refusals, the newest first. Contains nothing biometric and no bib numbers."""
        where = query.where()
        before = position(where, query.cursor, None, _NUMBER)
        found = services.access.audit_page(where, before=before, limit=query.limit + 1)
        shown, last = page_of(found, query.limit, lambda one: one.entry_id)
        audit(count=len(shown))
        return AuditAnswer(
            entries=[AuditEntryJson.from_object(one.entry) for one in shown], next_cursor=cursor_after(where, last)
        ).model_dump(mode="json")

    return api
