"""Files on this machine as photos without a bucket, and where their annotated pictures lie."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from photofinish.domain.photo import PhotoRef
from photofinish.errors import Conflict, Misconfigured

# Of all common file systems.
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file on this machine as a photo.

    The bucket of its `ref` is `local`, its generation the file's time of change in nanoseconds, and its name the path
    from the folder that was given, that folder's own name first: so the folder is the album, wherever it lies. Where
    several given folders have one name, as much of the paths before it is added as tells them apart.
    """

    path: Path
    ref: PhotoRef


def local_files(paths: Sequence[Path], *, without: Path | None = None) -> list[LocalFile]:
    """The files of `paths`, in the order given, a folder's sorted by name; hidden ones and those in `without` left out.

    A file that is given by its own name is taken even where it is hidden, and each file is taken once.

    Raises:
        Conflict: two files would have one name.
    """
    roots = [given.resolve() if given.is_dir() else Path(os.path.abspath(given)) for given in paths]
    labels = _labels(roots)
    found: dict[Path, LocalFile] = {}
    left_out = without.resolve() if without else None
    for given, root in zip(paths, roots, strict=True):
        if not given.is_dir():
            found.setdefault(root.resolve(), _local_file(given, labels[root]))
            continue
        for path in sorted(given.rglob("*")):
            inner = path.relative_to(given)
            hidden = any(part.startswith(".") for part in inner.parts)
            if hidden or not path.is_file() or (left_out and path.resolve().is_relative_to(left_out)):
                continue
            found.setdefault(path.resolve(), _local_file(path, labels[root] / PurePosixPath(*inner.parts)))
    _check_names(found.values())
    return list(found.values())


def prepare_folder(folder: Path) -> None:
    """Make a folder, and check that files can be written into it, before any work is done for them.

    Raises:
        Misconfigured: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Misconfigured(f"{folder} cannot be written: {error.strerror}. Name another folder.") from error


def annotated_path(folder: Path, ref: PhotoRef) -> Path:
    """Where the annotated picture of a photo lies: a JPEG under its name, shortened where that is too long for a file.

    A shortened name ends with a checksum of the whole one, so that two of them differ.
    """
    name = PurePosixPath(ref.name if ref.name.lower().endswith((".jpg", ".jpeg")) else f"{ref.name}.jpg")
    encoded = os.fsencode(name.name)
    if len(encoded) > _MAX_NAME_BYTES:
        ending = f"-{hashlib.sha256(encoded).hexdigest()[:8]}.jpg"
        name = name.with_name(encoded[: _MAX_NAME_BYTES - len(ending)].decode("utf-8", "ignore") + ending)
    return folder / name


def _labels(roots: Sequence[Path]) -> dict[Path, PurePosixPath]:
    """The shortest end of each path that no other has."""
    labels = dict.fromkeys(roots, 1)
    while True:
        shown = {root: PurePosixPath(*root.parts[1:][-parts:]) for root, parts in labels.items()}
        counts = Counter(shown.values())
        longer = [root for root, label in shown.items() if counts[label] > 1 and labels[root] < len(root.parts) - 1]
        if not longer:
            return shown
        for root in longer:
            labels[root] += 1


def _local_file(path: Path, name: PurePosixPath) -> LocalFile:
    return LocalFile(path=path, ref=PhotoRef(bucket="local", name=str(name), generation=path.stat().st_mtime_ns))


def _check_names(files: Iterable[LocalFile]) -> None:
    by_name: dict[str, Path] = {}
    for file in files:
        other = by_name.setdefault(file.ref.name, file.path)
        if other is not file.path:
            raise Conflict(
                "same_name",
                f"{other} and {file.path} would both be called {file.ref.name}. Analyse them one after the other.",
            )
