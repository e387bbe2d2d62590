"""Which files `drop` takes, photos and videos, and what it leaves out and why."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from photofinish.analysis.imaging.formats import CONTENT_TYPES, recognise
from photofinish.analysis.video.containers import HEAD_BYTES, recognise_video
from photofinish.domain.video_names import VIDEO_TYPES
from photofinish.errors import NotFound, RejectedInput

# Of Cloud Storage: https://cloud.google.com/storage/docs/objects#naming
MAX_NAME_BYTES = 1024
MEDIA_TYPES = CONTENT_TYPES | VIDEO_TYPES
"""Suffix of a name, in lower case, to its media type."""
# Thumbnails and deleted files that other systems keep beside photos; many of them are pictures.
_SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "__macosx", "lost+found"}
)


@dataclass(frozen=True, slots=True)
class LocalPhoto:
    """A file, and the object name it is dropped under if that is free."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """A file that is not sent, or a folder that is not read."""

    path: Path
    reason: str


@dataclass(slots=True)
class Collected:
    """What was found in the paths given to `drop`."""

    photos: list[LocalPhoto] = field(default_factory=list)
    skipped: list[LeftOut] = field(default_factory=list)
    """What is no photo."""
    failed: list[LeftOut] = field(default_factory=list)
    """What may be one, and cannot be sent."""


def collect(paths: Sequence[Path], album: str) -> Collected:
    """Sort out the files of `paths`, folders recursively with their inner structure, by name.

    Names are in Unicode's composed form (NFC), whatever the file system has, so that the same card has the same names
    on every computer. A file is a photo or a video where its name ends as theirs do, or its content is one.

    Raises:
        NotFound: a path does not exist, or there is no file at all.
    """
    collected = Collected()
    seen: set[Path] = set()
    for path in paths:
        if not os.path.lexists(path):
            raise NotFound(f"{path} does not exist")
        for file in _files(path, collected):
            inner = file.relative_to(path) if path.is_dir() else Path(file.name)
            if (same := Path(os.path.abspath(file))) not in seen:
                seen.add(same)
                _sort(file, f"{album}/{unicodedata.normalize('NFC', str(PurePosixPath(inner)))}", collected)
    if not (collected.photos or collected.skipped or collected.failed):
        raise NotFound(f"no files in {', '.join(map(str, paths))}")
    return collected


def check_object_name(name: str) -> None:
    """Check that a bucket takes an object of this name.

    Raises:
        RejectedInput: `file_name_not_allowed`, with what to do.
    """
    if any(unicodedata.category(character) == "Cs" for character in name):
        raise RejectedInput("file_name_not_allowed", "its name is not UTF-8: rename it")
    if any(character in "\r\n\0" for character in name):
        raise RejectedInput("file_name_not_allowed", "its name has a line break: rename it")
    if (size := len(name.encode())) > MAX_NAME_BYTES:
        raise RejectedInput(
            "file_name_not_allowed",
            f"its name with album and folders has {size} bytes, more than {MAX_NAME_BYTES}: shorten it",
        )


def _files(path: Path, collected: Collected) -> Iterator[Path]:
    """The files at and below `path`; folders that are left out are told in `collected`."""
    if not path.is_dir():
        yield path
        return

    def unreadable(error: OSError) -> None:
        collected.failed.append(LeftOut(Path(error.filename), f"the folder cannot be read: {error.strerror}"))

    for folder, inner_folders, files in os.walk(path, onerror=unreadable):
        for name in list(inner_folders):
            if reason := _reason_to_skip_folder(Path(folder, name)):
                collected.skipped.append(LeftOut(Path(folder, name), reason))
                inner_folders.remove(name)
        inner_folders.sort()
        yield from (Path(folder, name) for name in sorted(files))


def _reason_to_skip_folder(folder: Path) -> str | None:
    if folder.name.startswith("."):
        return "a hidden folder"
    if folder.is_symlink():
        return "a link to a folder: give the folder itself"
    return "a folder of the system" if folder.name.casefold() in _SYSTEM_FOLDERS else None


def _sort(file: Path, name: str, collected: Collected) -> None:
    """Add a file to what it belongs to."""
    if file.name.startswith("."):
        collected.skipped.append(LeftOut(file, "a hidden file"))
        return
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            collected.skipped.append(LeftOut(file, "no file but a device, pipe or socket"))
            return
        reason = None if file.suffix.lower() in MEDIA_TYPES else _reason_to_skip_content(file)
        if reason:
            collected.skipped.append(LeftOut(file, reason))
            return
        check_object_name(name)
    except OSError as error:
        collected.failed.append(LeftOut(file, f"it cannot be read: {error.strerror}"))
    except RejectedInput as rejection:
        collected.failed.append(LeftOut(file, rejection.message))
    else:
        collected.photos.append(LocalPhoto(file, name))


def _reason_to_skip_content(file: Path) -> str | None:
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    if recognise_video(head):
        return None
    try:
        recognise(head)
    except RejectedInput as rejection:
        return "no photo" if rejection.code == "not_a_picture" else rejection.message
    return None
