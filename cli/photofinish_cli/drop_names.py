"""Under which names `drop` sends photos: none silently replaces another photo of the same name."""

from __future__ import annotations

import base64
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from photofinish_cli.drop_files import LocalPhoto

if TYPE_CHECKING:  # for NumPy, which the ports import
    from photofinish.ports import UploadedFile


@dataclass(frozen=True, slots=True)
class Content:
    """What shows whether two files are the same."""

    size_bytes: int
    crc32c: str
    """As Cloud Storage writes it: base64 of four bytes, big-endian."""


class Placement(StrEnum):
    """What a photo is to the album that it is dropped into."""

    NEW = "new"
    BESIDE = "beside"
    """Its name is taken by another photo: it gets a name of its own."""
    REPLACES = "replaces"
    """Its name is taken by another photo, which it replaces."""
    THERE = "there"
    """The album has it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A photo with the object name that it is sent under."""

    photo: LocalPhoto
    name: str
    placement: Placement
    existing: UploadedFile | None = None
    """The object of this name, if there is one."""


def by_composed_name(uploaded: Mapping[str, UploadedFile]) -> dict[str, UploadedFile]:
    """`uploaded` by names in NFC, as photos are dropped; objects that other programs uploaded may have others."""
    return {unicodedata.normalize("NFC", name): file for name, file in uploaded.items()}


def photos_to_compare(photos: Sequence[LocalPhoto], uploaded: Mapping[str, UploadedFile]) -> list[LocalPhoto]:
    """Those whose name an object has, or another of the photos: :func:`place` needs their contents."""
    named = Counter(photo.name for photo in photos)
    return [photo for photo in photos if photo.name in uploaded or named[photo.name] > 1]


def place(
    photos: Sequence[LocalPhoto],
    uploaded: Mapping[str, UploadedFile],
    contents: Mapping[Path, Content],
    *,
    replace: bool,
) -> list[Placed]:
    """Decide the names of `photos`, in their order; `uploaded` is what the album has, by names in NFC.

    A photo whose name another one has goes beside it, or replaces it with `replace`; but never one of this same call,
    as two cards have, and not if the album has it beside the other one.
    """
    taken = {name: Content(file.size_bytes, file.crc32c) for name, file in uploaded.items()}
    of_this_call = {
        photo.name for photo in photos if photo.name in taken and taken[photo.name] == contents.get(photo.path)
    }
    placed = []
    for photo in photos:
        name, content = photo.name, contents.get(photo.path)
        existing = uploaded.get(name)
        if name not in taken:
            placement = Placement.NEW
        elif taken[name] == content:
            placement = Placement.THERE
        else:
            assert content is not None, f"{name} is taken, and {photo.path} was not compared"
            beside = name_beside(name, content)
            if taken.get(beside) == content:
                name, placement, existing = beside, Placement.THERE, uploaded.get(beside)
            elif replace and existing is not None and name not in of_this_call:
                placement = Placement.REPLACES
                of_this_call.add(name)
            else:
                name, placement, existing = beside, Placement.BESIDE, uploaded.get(beside)
        if content is not None:
            taken[name] = content
        else:
            taken.setdefault(name, Content(-1, ""))
        placed.append(Placed(photo, existing.ref.name if existing else name, placement, existing))
    return placed


def name_beside(name: str, content: Content) -> str:
    """`race/IMG_1~3f2a91bc.jpg`: the same for the same content, so that dropping it again finds it there."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}~{base64.b64decode(content.crc32c).hex()}{path.suffix}"))
