"""API keys: who may call, with which rights, until when."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Self

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, field_validator, model_validator

from photofinish.application.api_keys import make_key
from photofinish.domain.access import KEY_LIFETIME, MAX_LABEL_CHARS, ApiKey, KeyState, RateLimit, Scope, is_label
from photofinish.wiring import App
from photofinish_functions.access.refusals import VectorsNotAllowed
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, principal
from photofinish_functions.api.idempotency import keep_without
from photofinish_functions.api.patterns import KEY_ID
from photofinish_functions.api.schemas import AlbumName, AwareTime, Input, Output, Parameters, example, new_blueprint
from photofinish_functions.refused import Refused

MAX_ALBUMS = 1000
_LABEL = "Whose it is, and what for."
_ALBUMS = "The albums that it may access; null: all, also future ones."
_RATE = "Requests a second in the long run, and at once; null: the deployment's rate for the scope."
_VECTORS = "Whether it may also send and receive embeddings as numbers. No scope includes this."


class RateInput(Input):
    per_second: float = Field(gt=0, le=1e6)
    burst: int = Field(ge=1, le=10**9)


class KeyInput(Input):
    label: str = Field(
        min_length=1, max_length=MAX_LABEL_CHARS, description=_LABEL, json_schema_extra=example("Spring 10k app")
    )
    albums: list[AlbumName] | None = Field(max_length=MAX_ALBUMS, description=_ALBUMS)
    scope: Annotated[Scope, Field(strict=False)] = Field(
        Scope.SEARCH, description="`write` includes `search`, `admin` includes both."
    )
    expires_at: AwareTime | None = Field(None, description="With a time zone; null or left out: in 365 days.")
    never_expires: bool = Field(False, description="Not together with `expires_at`.")
    rate: RateInput | None = Field(None, description=_RATE)
    vectors: bool = Field(False, description=_VECTORS + " Only keys that have this right give it to others.")

    @field_validator("label")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not is_label(value):
            raise ValueError("must be printable characters in one line")
        return value.strip()

    @field_validator("albums")
    @classmethod
    def _some(cls, value: list[str] | None) -> list[str] | None:
        if value == []:
            raise ValueError("name an album, or null for all: without one the key may do nothing")
        return value

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.never_expires and self.expires_at is not None:
            raise ValueError("send `expires_at` or `never_expires`, not both")
        return self

    def ends_at(self, now: datetime) -> datetime | None:
        """Raises Refused: the end is past."""
        if self.never_expires:
            return None
        if self.expires_at is None:
            return now + KEY_LIFETIME
        try:
            ends_at = self.expires_at.astimezone(UTC)
        except OverflowError:  # the last days of the calendar
            raise Refused(422, "invalid_value", "expires_at: write `never_expires` instead.") from None
        if ends_at <= now:
            raise Refused(422, "invalid_value", "The key would have expired already: choose a later time.")
        return ends_at


class RateJson(Output):
    per_second: float
    burst: int


class KeyJson(Output):
    """A key without its secret, of which only a hash is stored."""

    key_id: str = Field(pattern=KEY_ID)
    label: str = Field(description=_LABEL)
    scope: Scope
    albums: list[str] | None = Field(description=_ALBUMS)
    rate: RateJson | None = Field(description=_RATE)
    vectors: bool = Field(description=_VECTORS)
    state: KeyState
    created_at: datetime
    expires_at: datetime | None = Field(description="null: never.")
    revoked_at: datetime | None = Field(description="null: it was not.")
    last_used_at: datetime | None = Field(description="To the hour; null: never.")


class NewKey(KeyJson):
    key: str | None = Field(
        description="The whole key, shown in this answer alone; null in a repeated answer to the same Idempotency-Key."
    )


class KeysAnswer(Output):
    keys: list[KeyJson] = Field(description="Oldest first, also those that have ended.")


class KeyPath(Parameters):
    key_id: Annotated[str, Field(pattern=KEY_ID)]


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("keys", "API keys. For keys of all albums with the scope `admin`.")

    @api.get("/keys", responses={200: KeysAnswer})
    @guarded(Scope.ADMIN, "list_keys")
    def list_keys() -> dict[str, Any]:
        """List all keys with their rights and last use, without their secrets."""
        now = datetime.now(UTC)
        keys = [KeyJson(**_fields(key, now)) for key in services.access.list_keys()]
        audit(count=len(keys))
        return KeysAnswer(keys=keys).model_dump(mode="json")

    @api.post("/keys", responses={201: NewKey})
    @guarded(Scope.ADMIN, "create_key")
    @fails_with("invalid_value", "vectors_not_allowed")
    def create_key(body: KeyInput) -> tuple[dict[str, Any], int]:
        """Make a key. The key itself is in this answer and in no other."""
        if body.vectors and not principal().may_use_vectors:
            raise VectorsNotAllowed(principal())
        now = datetime.now(UTC)
        key, presented = make_key(
            services.access,
            label=body.label,
            scope=body.scope,
            albums=None if body.albums is None else frozenset(body.albums),
            rate=None if body.rate is None else RateLimit(per_second=body.rate.per_second, burst=body.rate.burst),
            now=now,
            expires_at=body.ends_at(now),
            may_use_vectors=body.vectors,
        )
        keep_without("key")
        audit(target=key.key_id)
        return NewKey(**_fields(key, now), key=presented.text).model_dump(mode="json"), HTTPStatus.CREATED

    @api.delete(
        "/keys/<key_id>",
        responses={204: None},
        description="Within 5 seconds no instance accepts it, and its sessions and AWS credentials end.",
    )
    @guarded(Scope.ADMIN, "revoke_key")
    def revoke_key(path: KeyPath) -> tuple[str, int]:
        """Revoke a key for good. It stays listed; revoking it again changes nothing."""
        audit(target=path.key_id)
        if not services.access.revoke_key(path.key_id):
            raise Refused(404, "unknown_key", "There is no key with this id.")
        return "", HTTPStatus.NO_CONTENT

    return api


def _fields(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "label": key.label,
        "scope": key.scope,
        "albums": None if key.albums is None else sorted(key.albums),
        "rate": None if key.rate is None else RateJson.from_object(key.rate),
        "vectors": key.may_use_vectors,
        "state": key.state(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
