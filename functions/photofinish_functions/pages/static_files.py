"""Scripts, styles and icons of the pages, under addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

FOLDER = Path(__file__).parent / "static"
_VERSION_CHARS = 12
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class StaticFile:
    content: bytes
    content_type: str

    @cached_property
    def gzipped(self) -> bytes:
        """The content, compressed; made on first use."""
        return gzip.compress(self.content, mtime=0)


@dataclass(frozen=True)
class StaticFiles:
    """All files by their name below `static/` (`components/grid.js`), and the version that is in their addresses.

    One version for all of them: modules and styles refer to each other by relative names, as they are written.
    """

    files: dict[str, StaticFile]
    version: str

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        digest, files = hashlib.sha256(), {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name, content = path.relative_to(folder).as_posix(), path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            usual = mimetypes.guess_type(name)[0] or "application/octet-stream"
            files[name] = StaticFile(content, _TYPES.get(path.suffix, usual))
        return cls(files, digest.hexdigest()[:_VERSION_CHARS])

    def address(self, name: str) -> str:
        """The path under which the file is served; KeyError if there is none of this name."""
        assert name in self.files, f"there is no static file {name!r}"
        return f"/static/{self.version}/{name}"
