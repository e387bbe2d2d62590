"""Who may open a live stream: the holder of an API key, or of a ticket. Blocking; called in threads."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from werkzeug.sansio.request import Request

from photofinish.domain.access import Principal, Reading, Scope
from photofinish.domain.album_event import EventFilter, ToldStatus
from photofinish.ports import AccessStore, Shares
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.live_tickets import LiveTicket, LiveTickets
from photofinish_functions.access.permissions import permitted
from photofinish_functions.access.refusals import Denied, Forbidden, Unauthorized
from photofinish_functions.refused import Refused

T = TypeVar("T")
USER_STREAM_S = 600.0
"""How long the stream of a signed-in user lasts: nothing tells here that their rights were taken away."""
_NONCE = b"live ticket"


class NoKeyOrTicket(Refused):
    """401, in the words of this function."""

    def __init__(self, refusal: Unauthorized) -> None:
        message = (
            "Send a valid API key as 'X-Api-Key: KEY' or 'Authorization: Bearer KEY', or a ticket of "
            "POST /v1/albums/ALBUM/events/tickets as `ticket`: it opens one stream of that album within a minute."
        )
        super().__init__(refusal.status, refusal.code, message, refusal.headers)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who opened a connection."""

    principal: Principal
    """Sees the ticket's album only where it came with one."""
    request_id: str
    network: str | None

    @property
    def lasts_s(self) -> float | None:
        """How long their connection may last; None: as long as any."""
        return USER_STREAM_S if self.principal.kind == "user" else None


_OF_PHOTOS = frozenset(status.event_type for status in ToldStatus)


def readable(principal: Principal, wanted: EventFilter) -> EventFilter:
    """Return which of the wanted events the caller may have: who may only browse has those of photos.

    Raises:
        Forbidden: the events of one person are wanted by who may not know people.
    """
    if principal.reading is Reading.ALL:
        return wanted
    if wanted.person_id is not None:
        raise Forbidden(principal)
    return replace(wanted, types=_OF_PHOTOS if wanted.types is None else wanted.types & _OF_PHOTOS)


class Admission:
    """Admits callers with the rights of `GET /v1/albums/{album}/events`, and audits it."""

    def __init__(self, gate: Gate, tickets: LiveTickets, store: AccessStore, shares: Shares | None = None) -> None:
        self._gate = gate
        self._tickets = tickets
        self._store = store
        self._shares = shares

    def connect(self, request: Request, ticket: str | None, request_id: str) -> Caller:
        """Return the caller of a new connection.

        Raises:
            NoKeyOrTicket, RateLimited, Forbidden: the caller is refused.
            Unavailable: the database does not answer.
        """
        network = self._gate.network_of(request)

        def admit() -> Principal:
            if ticket is None:
                return self._gate.admit_anywhere(request, Scope.SEARCH)
            return self._gate.authenticated(request, lambda _: self._holder(ticket))

        try:
            principal = self._audited(admit, "open_live", None, request_id, network)
        except Unauthorized as refusal:
            self._gate.record_failure(request_id=request_id, network=network)
            raise NoKeyOrTicket(refusal) from None
        return Caller(principal, request_id, network)

    def subscribe(self, caller: Caller, album: str) -> None:
        """Let `caller` have the events of `album`, and audit it; raises NotVisible."""
        self._audited(
            lambda: permitted(caller.principal, Scope.SEARCH, album, Reading.BROWSE),
            "stream_events",
            album,
            caller.request_id,
            caller.network,
        )
        self._gate.record(
            caller.principal,
            "stream_events",
            album=album,
            outcome="200",
            request_id=caller.request_id,
            network=caller.network,
        )

    def is_still_valid(self, principal: Principal, albums: Collection[str]) -> bool:
        """Whether the key behind a connection may still have the events of these albums."""
        if principal.kind == "user":
            return True  # see Caller.lasts_s
        if principal.kind == "share":
            return self._is_open(principal.id)
        key = self._gate.valid_key(principal.id)
        return key is not None and all(key.principal.may(Scope.SEARCH, album) for album in albums)

    def _holder(self, text: str) -> Principal:
        """Return the holder of a ticket, which cannot be used again."""
        ticket = self._tickets.read(text)
        if ticket is None:
            raise Unauthorized
        principal = self._principal_of(ticket)
        expires_at = datetime.fromtimestamp(ticket.expires_at_s, UTC)
        if not self._store.remember_signature(ticket.digest, _NONCE, expires_at):
            raise Unauthorized
        return principal

    def _principal_of(self, ticket: LiveTicket) -> Principal:
        albums = frozenset({ticket.album})
        if ticket.kind == "user":
            return Principal("user", ticket.principal_id, Scope.SEARCH, albums, reading=ticket.reading)
        if ticket.kind == "share":
            if not self._is_open(ticket.principal_id):
                raise Unauthorized
            return Principal("share", ticket.principal_id, Scope.SEARCH, albums, reading=ticket.reading)
        key = self._gate.valid_key(ticket.principal_id)
        if key is None or not key.principal.sees(ticket.album):
            raise Unauthorized
        return Principal("key", key.key_id, key.scope, albums)

    def _is_open(self, share_id: str) -> bool:
        return self._shares is not None and self._shares.is_open(share_id, datetime.now(UTC))

    def _audited(
        self, admit: Callable[[], T], action: str, album: str | None, request_id: str, network: str | None
    ) -> T:
        try:
            return admit()
        except Denied as refusal:
            self._gate.record_refusal(
                refusal,
                action,
                album=album if refusal.code != "unknown_album" else None,
                outcome=f"{refusal.status} {refusal.code}",
                request_id=request_id,
                network=network,
            )
            raise
