"""A photo that ended without a result is not found, neither its older versions; one with a result is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.application.unindexing import unindex_without_result
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import PhotoState
from photofinish.ports import FaceIndex
from support.faces import bib, embedding, face, photo
from support.index import add, photos_with_bib

OLD, NEW = photo("race/1.jpg", generation=1), photo("race/1.jpg", generation=2)


def indexed(index: FaceIndex, ref: PhotoRef) -> None:
    assert add(index, ref, [face(embedding([1, 0, 0]))], [bib("42")])


@pytest.mark.parametrize("ended", [OLD, NEW])
@pytest.mark.parametrize(
    ("status", "is_found"), [(PhotoStatus.FAILED, False), (PhotoStatus.REJECTED, False), (PhotoStatus.DONE, True)]
)
def test_what_the_document_calls_without_result_is_not_found(
    index: FaceIndex, ended: PhotoRef, status: PhotoStatus, is_found: bool
) -> None:
    documents = MemoryDocuments()
    other = photo("race/2.jpg")
    for ref in (OLD, other):
        indexed(index, ref)
    documents.record_final(ended, status, {})
    for _ in range(2):  # its event is delivered twice
        unindex_without_result(ended, status, documents, index)
    found = photos_with_bib(index, "race", "42")
    assert set(found) == ({OLD, other} if is_found else {other})


def test_an_event_of_an_older_version_changes_nothing(index: FaceIndex) -> None:
    documents = MemoryDocuments()
    indexed(index, NEW)
    documents.record_final(NEW, PhotoStatus.DONE, {})
    unindex_without_result(OLD, PhotoStatus.FAILED, documents, index)
    assert photos_with_bib(index, "race", "42") == [NEW]


@pytest.mark.parametrize("late", [1, 2])
def test_a_result_that_comes_meanwhile_stays(index: FaceIndex, late: int) -> None:
    """A frozen task writes its result while its photo is taken out: after the record was read for the n-th time."""
    # The index has the photo locked when the record is read for the second time: this write comes after.
    writing = threading.Thread(target=indexed, args=(index, OLD))

    class LateResult(MemoryDocuments):
        reads = 0

        def states(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, PhotoState]:
            found = super().states(photos)
            self.reads += 1
            if self.reads == late:
                self.record_final(OLD, PhotoStatus.DONE, {})
                writing.start()
            return found

    documents = LateResult()
    indexed(index, OLD)
    documents.record_final(OLD, PhotoStatus.FAILED, {})
    unindex_without_result(OLD, PhotoStatus.FAILED, documents, index)
    writing.join()
    assert photos_with_bib(index, "race", "42") == [OLD]


def test_it_can_be_indexed_again(index: FaceIndex) -> None:
    documents = MemoryDocuments()
    indexed(index, OLD)
    documents.record_final(OLD, PhotoStatus.FAILED, {})
    unindex_without_result(OLD, PhotoStatus.FAILED, documents, index)
    indexed(index, OLD)
    assert photos_with_bib(index, "race", "42") == [OLD]


@pytest.mark.parametrize("name", ["new/1.jpg", "race/1\x00.jpg", f"{'a' * 300}/1.jpg"])
def test_a_photo_that_cannot_be_indexed_makes_no_album(index: FaceIndex, name: str) -> None:
    documents = MemoryDocuments()
    ref = replace(OLD, name=name)
    documents.record_final(ref, PhotoStatus.REJECTED, {}, error=("photo_name_not_allowed", "Rename it."))
    unindex_without_result(ref, PhotoStatus.REJECTED, documents, index)
    assert not index.has_album(ref.album)
