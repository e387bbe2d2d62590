"""Cards, shares and sessions as requests and answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from photofinish.domain.access import Principal, Scope
from photofinish.domain.album_card import MAX_TITLE_CHARS, MAX_WATERMARK_CHARS, AlbumCard, Downloads, is_line
from photofinish.domain.download import DownloadSize, may_download
from photofinish.domain.shares import (
    DEFAULT_LIFETIME,
    MAX_DAYS,
    MAX_LABEL_CHARS,
    Share,
    ShareMay,
    end_of,
    latest_end,
)
from photofinish.wiring import App
from photofinish_functions.api.patterns import PIN, PRINTABLE_ASCII, UUID
from photofinish_functions.api.schemas import AlbumName, AwareTime, Day, Input, Output, Parameters, example
from photofinish_functions.refused import Refused

_TITLE = "What visitors read above the photos; null: the album's name."
_HELD_ON = "The day of the race or party."
_WATERMARK = "Text drawn into previews; originals have none."
_DOWNLOADS = "In which size visitors may download photos."
_LABEL = "For organisers: where the link was given."
_MAY = "`find`: find themselves by selfie or bib number; `browse`: see all photos, too."
_SHARE_DOWNLOADS = "Never more than the album's card allows."
_MAX_TOKEN_CHARS = 100
_MAX_ID_TOKEN_CHARS = 8192
DownloadsField = Annotated[Downloads, Field(strict=False)]


class WatermarkInput(Input):
    text: str = Field(min_length=1, max_length=MAX_WATERMARK_CHARS, json_schema_extra=example("© Spring 10k"))

    @field_validator("text")
    @classmethod
    def _line(cls, value: str) -> str:
        return _one_line(value, MAX_WATERMARK_CHARS)


class AlbumCardBody(Input):
    """Fields that are left out get their defaults."""

    title: str | None = Field(
        None, min_length=1, max_length=MAX_TITLE_CHARS, description=_TITLE, json_schema_extra=example("Spring 10k 2026")
    )
    held_on: Day | None = Field(None, description=_HELD_ON, json_schema_extra=example("2026-05-01"))
    watermark: WatermarkInput | None = Field(None, description=_WATERMARK)
    downloads: DownloadsField = Field(Downloads.WEB, description=_DOWNLOADS)

    @field_validator("title")
    @classmethod
    def _line(cls, value: str | None) -> str | None:
        return None if value is None else _one_line(value, MAX_TITLE_CHARS)

    def card(self) -> AlbumCard:
        return AlbumCard(
            title=self.title,
            held_on=self.held_on,
            watermark=None if self.watermark is None else self.watermark.text,
            downloads=self.downloads,
        )


class WatermarkJson(Output):
    text: str


class CardFields(Output):
    """What visitors of an album are told of it."""

    title: str | None = Field(description=_TITLE)
    held_on: date | None = Field(description=_HELD_ON)
    watermark: WatermarkJson | None = Field(description=_WATERMARK)
    downloads: Downloads = Field(description=_DOWNLOADS)


class AlbumCardAnswer(CardFields):
    album: str


def card_fields(card: AlbumCard) -> dict[str, Any]:
    """The fields of :class:`CardFields`."""
    watermark = None if card.watermark is None else WatermarkJson(text=card.watermark)
    return {"title": card.title, "held_on": card.held_on, "watermark": watermark, "downloads": card.downloads}


def card_of(services: App, album: str) -> AlbumCard:
    """Return the card of `album`, or that of albums without one."""
    return services.album_cards.card(album) or AlbumCard()


def downloads_of(services: App, caller: Principal, album: str) -> Downloads:
    """Return what `caller` may download of `album`: organisers everything, visitors what card and share allow."""
    if caller.may(Scope.WRITE, album):
        return Downloads.ORIGINAL
    allowed = card_of(services, album).downloads
    if caller.kind != "share":
        return allowed
    share = services.shares.get(caller.id)
    return Downloads.NONE if share is None else allowed.within(share.downloads)


def has_size(services: App, caller: Principal, album: str, size: DownloadSize, *, is_organiser: bool) -> bool:
    """Whether `caller` may download the photos of `album` that they see in this size."""
    return is_organiser or may_download(
        size,
        is_organiser=False,
        allowed=downloads_of(services, caller, album),
        ever_redacted=services.album_policies.ever_redacted(album),
    )


def has_originals(services: App, caller: Principal, album: str) -> bool:
    """Whether `caller` may download originals of `album`, and it keeps them: then a video can be played, too."""
    is_allowed = has_size(services, caller, album, DownloadSize.ORIGINAL, is_organiser=caller.may(Scope.WRITE, album))
    return is_allowed and services.album_policies.policy(album).keep_originals


class ShareInput(Input):
    """A link expires after 90 days unless it says otherwise."""

    label: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_LABEL_CHARS,
        description=_LABEL,
        json_schema_extra=example("Poster at the finish"),
    )
    expires_on: Day | None = Field(
        None, description="Its last day, in UTC. Or `expires_at`.", json_schema_extra=example("2026-08-01")
    )
    expires_at: AwareTime | None = Field(None, description="With a time zone. Or `expires_on`.")
    may: Annotated[ShareMay, Field(strict=False)] = Field(ShareMay.FIND, description=_MAY)
    downloads: DownloadsField = Field(Downloads.WEB, description=_SHARE_DOWNLOADS)
    pin: str | None = Field(
        None,
        pattern=PIN,
        description="4 to 8 digits that visitors must type; 6 or more keep guessers out for years.",
        json_schema_extra=example("204816"),
    )

    @field_validator("label")
    @classmethod
    def _line(cls, value: str | None) -> str | None:
        return None if value is None else _one_line(value, MAX_LABEL_CHARS)

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.expires_on is not None and self.expires_at is not None:
            raise ValueError("send `expires_on` or `expires_at`, not both")
        return self

    def ends_at(self, now: datetime) -> datetime:
        """Raises Refused: the end is past, or too far away."""
        try:
            chosen = end_of(self.expires_on) if self.expires_on is not None else self.expires_at
            ends_at = now + DEFAULT_LIFETIME if chosen is None else chosen.astimezone(UTC)
        except OverflowError:  # the last days of the calendar
            ends_at = datetime.max.replace(tzinfo=UTC)
        if ends_at <= now:
            raise Refused(422, "invalid_value", "The link would have expired already: choose a later day.")
        if ends_at > latest_end(now):
            message = f"The last day of a link is at most {MAX_DAYS} days from today: choose an earlier one."
            raise Refused(422, "invalid_value", message)
        return ends_at


class ShareJson(Output):
    share_id: str = Field(pattern=UUID)
    label: str | None = Field(description=_LABEL)
    may: ShareMay = Field(description=_MAY)
    downloads: Downloads = Field(description=_SHARE_DOWNLOADS)
    has_pin: bool
    expires_at: datetime
    revoked_at: datetime | None = Field(description="When it was revoked; null: it was not.")
    created_at: datetime


class NewShare(ShareJson):
    """A share with its link, which cannot be shown again: only a hash of it is stored."""

    url: str | None = Field(description="The link; null in a repeated answer to the same Idempotency-Key.")
    qr_svg: str | None = Field(description="A QR code of the link, as an SVG document; null as `url`.")


class SharesAnswer(Output):
    shares: list[ShareJson] = Field(description="Oldest first, also those that have ended.")


class SharePath(Parameters):
    album: AlbumName
    share_id: Annotated[str, Field(pattern=UUID)]


class OpenShareInput(Input):
    token: str = Field(
        min_length=1,
        max_length=_MAX_TOKEN_CHARS,
        pattern=PRINTABLE_ASCII,
        description="What follows `/s/` in the link.",
        json_schema_extra=example("k5xvw3zq2m7hn4tjd6r3cyab5fgpo2le"),
    )
    pin: str | None = Field(
        None, pattern=PIN, description="If the link needs one.", json_schema_extra=example("204816")
    )


class OpenedShare(Output):
    """A session of the album's visitor. The answer sets it as a cookie, too, unless another site's page asked."""

    album: str
    title: str | None = Field(description=_TITLE)
    held_on: date | None = Field(description=_HELD_ON)
    may: ShareMay = Field(description=_MAY)
    downloads: Downloads = Field(description=_DOWNLOADS)
    expires_at: datetime = Field(description="Of the link.")
    session_token: str = Field(description="Send it as `Authorization: Bearer TOKEN`; it opens this album alone.")
    session_expires_at: datetime


class SignInInput(Input):
    """Exactly one of both."""

    api_key: str | None = Field(None, min_length=1, max_length=_MAX_TOKEN_CHARS, pattern=PRINTABLE_ASCII)
    id_token: str | None = Field(
        None,
        min_length=1,
        max_length=_MAX_ID_TOKEN_CHARS,
        pattern=PRINTABLE_ASCII,
        description="Of a user who signed in with Firebase.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.api_key is None) == (self.id_token is None):
            raise ValueError("send `api_key` or `id_token`")
        return self


class StartedSession(Output):
    """The session itself is in the cookie."""

    scope: Scope
    albums: list[str] | None = Field(description="null: all.")
    expires_at: datetime


class SharedWith(Output):
    """The share behind a visitor's session."""

    share_id: str = Field(pattern=UUID)
    album: str
    may: ShareMay = Field(description=_MAY)
    downloads: Downloads = Field(description=_DOWNLOADS)
    expires_at: datetime = Field(description="Of the link.")


class CurrentSession(Output):
    kind: Literal["key", "user", "share"]
    scope: Scope
    albums: list[str] | None = Field(description="null: all.")
    share: SharedWith | None = Field(description="Of a visitor with a share link.")
    expires_at: datetime | None = Field(
        description="Of the session; null: the request was sent with a key or ID token."
    )


def share_json(share: Share) -> dict[str, Any]:
    return ShareJson.from_object(share).model_dump(mode="json")


def _one_line(value: str, max_chars: int) -> str:
    if not is_line(value, max_chars):
        raise ValueError("must be printable characters in one line")
    return value
