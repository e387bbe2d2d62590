"""What is read of the documents on Firestore: single photos, pages of an album, counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from google.cloud.firestore import Client, FieldFilter, Query

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from photofinish.domain.photo_document import is_erased, original_among, ref_of
from photofinish.domain.photo_listing import PhotoListing, Position
from photofinish.ports import PhotoRecord

_TIMEOUT_S = 30.0
_OUTSTANDING = [PhotoStatus.QUEUED.value, PhotoStatus.PROCESSING.value]
_PAGE = 500
_COPIES = 10  # photos that came at the same moment, before one of them was recorded


class FirestoreQueries:
    """The reading half of :class:`FirestoreDocuments`; nothing here writes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @unavailable_when_transient
    def find_copy(self, photo: StoredPhoto) -> str | None:
        if photo.checksum is None:
            return None
        query = self._photos(photo.ref.album).where(filter=FieldFilter("checksum", "==", photo.checksum))
        found = query.limit(_COPIES).stream(timeout=_TIMEOUT_S)
        documents = ((snapshot.id, snapshot.to_dict() or {}) for snapshot in found)
        return original_among(one for one in documents if one[0] != photo.ref.photo_id)

    @unavailable_when_transient
    def get(self, album: str, photo_id: str) -> PhotoRecord | None:
        snapshot = self._photos(album).document(photo_id).get(timeout=_TIMEOUT_S)
        return _record(snapshot) if snapshot.exists and not is_erased(snapshot.to_dict() or {}) else None

    @unavailable_when_transient
    def records(self, album: str, photo_ids: Collection[str]) -> list[PhotoRecord]:
        documents = [self._photos(album).document(photo_id) for photo_id in photo_ids]
        found = []
        for start in range(0, len(documents), _PAGE):
            snapshots = self._client.get_all(documents[start : start + _PAGE], timeout=_TIMEOUT_S)
            found += [_record(one) for one in snapshots if one.exists and not is_erased(one.to_dict() or {})]
        return found

    @unavailable_when_transient
    def counts(self, album: str) -> dict[PhotoStatus, int]:
        counted: dict[PhotoStatus, int] = {}
        for status in [status for status in PhotoStatus if status is not PhotoStatus.ERASED]:
            query = self._photos(album).where(filter=FieldFilter("status", "==", status.value))
            if count := _count(query):
                counted[status] = count
        return counted

    @unavailable_when_transient
    def album_names(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[str]:
        albums = self._client.collection("albums")
        if names is not None:
            wanted = [albums.document(name) for name in names if after is None or name > after]
            found = self._client.get_all(wanted, field_paths=["title"], timeout=_TIMEOUT_S)
            return sorted(
                snapshot.id for snapshot in found if snapshot.exists and "title" in (snapshot.to_dict() or {})
            )[:limit]
        listed: list[str] = []
        while True:
            query = albums.select(["title"]).order_by("__name__").limit(limit)
            if after is not None:
                query = query.start_after({"__name__": albums.document(after)})
            page = list(query.stream(timeout=_TIMEOUT_S))
            # The document of an erased album has no title.
            listed += [snapshot.id for snapshot in page if "title" in (snapshot.to_dict() or {})]
            if len(page) < limit or len(listed) >= limit:
                return listed[:limit]
            after = page[-1].id

    @unavailable_when_transient
    def last_upload(self, album: str) -> datetime | None:
        # A query leaves out documents without the field that it orders by.
        query = self._photos(album).order_by("stages.uploaded_at", direction=Query.DESCENDING).limit(1)
        times: list[datetime] = [snapshot.get("stages.uploaded_at") for snapshot in query.stream(timeout=_TIMEOUT_S)]
        return times[0] if times else None

    @unavailable_when_transient
    def outstanding(self) -> int:
        photos = self._client.collection_group("photos")
        return _count(photos.where(filter=FieldFilter("status", "in", _OUTSTANDING)))

    @unavailable_when_transient
    def outstanding_of(self, album: str, *, limit: int) -> int:
        # A count is billed as one read for each 1,000 entries of the index, and reads no more than the limit.
        return _count(self._photos(album).where(filter=FieldFilter("status", "in", _OUTSTANDING)).limit(limit))

    @unavailable_when_transient
    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        query: Any = self._photos(album)
        if status is not None:
            query = query.where(filter=FieldFilter("status", "==", status.value))
        query = query.order_by("__name__").limit(_PAGE)
        last: Any = None
        while True:
            page = list((query.start_after(last) if last else query).stream(timeout=_TIMEOUT_S))
            yield from (_record(snapshot) for snapshot in page if not is_erased(snapshot.to_dict()))
            if len(page) < _PAGE:
                return
            last = page[-1]

    @unavailable_when_transient
    def list_page(self, album: str, listing: PhotoListing, *, limit: int, after: Position | None) -> list[PhotoRecord]:
        # Each condition but ranges has a composite index for each of the two orders; Firestore merges them.
        query = self._photos(album)
        for condition in _conditions(album, listing):
            query = query.where(filter=condition)
        for field in _order(listing):
            query = query.order_by(field)
        if after is not None:
            query = query.start_after(dict(zip(_order(listing), after, strict=True)))
        return [_record(snapshot) for snapshot in query.limit(limit).stream(timeout=_TIMEOUT_S)]

    @unavailable_when_transient
    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        # Only final photos have the field, and a query leaves out documents without the field that it orders by.
        query = self._photos(album).order_by("done_at", direction=Query.DESCENDING).limit(limit)
        return [_record(snapshot) for snapshot in query.stream(timeout=_TIMEOUT_S)]

    @unavailable_when_transient
    def longest_outstanding(self, album: str | None, *, limit: int) -> list[PhotoRecord]:
        photos = self._client.collection_group("photos") if album is None else self._photos(album)
        query = photos.where(filter=FieldFilter("status", "in", _OUTSTANDING))
        return [_record(snapshot) for snapshot in query.order_by("changed_at").limit(limit).stream(timeout=_TIMEOUT_S)]

    def _photos(self, album: str) -> Any:
        return self._client.collection("albums").document(album).collection("photos")


def _order(listing: PhotoListing) -> tuple[str, ...]:
    """The fields of a listing's positions. Documents of 0.1 have no `photo`, so the name is that of `object`."""
    return ("image.taken_at", "object.name", "__name__") if listing.by_time else ("object.name", "__name__")


def _conditions(album: str, listing: PhotoListing) -> list[FieldFilter]:
    low_name, high_name = listing.names(album) or (None, None)
    low_time, high_time = listing.times
    asked: tuple[tuple[str, str, Any], ...] = (
        ("status", "==", listing.status and listing.status.value),
        ("image.camera", "==", listing.camera),
        ("has_warnings", "==", True if listing.with_warnings else None),
        ("bib_numbers", "array_contains", listing.bib),
        ("bib_numbers", "==", [] if listing.without_bib else None),
        ("sharpness.is_blurry", "==", True if listing.is_blurry else None),
        ("object.name", ">=", low_name),
        ("object.name", "<", high_name),
        ("image.taken_at", ">=", low_time),
        ("image.taken_at", "<", high_time),
    )
    return [FieldFilter(path, operator, value) for path, operator, value in asked if value is not None]


def _record(snapshot: Any) -> PhotoRecord:
    fields = snapshot.to_dict() or {}
    return PhotoRecord(ref=ref_of(fields), status=PhotoStatus(fields["status"]), fields=fields)


def _count(query: Any) -> int:
    return int(query.count().get(timeout=_TIMEOUT_S)[0][0].value)
