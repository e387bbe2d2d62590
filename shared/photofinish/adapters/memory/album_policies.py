"""Albums' policies, in memory."""

from __future__ import annotations

from datetime import UTC, datetime

from photofinish.domain.album_policy import AlbumPolicy, Redact
from photofinish.domain.photo import is_album_name
from photofinish.errors import RejectedInput


class MemoryAlbumPolicies:
    """:class:`photofinish.ports.AlbumPolicies` in a dictionary."""

    def __init__(self) -> None:
        self._policies: dict[str, AlbumPolicy] = {}
        self._ever_redacted: set[str] = set()
        self._links_to_end: dict[str, datetime] = {}

    def policy(self, album: str) -> AlbumPolicy:
        return self._policies.get(album, AlbumPolicy())

    def ever_redacted(self, album: str) -> bool:
        return album in self._ever_redacted

    def policies(self) -> dict[str, AlbumPolicy]:
        return dict(self._policies)

    def links_to_end(self) -> dict[str, datetime]:
        return dict(self._links_to_end)

    def links_ended(self, album: str) -> None:
        self._links_to_end.pop(album, None)

    def set_policy(self, album: str, policy: AlbumPolicy) -> None:
        if not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        self._policies[album] = policy
        if policy.redact is not Redact.NONE and album not in self._ever_redacted:
            self._links_to_end[album] = datetime.now(UTC)
            self._ever_redacted.add(album)
