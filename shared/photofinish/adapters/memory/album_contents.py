"""What the index in memory holds of each photo."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.tombstones import MemoryTombstones
from photofinish.domain.album_event import EventFilter, EventType
from photofinish.ports import PhotoRows, ToldEvent

_TOLD = frozenset(
    {
        EventType.PHOTO_QUEUED,
        EventType.FACE_INDEXED,
        EventType.PHOTO_DONE,
        EventType.PHOTO_REJECTED,
        EventType.PHOTO_FAILED,
    }
)
_ALL_EVENTS = 1_000_000


class MemoryAlbumContents:
    """:class:`photofinish.ports.AlbumContents` over the doubles that hold it."""

    def __init__(
        self, index: MemoryFaceIndex, events: MemoryEventLog | None = None, tombstones: MemoryTombstones | None = None
    ) -> None:
        self._index = index
        self._events = events or MemoryEventLog()
        self._tombstones = tombstones or MemoryTombstones()
        self.removed_originals: dict[str, int] = {}
        """Photo id → generation; tests set it."""

    def knows(self, album: str) -> bool:
        return self._index.has_album(album)

    def photo_ids(self, album: str) -> Iterator[str]:
        yield from sorted(one.photo.photo_id for one in self._index.analyses(album))

    def rows(self, album: str, photo_ids: Collection[str]) -> dict[str, PhotoRows]:
        return {photo_id: self._rows(album, photo_id) for photo_id in photo_ids}

    def events_begin(self) -> datetime | None:
        oldest = self._events.page(None, EventFilter(), after=0, limit=1).events
        return oldest[0].event.occurred_at if oldest else None

    def remove_result(self, album: str, photo_id: str, *, generation: int | None = None) -> None:
        self._index.forget(album, photo_id, generation=generation)

    def remove_repeated_events(self, photo_id: str) -> int:
        return self._events.remove_repeated(photo_id)

    def outdate_people(self, album: str) -> int:  # noqa: ARG002 - the index in memory has no people
        return 0

    def _rows(self, album: str, photo_id: str) -> PhotoRows:
        with self._index.locked():
            known = self._index.indexed(photo_id)
            indexed = known if known is not None and known.photo.album == album else None
            corrections = () if indexed is None else tuple(self._index.corrections_of(indexed.photo))
            newest = self._index.newest(photo_id)
        about = self._events.newest(None, EventFilter(photo_id=photo_id), before=None, limit=_ALL_EVENTS).events
        events = tuple(
            ToldEvent(
                id=one.event.id,
                type=one.event.type,
                generation=one.event.generation,
                position=one.position,
                occurred_at=one.event.occurred_at,
            )
            for one in reversed(about)
            if one.event.type in _TOLD
        )
        erased_faces = tuple(face for face in self._tombstones.faces if face.photo_id == photo_id)
        if indexed is None:
            return PhotoRows(
                photo_id=photo_id,
                ref=newest,
                erased_generation=self._tombstones.photos.get(photo_id),
                erased_faces=erased_faces,
                removed_original=self.removed_originals.get(photo_id),
                events=events,
            )
        return PhotoRows(
            photo_id=photo_id,
            ref=indexed.photo,
            pipeline_version=indexed.pipeline_version,
            faces=indexed.faces,
            withheld={one.number: one.box for one in indexed.analysis.withheld_faces},
            depicted_in=None if indexed.analysis.depiction is None else indexed.analysis.depiction.embedding.space,
            read=indexed.read,
            rules=indexed.rules,
            bibs=indexed.bibs,
            corrections=corrections,
            revision=indexed.revision,
            erased_generation=self._tombstones.photos.get(photo_id),
            erased_faces=erased_faces,
            removed_original=self.removed_originals.get(photo_id),
            events=events,
        )
