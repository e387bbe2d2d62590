"""The ZIP of originals: the same bytes from any position, with little read twice, and valid when photos vanish."""

from __future__ import annotations

import io
import itertools
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.adapters.memory.downloads import MemoryDownloads
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.application.downloads import resumable
from photofinish.application.downloads.resumable import ResumableArchive
from photofinish.domain.download import Download, DownloadedPhoto, DownloadSize
from photofinish.domain.photo import PhotoRef

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TOKEN = b"t" * 32
SMALL_BYTES, PART_BYTES = 20, 7


class CountingStore(MemoryPhotoStore):
    """Counts what is read."""

    read_bytes = 0

    def read_part(self, photo: PhotoRef, *, start: int, stop: int) -> bytes:
        part = super().read_part(photo, start=start, stop=stop)
        self.read_bytes += len(part)
        return part


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of more than 20 bytes are large, and read in parts of 7."""
    set_small_parts(monkeypatch)


def set_small_parts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resumable, "READ_AT_ONCE_BYTES", SMALL_BYTES)
    patch.setattr(resumable, "PART_BYTES", PART_BYTES)


class Case:
    """A download of files with these contents."""

    def __init__(self, *contents: bytes) -> None:
        self.store, self.downloads = CountingStore(), MemoryDownloads()
        photos = []
        for number, content in enumerate(contents):
            ref = self.store.upload(f"race/{number}.jpg", content).ref
            size = len(content)
            photos.append(DownloadedPhoto(photo=ref, path=f"{number}.jpg", size_bytes=size, taken_at=None))
        download = Download(
            download_id="d",
            album="race",
            made_by=("key", "k"),
            is_organiser=True,
            size=DownloadSize.ORIGINAL,
            with_metadata=False,
            photos=tuple(photos),
            expires_at=NOW + timedelta(hours=1),
        )
        self.downloads.add(download, TOKEN)

    @property
    def download(self) -> Download:
        found = self.downloads.find(TOKEN, NOW)
        assert found is not None
        return found

    def archive(self) -> ResumableArchive:
        """As a request gets it, with what earlier ones left."""
        return ResumableArchive(self.download, self.store, self.downloads)

    def get(self, start: int = 0, stop: int | None = None) -> bytes:
        archive = self.archive()
        return b"".join(archive.parts(start, archive.layout.length if stop is None else stop))


_contents = st.lists(st.binary(max_size=50), min_size=1, max_size=5)


@given(contents=_contents, cuts=st.lists(st.integers(0, 1000), max_size=5))
def test_parts_in_any_pieces_make_the_same_archive(contents: list[bytes], cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        set_small_parts(patch)
        whole = Case(*contents).get()
        case = Case(*contents)
        edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
        assert b"".join(case.get(*piece) for piece in itertools.pairwise(edges)) == whole
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == contents


@given(contents=_contents, data=st.data())
def test_a_photo_may_vanish_at_any_moment(contents: list[bytes], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        set_small_parts(patch)
        case = Case(*contents)
        length = case.archive().layout.length
        cut = data.draw(st.integers(0, length))
        gone = data.draw(st.sampled_from(range(len(contents))))
        sent = case.get(0, cut)
        case.store.delete(f"race/{gone}.jpg")
        sent += case.get(cut)
    assert len(sent) == length
    with zipfile.ZipFile(io.BytesIO(sent)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        for number, content in enumerate(contents):
            if number != gone:
                assert archive.read(f"{number}.jpg") == content
        # It is whole if it was sent before, else it is named.
        if f"{gone}.jpg" in names:
            assert archive.read(f"{gone}.jpg") == contents[gone]
        else:
            assert f"{gone}.jpg\r\n".encode() in archive.read("MISSING.txt")


def test_going_on_reads_nothing_in_front_again() -> None:
    case = Case(*(bytes([n]) * 15 for n in range(40)))
    archive = case.archive()
    sending = archive.parts(0, archive.layout.length)
    sent = b""
    while len(sent) < archive.layout.starts[30]:
        sent += next(sending)
    sending.close()  # the client is gone
    case.store.read_bytes = 0
    assert sent + case.get(len(sent)) == Case(*(bytes([n]) * 15 for n in range(40))).get()
    assert case.store.read_bytes <= 11 * 15


def test_a_large_file_is_read_twice_and_once_when_its_checksum_is_known() -> None:
    case = Case(b"x" * 100)
    whole = case.get()
    assert case.store.read_bytes == 200
    case.store.read_bytes = 0
    assert case.get() == whole
    assert case.store.read_bytes == 100


def test_a_photo_that_came_back_stays_missing() -> None:
    case = Case(b"one", b"two")
    case.store.delete("race/0.jpg")
    first = case.get()
    case.store.upload("race/0.jpg", b"one")
    assert case.get() == first


def test_sizes_must_be_known() -> None:
    case = Case(b"one")
    unknown = replace(case.download, with_metadata=True)
    with pytest.raises(ValueError, match="sizes"):
        ResumableArchive(unknown, case.store, case.downloads)
