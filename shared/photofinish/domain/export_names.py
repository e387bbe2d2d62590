"""Names of exported files: each unique and safe on every system that the files may be unpacked on."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import quote

MAX_PART_CHARS = 120
# Not allowed in file names on Windows, nor at the end of one.
_FORBIDDEN = frozenset('<>:"|?*\\')
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10))]
)


def export_names(names: Iterable[str]) -> dict[str, str]:
    """Object name → relative path of its file: the name without the album in front, with its folders.

    Parts of a path that a system forbids are replaced. Paths that a system without regard to case or composed letters
    takes for one get a number: `IMG_1 (2).jpg`. The same names in the same order give the same paths.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name in found:
            continue
        path = PurePosixPath(*map(_safe, (name.partition("/")[2] or name).split("/")))
        unique, number = path, 1
        while _folded(unique) in taken:
            number += 1
            unique = path.with_name(f"{path.stem} ({number}){path.suffix}")
        taken.add(_folded(unique))
        found[name] = str(unique)
    return found


def attachment(file_name: str) -> str:
    """The value of Content-Disposition with which a browser saves an answer under this name (RFC 6266)."""
    return _disposition("attachment", file_name)


def inline(file_name: str) -> str:
    """The value with which a browser shows an answer, and offers this name to those who save it."""
    return _disposition("inline", file_name)


def _disposition(kind: str, file_name: str) -> str:
    plain = "".join(
        character if " " <= character <= "~" and character not in '"\\%' else "_" for character in file_name
    )
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _safe(part: str) -> str:
    composed = unicodedata.normalize("NFC", part)
    safe = "".join(
        "_" if character in _FORBIDDEN or not character.isprintable() else character for character in composed
    )
    safe = safe.rstrip(". ").lstrip(" ")
    if len(safe) > MAX_PART_CHARS:
        suffix = PurePosixPath(safe).suffix[:10]
        safe = safe[: MAX_PART_CHARS - len(suffix)] + suffix
    stem = safe.partition(".")[0]
    return f"_{safe}" if not stem or stem.lower() in _RESERVED else safe


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFD", str(path).casefold())
