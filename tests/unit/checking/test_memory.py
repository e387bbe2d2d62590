"""A check of a large album takes the memory of a page."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.application.checking.reading import PAGE, FactsReading
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.ports import PhotoRecord, PhotoRows
from unit.checking.test_comparison import original, record


class ManyPhotos(MemoryPhotoStore):
    """A bucket that makes its listing up."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def list_photos(self, prefix: str = "") -> Iterator[StoredPhoto]:
        for number in range(self.count):
            yield original(PhotoRef(bucket="photos", name=f"race/IMG_{number:06}.jpg", generation=1))


class ManyDocuments(MemoryDocuments):
    """Documents of those photos, made up too."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.read = 0
        names = (f"race/IMG_{number:06}.jpg" for number in range(count))
        self.ids = sorted((PhotoRef(bucket="photos", name=name, generation=1).photo_id, name) for name in names)

    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        for _, name in list(self.ids):
            self.read += 1
            fields: dict[str, Any] = {"error": {"code": "c", "message": "m" * 200}}
            yield record(PhotoStatus.FAILED, PhotoRef(bucket="photos", name=name, generation=1), **fields)


class NoRows:
    """An index without anything."""

    def photo_ids(self, album: str) -> Iterator[str]:
        yield from ()

    def rows(self, album: str, photo_ids: Collection[str]) -> dict[str, PhotoRows]:
        return {photo_id: PhotoRows(photo_id=photo_id) for photo_id in photo_ids}


def test_no_store_is_read_further_than_the_page_that_is_compared() -> None:
    """Only what the bucket lists is read first, into a temporary file: it has another order than all others."""
    documents = ManyDocuments(3 * PAGE)
    reading = FactsReading(ManyPhotos(3 * PAGE), documents, NoRows())  # type: ignore[arg-type]
    for number, page in enumerate(reading.album("race"), start=1):
        assert [one.photo_id for one in page] == [photo_id for photo_id, _ in documents.ids[:PAGE]]
        del documents.ids[:PAGE]
        assert all(one.original is not None and one.record is not None for one in page)
        assert documents.read <= number * PAGE + 1
    assert documents.ids == []
