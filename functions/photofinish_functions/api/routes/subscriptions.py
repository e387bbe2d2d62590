"""Subscriptions: tell a runner of new photos of theirs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from flask import request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, TypeAdapter, ValidationError

from photofinish.domain.access import RateLimit, Reading, Scope
from photofinish.domain.album_policy import LegalBasis
from photofinish.domain.bib_number import normal_number
from photofinish.domain.face import Embedding
from photofinish.domain.subscription import (
    MAX_PER_KEY,
    MAX_PER_USER,
    Channel,
    Contact,
    Language,
    NewSubscription,
    end_of_subscription,
)
from photofinish.domain.subscription import EndReason as Reason
from photofinish.domain.subscription_link import contact_hash
from photofinish.domain.webhook_signature import derived_secret, key_id_of
from photofinish.domain.webhook_url import parse_webhook_url
from photofinish.ports import UnknownSubscription
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.error_codes import UNFIT_SELFIE, fails_with
from photofinish_functions.api.errors import bad_request, refuse_invalid
from photofinish_functions.api.guarding import audit, guarded, principal, spend
from photofinish_functions.api.paging import Cursor, cursor_after, next_cursor, page_of, position
from photofinish_functions.api.patterns import MAIL_ADDRESS, PRINTABLE_ASCII, UUID
from photofinish_functions.api.people import require_person
from photofinish_functions.api.requests import parse_json_object
from photofinish_functions.api.schemas import (
    AlbumName,
    AlbumPath,
    Input,
    Output,
    Parameters,
    describe,
    example,
    new_blueprint,
)
from photofinish_functions.api.search_requests import Number, Text
from photofinish_functions.api.sent_pictures import is_wanted, sent_pictures
from photofinish_functions.refused import Refused

MAX_SELFIES = 3
MAX_PAGE = 200
RATE = RateLimit(per_second=1 / 60, burst=10)
"""Of new subscriptions of a caller who may only search."""
_ID = TypeAdapter[str](Annotated[str, Field(pattern=UUID)])
_ADDRESS_CHARS = 2000


class SubscriptionPath(Parameters):
    album: AlbumName
    subscription_id: Annotated[str, Field(pattern=UUID)]


class SubscriptionsQuery(Parameters):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Maximum number of subscriptions.")] = 50
    cursor: Cursor | None = None


class SubscriptionInput(Input):
    """Photos are told that show the face of the selfies, the number, or the person: at least one of these."""

    channel: Annotated[Channel, Field(strict=False)]
    address: Annotated[str, Field(min_length=3, max_length=_ADDRESS_CHARS, pattern=PRINTABLE_ASCII)] = Field(
        description="`email`: the address; `fcm`: the registration token of an app or a browser; `webhook`: a URL.",
        json_schema_extra=example("ada@example.org"),
    )
    bib: Number | None = None
    person_id: Annotated[str, Field(pattern=UUID)] | None = Field(
        None, description="An enrolled person or a cluster; not for callers who find only themselves."
    )
    language: Annotated[Language, Field(strict=False)] = Language.ENGLISH
    text_version: Text | None = Field(
        None,
        description="Version of the consent text that the person agreed to; an album whose legal basis is consent "
        "needs it for selfies.",
    )


class SubscriptionJson(Output):
    """Without the contact, which no answer has."""

    subscription_id: str
    channel: Channel
    language: Language
    bib: str | None
    person_id: str | None
    selfies: int = Field(description="How many selfies it was made of. They are not kept.")
    text_version: str | None
    created_at: datetime
    confirmed_at: datetime | None = Field(description="null: the e-mail address was asked, and nothing else is sent.")
    ends_at: datetime


class NewSubscriptionJson(Output):
    subscription: SubscriptionJson
    secret: str | None = Field(
        description="Of a webhook: verifies signatures (standardwebhooks.com). Shown in this answer only.",
        json_schema_extra=example("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazqRHK+2WnY="),
    )


class SubscriptionsAnswer(Output):
    channels: list[Channel] = Field(description="Those that this caller may use here; empty: the deployment has none.")
    subscriptions: list[SubscriptionJson] = Field(description="Those that this caller made.")
    next_cursor: str | None = next_cursor()


class SubscriptionCountJson(Output):
    channel: Channel
    is_confirmed: bool
    subscriptions: int


class SubscriptionCounts(Output):
    counts: list[SubscriptionCountJson]


_SCHEMA = {"$ref": "#/components/schemas/SubscriptionInput"}
_REQUEST: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": _SCHEMA},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["selfie", "subscription"],
                "properties": {
                    "selfie": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_SELFIES,
                        "items": {"type": "string", "format": "binary"},
                        "description": "Pictures of one person, each JPEG, PNG, WebP, HEIC or TIFF of at most 16 MiB.",
                    },
                    "subscription": _SCHEMA,
                },
                "additionalProperties": False,
            },
            "encoding": {"subscription": {"contentType": "application/json"}},
        },
    },
}


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("subscriptions", "Tell people of new photos of theirs: by e-mail, push message or webhook.")
    describe(api, SubscriptionInput)

    @api.post(
        "/albums/<album>/subscriptions",
        responses={201: NewSubscriptionJson},
        openapi_extensions={"requestBody": _REQUEST},
    )
    @guarded(Scope.SEARCH, "subscribe", reading=Reading.FIND_ME, pictures_cost=2)
    @fails_with(
        "channel_off",
        "too_many_pictures",
        "find_me_only",
        "invalid_value",
        "url_not_allowed",
        "unknown_person",
        "person_without_face",
        "consent_incomplete",
        "face_not_indexed",
        "subscription_limit",
        *UNFIT_SELFIE,
    )
    def subscribe(path: AlbumPath) -> tuple[dict[str, Any], int]:
        """Tell a person of new photos of theirs until the album ends, at most one message a minute.

        The same contact again replaces the subscription. An e-mail address is asked to confirm first. Selfies are not
        kept; what is kept of them finds photos, and goes with the subscription.
        """
        body, selfies = _read()
        check_album(services, path.album)
        _check(services, path.album, body, with_selfies=bool(selfies))
        found = [face.embedding for face in services.pictures.people(selfies, is_wanted=is_wanted)]
        if found and not all(services.admission.may_be_indexed(path.album, found)):
            raise Refused(
                422, "face_not_indexed", "This album does not index this face, so no photo would be found by it."
            )
        faces = (*found, *_person_faces(services, path.album, body.person_id))
        made = services.subscriptions.add(_new(services, path.album, body, faces, len(found)), now=datetime.now(UTC))
        audit(target=made.subscription_id)
        services.webhook_messages.nudge()  # an address is asked at once
        secret = None
        if made.channel is Channel.WEBHOOK:
            keys = services.webhook_settings.webhook_key
            secret = derived_secret(made.subscription_id, key_id_of(keys.current), keys).text
        shown = SubscriptionJson.from_object(made)
        return NewSubscriptionJson(subscription=shown, secret=secret).model_dump(mode="json"), 201

    @api.get("/albums/<album>/subscriptions", responses={200: SubscriptionsAnswer})
    @guarded(Scope.SEARCH, "list_subscriptions", reading=Reading.FIND_ME)
    def list_subscriptions(path: AlbumPath, query: SubscriptionsQuery) -> dict[str, Any]:
        """List the subscriptions that the caller made, and by which channels more can be made.

        Visitors with a share link see none, because others have the same link.
        """
        listing = ("subscriptions", path.album, _owner())
        after: str | None = position(listing, query.cursor, None, _ID)
        listed = services.subscriptions.of_owner(path.album, _owner(), limit=query.limit + 1, after=after)
        shown, last = page_of(listed, query.limit, lambda one: one.subscription_id)
        if not shown:
            check_album(services, path.album)
        audit(count=len(shown))
        return SubscriptionsAnswer(
            channels=_channels(services, path.album),
            subscriptions=[SubscriptionJson.from_object(one) for one in shown],
            next_cursor=cursor_after(listing, last),
        ).model_dump(mode="json")

    @api.get("/albums/<album>/subscriptions/<subscription_id>", responses={200: SubscriptionJson})
    @guarded(Scope.SEARCH, "show_subscription", reading=Reading.FIND_ME)
    def show_subscription(path: SubscriptionPath) -> dict[str, Any]:
        """Show a subscription that the caller made, or may end."""
        audit(target=path.subscription_id)
        _check_owner(services, path)
        made = services.subscriptions.get(path.album, path.subscription_id)
        return SubscriptionJson.from_object(made).model_dump(mode="json")

    @api.delete("/albums/<album>/subscriptions/<subscription_id>", responses={204: None})
    @guarded(Scope.SEARCH, "end_subscription", reading=Reading.FIND_ME)
    def end_subscription(path: SubscriptionPath) -> tuple[str, int]:
        """End a subscription of the caller's own or, with scope `write`, any; what was kept for it is deleted."""
        audit(target=path.subscription_id)
        _check_owner(services, path)
        services.subscriptions.end(path.subscription_id, Reason.REQUESTED, now=datetime.now(UTC))
        return "", 204

    @api.get("/albums/<album>/subscription-counts", responses={200: SubscriptionCounts})
    @guarded(Scope.WRITE, "count_subscriptions")
    def count_subscriptions(path: AlbumPath) -> dict[str, Any]:
        """Count an album's subscriptions; no one's contact is shown."""
        counts = services.subscriptions.counts(path.album)
        if not counts:
            check_album(services, path.album)
        return SubscriptionCounts(counts=[SubscriptionCountJson.from_object(one) for one in counts]).model_dump(
            mode="json"
        )

    return api


def _read() -> tuple[SubscriptionInput, list[bytes]]:
    selfies: list[bytes] = []
    if request.mimetype == "multipart/form-data":
        selfies = sent_pictures(request, "selfie", at_most=MAX_SELFIES)
        if unknown := (set(request.files) | set(request.form)) - {"selfie", "subscription"}:
            raise bad_request(f"The form has an unknown field: {sorted(unknown)[0][:40]!r}.")
        parts = [file.stream.read() for file in request.files.getlist("subscription")]
        parts += [text.encode() for text in request.form.getlist("subscription")]
        if len(parts) != 1:
            raise bad_request("Send the rest of the request once, as JSON in the part 'subscription'.")
        sent = parse_json_object(parts[0], "the part 'subscription'")
    else:
        sent = request.get_json()
    try:
        return SubscriptionInput.model_validate(sent), selfies
    except ValidationError as error:
        refuse_invalid(error)


def _check(services: App, album: str, body: SubscriptionInput, *, with_selfies: bool) -> None:
    """Refuse what the caller may not ask for, before a picture is looked at."""
    caller = principal()
    if body.channel not in _channels(services, album):
        raise Refused(
            422,
            "channel_off",
            f"You cannot be told by {body.channel.value} here: GET …/subscriptions lists what is offered.",
        )
    if body.person_id is not None and caller.reading is not Reading.ALL:
        raise Refused(403, "find_me_only", "Signed-in users subscribe by selfie or bib number, not person_id.")
    if not with_selfies and body.bib is None and body.person_id is None:
        raise Refused(422, "invalid_value", "Say whose photos to tell of: send selfies, bib or person_id.")
    if not caller.may(Scope.WRITE, album):
        spend("subscriptions", RATE)
    basis = services.album_policies.policy(album).legal_basis
    if with_selfies and body.text_version is None and basis is LegalBasis.CONSENT:
        raise Refused(
            422, "consent_incomplete", "text_version: name the version of the text that the person agreed to."
        )
    if body.channel is Channel.EMAIL and not re.fullmatch(MAIL_ADDRESS, body.address):
        raise Refused(422, "invalid_value", "address: must be an e-mail address such as ada@example.org.")


def _new(
    services: App, album: str, body: SubscriptionInput, faces: tuple[Embedding, ...], selfies: int
) -> NewSubscription:
    keys, now = services.webhook_settings.webhook_key, datetime.now(UTC)
    ends_on = services.album_policies.policy(album).ends_on
    hashed = contact_hash(body.channel, body.address, keys)
    return NewSubscription(
        album=album,
        owner=_owner(hashed),
        contact=_contact(services, body),
        contact_hash=hashed,
        language=body.language,
        ends_at=end_of_subscription(ends_on, days=services.notification_settings.subscription_days, now=now),
        bib=None if body.bib is None else normal_number(body.bib),
        person_id=body.person_id,
        selfies=selfies,
        faces=faces,
        # A message about a stranger would show them to each other, and no one looks first: as sure as for a rendition.
        min_similarity=services.calibration.stranger_similarity,
        text_version=body.text_version,
        key_id=key_id_of(keys.current) if body.channel is Channel.WEBHOOK else None,
        max_of_owner=MAX_PER_KEY if principal().kind == "key" else MAX_PER_USER,
    )


def _contact(services: App, body: SubscriptionInput) -> Contact:
    destination = body.channel.value
    if body.channel is Channel.WEBHOOK:
        url = parse_webhook_url(body.address, allow_loopback=services.webhook_settings.webhook_loopback)
        destination = f"webhook:{url.authority}"
    return Contact(channel=body.channel, address=body.address, destination=destination)


def _person_faces(services: App, album: str, person_id: str | None) -> list[Embedding]:
    if person_id is None:
        return []
    require_person(services, album, person_id)
    own = [one for one in services.people.embeddings(album, person_id) if one.space == services.embedding_space]
    if not own:
        raise Refused(422, "person_without_face", "No face of this person is known yet.")
    return own


def _channels(services: App, album: str) -> list[Channel]:
    """Those that are on; webhooks only for servers, which have a key that may write."""
    may_webhook = principal().may(Scope.WRITE, album)
    on = map(Channel, services.notification_settings.channels)
    return [one for one in on if may_webhook or one is not Channel.WEBHOOK]


def _owner(contact: bytes | None = None) -> str:
    """The caller; of the visitors with one share link, each contact is one."""
    caller = principal()
    visitor = f":{contact.hex()}" if caller.kind == "share" and contact is not None else ""
    return f"{caller.kind}:{caller.id}{visitor}"


def _check_owner(services: App, path: SubscriptionPath) -> None:
    """Raises UnknownSubscription, also for a subscription of another caller.

    A visitor with a share link is known by the id, which only the answer to their request has.
    """
    made = services.subscriptions.get(path.album, path.subscription_id)
    is_visitors = principal().kind == "share" and made.owner.startswith(f"{_owner()}:")
    if made.owner != _owner() and not is_visitors and not principal().may(Scope.WRITE, path.album):
        raise UnknownSubscription("This album has no such subscription.")
