"""Scripts, styles and icons of the pages, under addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Self

from photofinish_functions.pages.inline_styles import InlineStyle, inline_style
from photofinish_functions.pages.module_graph import module_graph

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


@dataclass(frozen=True, eq=False)
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

    def text(self, name: str) -> str:
        """What a script or style says."""
        return self.files[name].content.decode()

    @cache  # noqa: B019  there is one, which lives as long as the process
    def style(self, *names: str) -> InlineStyle:
        """These style sheets, to be written into a page."""
        return inline_style(map(self.text, names), self.address)

    @cache  # noqa: B019
    def modules(self, *names: str) -> tuple[str, ...]:
        """The addresses of modules and all that they import."""
        return tuple(map(self.address, module_graph(names, self.text)))
