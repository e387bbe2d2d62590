"""Webhooks as requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from photofinish.domain.album_event import EventType
from photofinish.domain.webhook import (
    MAX_DESCRIPTION_CHARS,
    AttemptError,
    DeliveryState,
    DisabledReason,
    SignatureScheme,
)
from photofinish.domain.webhook_url import MAX_URL_CHARS
from photofinish_functions.api.paging import Cursor, next_cursor
from photofinish_functions.api.patterns import PHOTO_ID, UUID, WITHOUT_NUL
from photofinish_functions.api.schemas import AlbumName, AwareTime, Input, Output, Parameters, example
from photofinish_functions.api.search_requests import Number, Text

MAX_PAGE = 200
WebhookId = Annotated[str, Field(pattern=UUID)]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARS,
        description="Begins with https://. Its host must have addresses of the public internet only.",
        json_schema_extra=example("https://hooks.example.org/photofinish"),
    ),
]
EventTypes = Annotated[
    list[Annotated[EventType, Field(strict=False)]],
    Field(min_length=1, max_length=len(EventType), description="Only events of these types; null: of all types."),
]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARS, pattern=WITHOUT_NUL, description="For people.")]


class WebhookPath(Parameters):
    webhook_id: WebhookId


class SecretPath(WebhookPath):
    secret_id: WebhookId


class DeliveryPath(WebhookPath):
    delivery_id: Annotated[int, Field(ge=1, le=2**63 - 1)]


class AlbumWebhookPath(WebhookPath):
    album: AlbumName


class AlbumSecretPath(SecretPath):
    album: AlbumName


class AlbumDeliveryPath(DeliveryPath):
    album: AlbumName


class WebhookFilter(Input):
    """Which events are sent; what is null allows all. `bib` and `person_id` go by what photos show at that moment."""

    folder: Text | None = Field(None, description="Of the photo, below the album.")
    camera: Text | None = Field(None, description="Make and model, exactly as in the photo's metadata.")
    photo_id: Annotated[str, Field(pattern=PHOTO_ID)] | None = None
    person_id: Annotated[str, Field(pattern=UUID)] | None = None
    bib: Number | None = None
    batch_id: Annotated[str, Field(pattern=UUID)] | None = None


class WebhookInput(Input):
    url: Url
    event_types: EventTypes | None = None
    filter: WebhookFilter | None = None
    description: Description = ""
    signature: Annotated[SignatureScheme, Field(strict=False)] = Field(
        SignatureScheme.V1,
        description="`v1`: HMAC-SHA256 with a secret. `v1a`: Ed25519, which your server verifies by a public key.",
    )


class WebhookChangeInput(Input):
    """What is left out stays."""

    url: Url | None = None
    event_types: EventTypes | None = None
    filter: WebhookFilter | None = None
    description: Description | None = None
    enabled: bool | None = Field(
        None,
        description="true ends a pause, too. What happened while the webhook was disabled is sent by a replay only.",
    )


class WebhookSecretJson(Output):
    secret_id: str
    created_at: datetime
    public_key: str | None = Field(
        description="Verifies signatures `v1a`: `whpk_` and 32 bytes in Base64. null with `v1`, or if the deployment "
        "has no more the key that it is derived from.",
    )


class WebhookJson(Output):
    webhook_id: str
    album: str | None = Field(description="null: events of all albums.")
    url: str
    event_types: list[EventType] | None = Field(description="null: all types.")
    filter: WebhookFilter
    description: str
    signature: SignatureScheme
    enabled: bool
    disabled_reason: DisabledReason | None = Field(
        description="`gone`: it answered 410. `failing`: no attempt succeeded for five days."
    )
    disabled_at: datetime | None
    failing_since: datetime | None = Field(description="Time of the first failed attempt since the last success.")
    paused_until: datetime | None = Field(description="It failed several times in a row: no attempt before then.")
    secrets: list[WebhookSecretJson] = Field(
        description="One, or two while one replaces the other; without what signs."
    )
    created_at: datetime


class WebhooksAnswer(Output):
    webhooks: list[WebhookJson] = Field(description="Oldest first.")


class NewSecret(Output):
    webhook: WebhookJson
    secret: str | None = Field(
        description="Verifies signatures `v1` (standardwebhooks.com). Shown once: null in the answer to a repeated "
        "request. Also null with `v1a`: see `public_key` of the webhook's secrets.",
        json_schema_extra=example("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazqRHK+2WnY="),
    )


class DeliveriesQuery(Parameters):
    state: DeliveryState | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Maximum number of deliveries.")] = 50
    cursor: Cursor | None = None


class DeliveryJson(Output):
    delivery_id: int
    message_id: str = Field(description="The header `webhook-id`: the same at every attempt and in every replay.")
    type: str = Field(json_schema_extra=example("photofinish.photo.done"))
    state: DeliveryState = Field(description="`pending`: it is tried again at `next_attempt_at`.")
    attempts: int = Field(description="Since `started_at`.")
    created_at: datetime
    started_at: datetime = Field(description="The same, or the time of the last replay.")
    next_attempt_at: datetime | None


class DeliveriesAnswer(Output):
    deliveries: list[DeliveryJson] = Field(description="Newest first.")
    next_cursor: str | None = next_cursor()


class AttemptJson(Output):
    at: datetime
    url: str
    duration_ms: int
    status: int | None = Field(description="HTTP status; null without an answer.")
    error: AttemptError | None = Field(description="Why there was none.")
    answer: str = Field(description="The first 1,000 characters of the answer's body.")


class DeliveryDetails(Output):
    delivery: DeliveryJson
    body: str = Field(description="What is sent: a CloudEvent.")
    attempts: list[AttemptJson] = Field(description="Oldest first, also those before a replay.")


class ReplayInput(Input):
    """Of events that the webhook's types and filter allow; null: without that end."""

    occurred_from: AwareTime | None = Field(None, description="Inclusive.")
    occurred_before: AwareTime | None = Field(None, description="Exclusive.")
    cursor: Cursor | None = None


class Replayed(Output):
    deliveries: int
    next_cursor: str | None = Field(description="Send it as `cursor` to go on; null: these were all.")
