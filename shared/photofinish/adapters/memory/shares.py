"""Share links, sessions, albums' cards and feedback, in memory."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from photofinish.domain.album_card import AlbumCard
from photofinish.domain.photo import is_album_name
from photofinish.domain.sessions import Session
from photofinish.domain.shares import Share
from photofinish.errors import RejectedInput
from photofinish.ports import FaceFeedback


class MemoryAlbumCards:
    """:class:`photofinish.ports.AlbumCards` in a dictionary."""

    def __init__(self) -> None:
        self._cards: dict[str, AlbumCard] = {}

    def card(self, album: str) -> AlbumCard | None:
        return self._cards.get(album)

    def cards(self, albums: Sequence[str]) -> dict[str, AlbumCard]:
        return {album: self._cards[album] for album in albums if album in self._cards}

    def set_card(self, album: str, card: AlbumCard) -> None:
        _check_name(album)
        self._cards[album] = card


class MemorySessions:
    """:class:`photofinish.ports.Sessions` in a dictionary."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, Session] = {}

    def start(self, token_sha256: bytes, session: Session) -> None:
        self._sessions[token_sha256] = session

    def find(self, token_sha256: bytes, at: datetime) -> Session | None:
        session = self._sessions.get(token_sha256)
        return session if session is not None and session.expires_at > at else None

    def end(self, token_sha256: bytes) -> None:
        self._sessions.pop(token_sha256, None)

    def end_of_share(self, share_id: str) -> None:
        for token_sha256, session in list(self._sessions.items()):
            if (session.kind, session.principal_id) == ("share", share_id):
                self.end(token_sha256)

    def expire(self, at: datetime) -> int:
        ended = [token for token, session in self._sessions.items() if session.expires_at < at]
        for token in ended:
            self.end(token)
        return len(ended)


class MemoryShares:
    """:class:`photofinish.ports.Shares` in a dictionary."""

    def __init__(self, sessions: MemorySessions) -> None:
        self._sessions = sessions
        self._shares: dict[bytes, Share] = {}
        self._lock = threading.Lock()

    def add(self, share: Share, token_sha256: bytes) -> None:
        _check_name(share.album)
        with self._lock:
            self._shares[token_sha256] = share

    def with_token(self, token_sha256: bytes) -> Share | None:
        return self._shares.get(token_sha256)

    def get(self, share_id: str) -> Share | None:
        return next((share for share in self._shares.values() if share.share_id == share_id), None)

    def of_album(self, album: str) -> list[Share]:
        found = (share for share in self._shares.values() if share.album == album)
        return sorted(found, key=lambda share: (share.created_at, share.share_id))

    def revoke(self, album: str, share_id: str) -> bool:
        with self._lock:
            for token, share in self._shares.items():
                if (share.album, share.share_id) == (album, share_id):
                    self._shares[token] = replace(share, revoked_at=share.revoked_at or datetime.now(UTC))
                    return True
        return False

    def is_open(self, share_id: str, at: datetime) -> bool:
        share = self.get(share_id)
        return share is not None and share.is_open(at)

    def expire(self, before: datetime) -> int:
        with self._lock:
            ended = [token for token, share in self._shares.items() if share.expires_at < before]
            for token in ended:
                self._sessions.end_of_share(self._shares.pop(token).share_id)
        return len(ended)


class MemoryFindMeFeedback:
    """:class:`photofinish.ports.FindMeFeedback`; `has_face` tells whether an album's photo has a face."""

    def __init__(self, has_face: Callable[[str, str, str], bool]) -> None:
        self._has_face = has_face
        self._given: dict[tuple[str, str, bytes], tuple[str, bool, datetime]] = {}

    def give(self, album: str, photo_id: str, face_id: str, *, caller: bytes, is_me: bool) -> bool:
        if not self._has_face(album, photo_id, face_id):
            return False
        self._given[album, face_id, caller] = photo_id, is_me, datetime.now(UTC)
        return True

    def of_album(self, album: str, *, limit: int, after: tuple[datetime, str] | None) -> list[FaceFeedback]:
        by_face = defaultdict(list)
        for (its_album, face_id, _), (photo_id, is_me, at) in self._given.items():
            if its_album == album:
                by_face[photo_id, face_id].append((is_me, at))
        found = [
            FaceFeedback(
                photo_id=photo_id,
                face_id=face_id,
                yes=sum(is_me for is_me, _ in given),
                no=sum(not is_me for is_me, _ in given),
                last_at=max(at for _, at in given),
            )
            for (photo_id, face_id), given in by_face.items()
        ]
        found.sort(key=lambda one: (one.last_at, one.face_id), reverse=True)
        return [one for one in found if after is None or (one.last_at, one.face_id) < after][:limit]


def _check_name(album: str) -> None:
    if not is_album_name(album):
        raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
