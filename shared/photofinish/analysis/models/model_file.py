"""Model files that an operator brings, beside those of the catalogue."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from photofinish.analysis.models.catalogue import file_sha256
from photofinish.errors import Misconfigured

_LABEL_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One ONNX file, known by its name and its content."""

    path: Path
    name: str
    """Lower-case letters, digits and underscores: it becomes part of object names."""
    sha256: str

    @classmethod
    def at(cls, path: Path, *, variable: str, name: str | None = None) -> ModelFile:
        """The file at `path`, called `name` or as the file; `variable` is the setting that named it.

        Raises:
            Misconfigured: it is not there or cannot be read.
        """
        try:
            stat = path.stat()
            sha256 = _sha256(path, stat.st_size, stat.st_mtime_ns)
        except OSError as error:
            raise Misconfigured(
                f"{variable}: {path} cannot be read ({error.strerror}). Name a file that is there."
            ) from error
        plain = re.sub("[^a-z0-9]+", "_", (name or path.stem).lower()).strip("_")
        return cls(path=path, name=plain[:_LABEL_CHARACTERS] or "model", sha256=sha256)

    @property
    def label(self) -> str:
        """Name and content in one word, as sidecars name it."""
        return f"{self.name}-{self.sha256[:8]}"


@functools.cache
def _sha256(path: Path, size: int, changed_ns: int) -> str:
    # Large, and asked for by whoever loads it and by whoever names it; size and time tell files of one name apart.
    del size, changed_ns
    return file_sha256(path)
