"""Model files provided by the operator, in addition to the catalogue's."""

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
    """One ONNX file, identified by name and content."""

    path: Path
    name: str
    """Lower-case letters, digits and underscores only: it becomes part of object names."""
    sha256: str

    @classmethod
    def at(cls, path: Path, *, variable: str, name: str | None = None) -> ModelFile:
        """Read the file at `path`; `name` defaults to the file's, `variable` is the setting that contains the path.

        Raises:
            Misconfigured: it does not exist or cannot be read.
        """
        try:
            stat = path.stat()
            sha256 = _sha256(path, stat.st_size, stat.st_mtime_ns)
        except OSError as error:
            raise Misconfigured(
                f"{variable}: {path} cannot be read ({error.strerror}). Set it to an existing file."
            ) from error
        plain = re.sub("[^a-z0-9]+", "_", (name or path.stem).lower()).strip("_")
        return cls(path=path, name=plain[:_LABEL_CHARACTERS] or "model", sha256=sha256)

    @property
    def label(self) -> str:
        """Name and part of the hash, as in sidecars."""
        return f"{self.name}-{self.sha256[:8]}"


@functools.cache
def _sha256(path: Path, size: int, changed_ns: int) -> str:
    # Cached because files are large and hashed for loading and for naming; size and time detect a changed file.
    del size, changed_ns
    return file_sha256(path)
