"""List the near duplicates of an album, burst by burst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from photofinish.application.bursts import bursts
from photofinish.application.cursors import decode_cursor, encode_cursor, malformed
from photofinish.domain.burst import Shot
from photofinish.domain.search import PhotoFilter
from photofinish.ports import Documents, FaceIndex, PhotoRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicates:
    """Some photos of bursts: burst by burst as they were taken, the best photo of each first."""

    photos: tuple[PhotoRecord, ...]
    burst_of: Mapping[str, tuple[str, ...]]
    """Photo id → ids of all photos of its burst, the best first."""
    next_cursor: str | None
    """For the next page; None on the last."""


def list_near_duplicates(
    album: str, where: PhotoFilter, *, limit: int, cursor: str | None, index: FaceIndex, documents: Documents
) -> NearDuplicates:
    """Return the page after `cursor` of the photos that meet `where` and have near duplicates among these.

    Raises:
        InvalidQuery: the cursor is malformed, or was made for another listing.
    """
    query = ("near duplicates", album, where)
    after = _position(query, cursor)
    with index.reading(album) as reading:
        found = bursts(reading.shots(where))
    burst_of = {shot.photo_id: tuple(one.photo_id for one in burst) for burst in found for shot in burst}
    listed = [(_place(burst, rank), shot.photo_id) for burst in found for rank, shot in enumerate(burst)]
    left = [one for one in listed if after is None or one[0] > after]
    page = list(islice(left, limit))
    records = {record.ref.photo_id: record for record in documents.records(album, [photo_id for _, photo_id in page])}
    return NearDuplicates(
        photos=tuple(records[photo_id] for _, photo_id in page if photo_id in records),
        burst_of=burst_of,
        next_cursor=encode_cursor(query, list(page[-1][0])) if len(left) > len(page) else None,
    )


_Place = tuple[str, str, int]


def _place(burst: tuple[Shot, ...], rank: int) -> _Place:
    """Where a photo is listed: by the first photo of its burst, then by its rank in it."""
    first = min((shot.taken_at.isoformat() if shot.taken_at else "", shot.photo_id) for shot in burst)
    return (*first, rank)


def _position(query: object, cursor: str | None) -> _Place | None:
    if cursor is None:
        return None
    match decode_cursor(query, cursor):
        case [str(taken_at), str(photo_id), int(rank)]:
            return taken_at, photo_id, rank
        case _:
            raise malformed()
