"""Share links, sessions of pages, albums' cards, and what visitors say about found faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.album_card import AlbumCard
from photofinish.domain.sessions import Session
from photofinish.domain.shares import Share


class AlbumCards(Protocol):
    """The card of each album."""

    def card(self, album: str) -> AlbumCard | None:
        """Return the card of `album`; None if it has none."""
        ...

    def cards(self, albums: Sequence[str]) -> dict[str, AlbumCard]:
        """Return the cards of those of `albums` that have one, in one query."""
        ...

    def set_card(self, album: str, card: AlbumCard) -> None:
        """Replace the card of `album`, which need not contain a photo yet; twice equals once.

        Raises:
            RejectedInput: `album_name_not_allowed`.
        """
        ...


class AlbumDocuments(Protocol):
    """Albums' documents, which apps read."""

    def write(self, album: str, card: AlbumCard) -> None:
        """Write the card into the document of `album`; creates it. Twice equals once."""
        ...


class Shares(Protocol):
    """Share links. Of their tokens only hashes are known."""

    def add(self, share: Share, token_sha256: bytes) -> None:
        """Store a new share; its album need not contain a photo yet.

        Raises:
            RejectedInput: `album_name_not_allowed`.
        """
        ...

    def with_token(self, token_sha256: bytes) -> Share | None:
        """Return the share with this token, also if it was revoked or has expired."""
        ...

    def get(self, share_id: str) -> Share | None:
        """Return the share with this id, also if it was revoked or has expired."""
        ...

    def of_album(self, album: str) -> list[Share]:
        """Return the shares of `album`, oldest first."""
        ...

    def revoke(self, album: str, share_id: str) -> bool:
        """Revoke a share; twice equals once. Return False if `album` has no share with this id."""
        ...

    def is_open(self, share_id: str, at: datetime) -> bool:
        """Whether a share exists and is neither revoked nor expired at `at`. For readers who may know no more of it."""
        ...

    def expire(self, before: datetime) -> int:
        """Delete shares that expired before then, with their sessions; return how many."""
        ...


class Sessions(Protocol):
    """Sessions of pages. Of their tokens only hashes are known."""

    def start(self, token_sha256: bytes, session: Session) -> None:
        """Store a new session."""
        ...

    def find(self, token_sha256: bytes, at: datetime) -> Session | None:
        """Return the session with this token if it has not ended at `at`."""
        ...

    def end(self, token_sha256: bytes) -> None:
        """End a session; twice equals once."""
        ...

    def expire(self, at: datetime) -> int:
        """Delete sessions that ended before then; return how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceFeedback:
    """What callers said about one face: how many of them that it is theirs, and that it is not."""

    photo_id: str
    face_id: str
    yes: int
    no: int
    last_at: datetime


class FindMeFeedback(Protocol):
    """Opinions of callers on faces that a search found for them. Suggestions for organisers; they change nothing."""

    def give(self, album: str, photo_id: str, face_id: str, *, caller: bytes, is_me: bool) -> bool:
        """Record what a caller says about a face; a later opinion replaces it.

        Return False and record nothing if `album` has no such photo, or the photo no such face.
        """
        ...

    def of_album(self, album: str, *, limit: int, after: tuple[datetime, str] | None) -> Sequence[FaceFeedback]:
        """Return opinions by face, the latest first; `after`: those behind this time and face id."""
        ...
