"""The promises of PhotoStore, kept by every implementation."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from photofinish.adapters.google.photo_uploads import GcsPhotoUploads
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.photo_uploads import MemoryPhotoUploads
from photofinish.domain.photo import PhotoRef
from photofinish.errors import Conflict, NotFound, PhotoGone, RejectedInput
from photofinish.ports import PhotoStore, PhotoUploads, UploadedFile
from photofinish_cli.dropping import content_of

Upload = Callable[[str, bytes], PhotoRef]


@pytest.fixture(params=["memory", "gcs"])
def store_and_upload(request: pytest.FixtureRequest) -> tuple[PhotoStore, Upload]:
    if request.param == "memory":
        memory = MemoryPhotoStore()
        return memory, lambda name, content: memory.upload(name, content).ref
    uploads: GcsPhotoUploads = request.getfixturevalue("gcs_uploads")
    file: Path = request.getfixturevalue("tmp_path") / "photo.jpg"

    def upload(name: str, content: bytes) -> PhotoRef:
        file.write_bytes(content)
        return uploads.upload(file, name, "image/jpeg")

    return request.getfixturevalue("gcs_store"), upload


@pytest.fixture
def store(store_and_upload: tuple[PhotoStore, Upload]) -> PhotoStore:
    return store_and_upload[0]


@pytest.fixture
def upload(store_and_upload: tuple[PhotoStore, Upload]) -> Upload:
    return store_and_upload[1]


@pytest.mark.parametrize("name", ["race/1.jpg", "l'été/日本 #1?.jpg", "'; drop table photo; --/a b.jpg", "1.jpg"])
def test_reads_back_what_was_uploaded(store: PhotoStore, upload: Upload, name: str) -> None:
    assert store.read(upload(name, b"content"), max_bytes=100) == b"content"


def test_an_older_generation_is_gone(store: PhotoStore, upload: Upload) -> None:
    old = upload("race/1.jpg", b"one")
    new = upload("race/1.jpg", b"two")
    with pytest.raises(PhotoGone):
        store.read(old, max_bytes=100)
    assert store.read(new, max_bytes=100) == b"two"


def test_reads_a_part_of_exactly_one_version(store: PhotoStore, upload: Upload) -> None:
    old = upload("race/1.jpg", b"content")
    assert store.read_part(old, start=2, stop=5) == b"nte"
    assert store.read_part(old, start=5, stop=99) == b"nt"
    assert store.read_part(old, start=3, stop=3) == b""
    assert store.read_part(upload("race/empty.jpg", b""), start=0, stop=5) == b""
    assert store.size_bytes(old) == 7
    upload("race/1.jpg", b"another")
    with pytest.raises(PhotoGone):
        store.read_part(old, start=0, stop=1)
    with pytest.raises(PhotoGone):
        store.size_bytes(old)


def test_only_the_newest_generation_is_live(store: PhotoStore, upload: Upload) -> None:
    old = upload("race/1.jpg", b"one")
    assert store.is_live(old)
    new = upload("race/1.jpg", b"two")
    assert (store.is_live(old), store.is_live(new)) == (False, True)
    assert not store.is_live(PhotoRef(bucket=new.bucket, name="race/2.jpg", generation=new.generation))


def test_an_unknown_object_is_gone(store: PhotoStore, upload: Upload) -> None:
    there = upload("race/1.jpg", b"one")
    with pytest.raises(PhotoGone):
        store.read(PhotoRef(bucket=there.bucket, name="race/2.jpg", generation=1), max_bytes=100)


@pytest.mark.parametrize(("size", "limit", "taken"), [(0, 10, True), (10, 10, True), (11, 10, False)])
def test_the_limit_is_exact(store: PhotoStore, upload: Upload, size: int, limit: int, taken: bool) -> None:
    ref = upload("race/1.jpg", b"x" * size)
    if taken:
        assert store.read(ref, max_bytes=limit) == b"x" * size
        return
    with pytest.raises(RejectedInput) as caught:
        store.read(ref, max_bytes=limit)
    assert caught.value.code == "file_too_large"


def test_a_moved_derived_object_has_only_its_new_name(store: PhotoStore) -> None:
    for name in ("renditions/race/2.jpg", "renditions/race/1.jpg", "renditions/race-2/1.jpg"):
        store.put_derived(name, name.encode(), "image/jpeg")
    assert list(store.derived_names("renditions/race/")) == ["renditions/race/1.jpg", "renditions/race/2.jpg"]
    for _ in range(2):
        store.move_derived("renditions/race/1.jpg", "renditions/race/1.unlinked.jpg")
    assert store.read_derived("renditions/race/1.unlinked.jpg") == b"renditions/race/1.jpg"
    with pytest.raises(NotFound):
        store.read_derived("renditions/race/1.jpg")


def test_lists_by_prefix_in_order_of_name(store: PhotoStore, upload: Upload) -> None:
    refs = [upload(name, b"x") for name in ("race/b.jpg", "race/a.jpg", "race-2/a.jpg", "other/a.jpg")]
    assert [photo.ref for photo in store.list_photos("race/")] == [refs[1], refs[0]]
    listed = list(store.list_photos())
    assert sorted(photo.ref for photo in listed) == sorted(refs)
    assert {photo.size_bytes for photo in listed} == {1}


def test_a_derived_object_never_changes(store: PhotoStore) -> None:
    store.put_derived("sidecars/a/1.json", b"first", "application/json")
    store.put_derived("sidecars/a/1.json", b"second", "application/json")
    assert store.read_derived("sidecars/a/1.json") == b"first"


def test_a_missing_derived_object_is_not_found(store: PhotoStore) -> None:
    with pytest.raises(NotFound, match=r"sidecars/a/1\.json"):
        store.read_derived("sidecars/a/1.json")


@pytest.fixture(params=["memory", "gcs"])
def uploads(request: pytest.FixtureRequest) -> PhotoUploads:
    if request.param == "memory":
        return MemoryPhotoUploads(MemoryPhotoStore())
    gcs: GcsPhotoUploads = request.getfixturevalue("gcs_uploads")
    return gcs


def test_uploaded_files_are_known_by_name_with_size_and_checksum(uploads: PhotoUploads, tmp_path: Path) -> None:
    file = tmp_path / "digits"
    file.write_bytes(b"123456789")
    uploads.upload(file, "race-2/1.jpg", "image/jpeg")
    first, second = (uploads.upload(file, "race/cam 1/1.jpg", "image/jpeg") for _ in range(2))
    assert first.generation < second.generation
    assert uploads.uploaded("race") == {
        "race/cam 1/1.jpg": UploadedFile(ref=second, size_bytes=9, crc32c=content_of(file).crc32c)
    }
    assert uploads.uploaded("nothing") == {}


def test_an_album_has_the_objects_of_both_spellings_of_its_name(uploads: PhotoUploads, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"content")
    names = {f"{unicodedata.normalize(form, 'Zürich')}/1.jpg" for form in ("NFC", "NFD")}
    for name in names:
        uploads.upload(file, name, "image/jpeg")
    assert len(names) == 2
    assert uploads.uploaded(unicodedata.normalize("NFC", "Zürich")).keys() == names


def test_an_upload_replaces_only_the_generation_it_names(uploads: PhotoUploads, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.write_bytes(b"mine")
    theirs.write_bytes(b"theirs")
    first = uploads.upload(theirs, "race/1.jpg", "image/jpeg", replaces=0)
    with pytest.raises(Conflict):
        uploads.upload(mine, "race/1.jpg", "image/jpeg", replaces=0)
    with pytest.raises(Conflict):
        uploads.upload(mine, "race/1.jpg", "image/jpeg", replaces=first.generation + 1)
    assert uploads.uploaded("race")["race/1.jpg"].ref == first
    assert uploads.upload(theirs, "race/1.jpg", "image/jpeg", replaces=0) == first, "the same content: nothing to do"
    assert uploads.upload(mine, "race/1.jpg", "image/jpeg", replaces=first.generation).generation > first.generation


def test_a_file_that_the_bucket_refuses_is_told_with_the_servers_reason(
    gcs_uploads: GcsPhotoUploads, tmp_path: Path
) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"content")
    with pytest.raises(RejectedInput, match="file name too long"):
        gcs_uploads.upload(file, f"race/{'p' * 251}.jpg", "image/jpeg")
