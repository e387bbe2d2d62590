"""Which files `photofinish drop` takes, and what it leaves out."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from photofinish.errors import NotFound
from photofinish_cli.drop_files import MAX_NAME_BYTES, collect

PHOTO = b"\xff\xd8\xff\xe0 the beginning of a JPEG"


def _write(folder: Path, *names: str | bytes, content: bytes = PHOTO) -> Path:
    for name in names:
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), os.fsencode(name))))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_folders_keep_their_inner_structure(tmp_path: Path) -> None:
    card = _write(tmp_path / "card", "cam1/b.jpg", "cam1/a.JPG", "cam2/a.heic")
    assert [photo.name for photo in collect([card], "race").photos] == [
        "race/cam1/a.JPG",
        "race/cam1/b.jpg",
        "race/cam2/a.heic",
    ]


def test_files_go_to_the_top_of_the_album_and_each_is_taken_once(tmp_path: Path) -> None:
    card = _write(tmp_path / "card", "cam1/a.jpg")
    found = collect([card / "cam1" / "a.jpg", card / "cam1"], "race")
    assert [photo.name for photo in found.photos] == ["race/a.jpg"]


def test_what_is_no_photo_is_skipped_and_counted(tmp_path: Path) -> None:
    card = _write(tmp_path / "card", "a.jpg", "._a.jpg", ".DS_Store", "@eaDir/a.jpg", ".thumbs/a.jpg", "DCIM/b.jpg")
    _write(card, "labels.json", "DCIM/b.xmp", "Thumbs.db", "DCIM/notes", content=b"{}")
    _write(card, "clip", content=b"\0\0\0\x18ftypisom" + bytes(12))
    _write(card, "broken.MOV", content=b"no video")
    found = collect([card], "race")
    assert {photo.name for photo in found.photos} == {"race/a.jpg", "race/DCIM/b.jpg", "race/clip", "race/broken.MOV"}
    skipped = {one.path.relative_to(card).as_posix(): one.reason for one in found.skipped}
    assert skipped.keys() == {
        "._a.jpg", ".DS_Store", "@eaDir", ".thumbs", "labels.json", "DCIM/b.xmp", "Thumbs.db", "DCIM/notes",
    }  # fmt: skip
    assert found.failed == []


@pytest.mark.parametrize(("name", "content"), [("broken.jpg", b"no picture"), ("empty.jpg", b""), ("IMG_0001", PHOTO)])
def test_what_may_be_a_photo_is_sent_so_that_its_status_is_seen(tmp_path: Path, name: str, content: bytes) -> None:
    found = collect([_write(tmp_path / "card", name, content=content)], "race")
    assert [photo.name for photo in found.photos] == [f"race/{name}"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"caf\xe9.jpg", "not UTF-8"),
        (b"two\nlines.jpg", "line break"),
        ("/".join(["f" * 200] * 6 + ["a.jpg"]), str(MAX_NAME_BYTES)),
    ],
)
def test_a_name_that_no_bucket_takes_is_told_and_costs_no_other(tmp_path: Path, name: str | bytes, why: str) -> None:
    found = collect([_write(tmp_path / "card", "a.jpg", name)], "race")
    assert [photo.name for photo in found.photos] == ["race/a.jpg"]
    assert [why in one.reason for one in found.failed] == [True]


def test_names_are_composed_whatever_the_file_system_has(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Zürich/Läufer é.jpg")
    [photo] = collect([_write(tmp_path / "card", decomposed)], "race").photos
    assert photo.name == "race/" + unicodedata.normalize("NFC", decomposed)
    assert photo.path.exists()


def test_what_cannot_be_read_is_told_and_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = _write(tmp_path / "card", "a/1.jpg", "locked/2.jpg", "z/3.jpg")
    (card / "gone.jpg").symlink_to(card / "nowhere.jpg")
    scandir: Callable[..., Any] = os.scandir

    def without_rights(path: Any) -> Any:  # the tests may run as root, who may read everything
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", without_rights)
    found = collect([card], "race")
    assert [photo.name for photo in found.photos] == ["race/a/1.jpg", "race/z/3.jpg"]
    assert {one.path.name: one.reason for one in found.failed} == {
        "locked": "the folder cannot be read: Permission denied",
        "gone.jpg": "it cannot be read: No such file or directory",
    }


def test_nothing_to_drop_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no files"):
        collect([tmp_path], "race")
    with pytest.raises(NotFound, match="does not exist"):
        collect([tmp_path / "nowhere"], "race")
