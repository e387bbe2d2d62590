"""What the routes share about albums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from cachetools import TTLCache, cached

from photofinish.domain.photo import PhotoStatus
from photofinish.ports import AlbumSummary
from photofinish.wiring import App
from photofinish_functions.access.refusals import NotVisible

_MAX_ALBUMS = 256
_PROGRESS_KEPT_S = 3.0


def has_album(cloud: App, album: str) -> bool:
    """Whether anything is known of `album`: a photo, analysed or not, a card, or a person, also a deleted one."""
    return (
        cloud.index.has_album(album)
        or bool(cloud.documents.album_names(names=frozenset({album}), limit=1, after=None))
        or cloud.album_cards.card(album) is not None
        or bool(cloud.people.list_people(album, limit=1))
        or bool(cloud.people_changes.operations(album, limit=1, before=None))
    )


def check_album(cloud: App, album: str) -> None:
    """Refuse an unknown album; raises NotVisible."""
    if not has_album(cloud, album):
        raise NotVisible


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an album is."""

    summary: AlbumSummary | None
    """None: nothing of it is indexed."""
    by_status: Mapping[PhotoStatus, int]
    last_upload_at: datetime | None


class ProgressReading:
    """Reads how far albums are; visitors, thousands of whom poll a race, share what was read a moment ago."""

    def __init__(self, cloud: App) -> None:
        self._cloud = cloud
        kept: TTLCache[str, Progress] = TTLCache(_MAX_ALBUMS, _PROGRESS_KEPT_S)
        self._shared = cached(kept, lock=Lock())(self.read)

    def read(self, album: str) -> Progress:
        """Return it as it is now."""
        found = self._cloud.albums.summaries(names=frozenset({album}), limit=1, after=None)
        return Progress(
            found[0] if found else None, self._cloud.documents.counts(album), self._cloud.documents.last_upload(album)
        )

    def shared(self, album: str) -> Progress:
        """Return it as it was some seconds ago at most."""
        return self._shared(album)


def count_faces(cloud: App, album: str) -> int:
    """Return how many faces of `album` are indexed."""
    return sum(summary.faces for summary in cloud.albums.summaries(names=frozenset({album}), limit=1, after=None))
