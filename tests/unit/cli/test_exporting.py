"""Originals of photos in zip files and folders: whole, unique names, safe to interrupt."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.adapters.memory.failing import before_call, fail_once
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.photo_uploads import MemoryPhotoUploads
from photofinish.domain.export_names import export_names
from photofinish.errors import RejectedInput, Unavailable
from photofinish_cli.exporting import Exported, Wanted, export_folder, export_zip

_parts = st.text(st.sampled_from("aA1 .ÄäI\u0308:\\*\n\u202e"), min_size=1, max_size=4) | st.sampled_from(
    ["con", "NUL.jpg", "..", ".", "com1.a.b", "x" * 300 + ".jpeg", "é", "e\u0301"]
)
_names = st.lists(_parts, min_size=1, max_size=3).map(lambda parts: "/".join(["race", *parts]))


class TestNames:
    @given(names=st.lists(_names, max_size=12))
    def test_paths_are_unique_and_safe_on_every_system(self, names: list[str]) -> None:
        paths = export_names(names)
        assert paths.keys() == set(names)
        folded = {unicodedata.normalize("NFD", path.casefold()) for path in paths.values()}
        assert len(folded) == len(paths), "no system takes two of them for one"
        for path in map(PurePosixPath, paths.values()):
            assert not path.is_absolute()
            for part in path.parts:
                assert part not in {".", ".."}
                assert part.isprintable()
                assert not set(part) & set('<>:"|?*\\')
                assert part == part.strip(" ").rstrip(".")
                assert len(part) < 255 / 2
                assert part.partition(".")[0].lower() not in {"con", "nul", "com1"}
        assert export_names(names) == paths

    @given(names=st.lists(st.from_regex(r"race/(cam[1-9]/)?IMG_[0-9]{4}\.jpg", fullmatch=True), unique=True))
    def test_usual_names_stay_as_they_are(self, names: list[str]) -> None:
        assert export_names(names) == {name: name.removeprefix("race/") for name in names}

    def test_a_name_that_is_taken_gets_a_number(self) -> None:
        assert list(export_names(["race/IMG.jpg", "race/img.JPG", "race/Img.jpg"]).values()) == [
            "IMG.jpg",
            "img (2).JPG",
            "Img (3).jpg",
        ]

    def test_photos_at_the_root_of_the_bucket_have_their_name(self) -> None:
        assert export_names(["IMG.jpg"]) == {"IMG.jpg": "IMG.jpg"}


@pytest.fixture
def store() -> MemoryPhotoStore:
    return MemoryPhotoStore()


@pytest.fixture
def photos(store: MemoryPhotoStore) -> list[Wanted]:
    return [
        Wanted(
            photo=store.upload(f"race/cam{number % 2}/{number}.jpg", f"content {number}".encode()).ref,
            path=f"cam{number % 2}/{number}.jpg",
            taken_at=datetime(2026, 5, 1, 10, number),
        )
        for number in range(9)
    ]


def contents(photos: Sequence[Wanted]) -> dict[str, bytes]:
    return {one.path: b"content " + PurePosixPath(one.path).stem.encode() for one in photos}


def in_zip(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


class TestZip:
    def test_it_has_every_original_as_it_was_uploaded(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path
    ) -> None:
        advances: list[int] = []
        done = export_zip(tmp_path / "new folder" / "a.zip", photos, store, on_done=lambda: advances.append(1))
        assert in_zip(tmp_path / "new folder" / "a.zip") == contents(photos)
        assert (done.written, done.failed, len(advances)) == (photos, [], len(photos))
        with zipfile.ZipFile(tmp_path / "new folder" / "a.zip") as archive:
            assert archive.getinfo("cam1/3.jpg").date_time == (2026, 5, 1, 10, 3, 0)

    def test_a_photo_that_cannot_be_read_costs_no_other(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path
    ) -> None:
        store.delete(photos[3].photo.name)
        store.upload(photos[5].photo.name, b"a newer version")
        fail_once(store.read, Unavailable("the bucket does not answer"))
        done = export_zip(tmp_path / "a.zip", photos, store, on_done=lambda: None)
        assert len(done.failed) == 3
        assert {
            (photos[3].path, "it was deleted or replaced since"),
            (photos[5].path, "it was deleted or replaced since"),
        } < {(wanted.path, why) for wanted, why in done.failed}
        assert in_zip(tmp_path / "a.zip") == contents(done.written)
        assert len(done.written) == len(photos) - 3

    @pytest.mark.parametrize("after", [0, 1, 5, 8])
    def test_an_interruption_leaves_the_older_file_and_nothing_half_written(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path, after: int
    ) -> None:
        (tmp_path / "a.zip").write_bytes(b"older")
        calls: list[int] = []

        def interrupt() -> None:
            calls.append(1)
            if len(calls) > after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export_zip(tmp_path / "a.zip", photos, store, on_done=interrupt)
        assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.zip", b"older")]

    def test_without_a_photo_there_is_no_file(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path
    ) -> None:
        for one in photos:
            store.delete(one.photo.name)
        done = export_zip(tmp_path / "a.zip", photos, store, on_done=lambda: None)
        assert len(done.failed) == len(photos)
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_be_written_is_named(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RejectedInput, match=r"file/a\.zip cannot be written"):
            export_zip(tmp_path / "file" / "a.zip", photos, store, on_done=lambda: None)


class TestFolder:
    def export(self, folder: Path, photos: list[Wanted], store: MemoryPhotoStore, *, replace: bool = False) -> Exported:
        uploaded = MemoryPhotoUploads(store).uploaded("race")
        return export_folder(folder, photos, store, uploaded, replace=replace, on_done=lambda: None)

    def test_an_interrupted_export_goes_on_where_it_was(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path
    ) -> None:
        calls: list[int] = []

        def interrupt() -> None:
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export_folder(tmp_path, photos, store, {}, replace=False, on_done=interrupt)
        already = [one for one in photos if (tmp_path / one.path).exists()]
        assert 3 <= len(already) <= 4
        read: list[str] = []
        before_call(store.read, lambda photo, **_: read.append(photo.name))
        uploaded = MemoryPhotoUploads(store).uploaded("race")
        read.clear()
        done = export_folder(tmp_path, photos, store, uploaded, replace=False, on_done=lambda: None)
        assert (done.there, done.failed) == (already, [])
        assert set(read).isdisjoint(one.photo.name for one in already), "what is there is not fetched again"
        assert {one.path: (tmp_path / one.path).read_bytes() for one in photos} == contents(photos)
        assert not list(tmp_path.rglob("*.part"))

    def test_a_file_that_cannot_be_written_costs_no_other(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path
    ) -> None:
        (tmp_path / "cam1").write_text("a file where the folder should be")
        done = self.export(tmp_path, photos, store)
        assert {wanted.path for wanted, _ in done.failed} == {one.path for one in photos if one.path.startswith("cam1")}
        assert all("cannot be written" in why for _, why in done.failed)
        assert len(done.written) == len(photos) - len(done.failed)

    def test_a_file_with_other_content_is_replaced_only_on_demand(
        self, store: MemoryPhotoStore, photos: list[Wanted], tmp_path: Path
    ) -> None:
        self.export(tmp_path, photos, store)
        mine = tmp_path / photos[0].path
        mine.write_bytes(b"content X")  # of the same size
        done = self.export(tmp_path, photos, store)
        assert [wanted for wanted, _ in done.failed] == photos[:1]
        assert mine.read_bytes() == b"content X"
        assert self.export(tmp_path, photos, store, replace=True).written == photos[:1]
        assert mine.read_bytes() == contents(photos)[photos[0].path]
