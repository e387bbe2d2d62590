"""Names of documents and collections, and paths of fields.

A resource name (``projects/p/databases/d/documents/albums/a/photos/1``) is stored as a *key*: bytes whose order is
Firestore's order of names, segment by segment, with numeric ids (``__id7__``) before all others. A collection's key is
the prefix of the keys of its documents, and of everything below them.
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from photofinish_emulators.common.rpc_errors import invalid

MAX_SEGMENT_BYTES = 1500
MAX_PATH_SEGMENTS = 200  # 100 levels of collection and document
MAX_FIELD_PATH_BYTES = 1500
DOCUMENT_ID = "__name__"
"""The field path that means the document's name."""

_DATABASE = re.compile(r"projects/([^/]+)/databases/([^/]+)\Z")
_NUMERIC_ID = re.compile(r"__id(-?\d{1,19})__\Z")
_RESERVED = re.compile(r"__.*__\Z", re.DOTALL)
_SIMPLE_FIELD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")
_QUOTED_OR_SIMPLE = re.compile(r"`((?:[^`\\]|\\.)*)`|([A-Za-z_][A-Za-z_0-9]*)", re.DOTALL)

FieldPath = tuple[str, ...]


class Name(NamedTuple):
    """A document or collection: its database and the segments below ``documents``."""

    database: str
    """``projects/PROJECT/databases/DATABASE``"""
    segments: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((self.database, "documents", *self.segments))

    @property
    def is_document(self) -> bool:
        return len(self.segments) % 2 == 0 and bool(self.segments)

    @property
    def parent(self) -> Name:
        return Name(self.database, self.segments[:-1])

    def child(self, *segments: str) -> Name:
        return Name(self.database, self.segments + segments)


def escape(raw: bytes) -> bytes:
    """A self-delimiting encoding that keeps the order: no result is a prefix of another."""
    return raw.replace(b"\x00", b"\x00\xff") + b"\x00\x01"


@functools.lru_cache(maxsize=1024)
def segment_key(segment: str) -> bytes:
    """The key of one segment, in name order; self-delimiting, and its first byte is 0x02 or 0x03."""
    numeric = _NUMERIC_ID.match(segment)
    if numeric is not None:
        number = int(numeric[1])
        if -(2**63) <= number < 2**63:
            return b"\x02" + (number + 2**63).to_bytes(8, "big")
    return b"\x03" + escape(segment.encode())


def decode_segment(key: bytes, start: int) -> tuple[str, int]:
    """The segment whose key begins at ``start``, and the length of that key in bytes."""
    if key[start] == 2:
        number = int.from_bytes(key[start + 1 : start + 9], "big") - 2**63
        return f"__id{number}__", 9
    end = key.index(b"\x00\x01", start + 1)
    return key[start + 1 : end].replace(b"\x00\xff", b"\x00").decode(), end + 2 - start


def decode_key(key: bytes) -> list[str]:
    """Project, database and segments of a name's key."""
    segments = []
    start = 0
    while start < len(key):
        segment, length = decode_segment(key, start)
        segments.append(segment)
        start += length
    return segments


@functools.lru_cache(maxsize=64)
def database_key(database: str) -> bytes:
    """The prefix of every key of ``database``.

    Raises:
        Refused: not of the form ``projects/PROJECT/databases/DATABASE``.
    """
    match = _DATABASE.match(database)
    if match is None:
        raise invalid(f'Database name "{database}" is not of the form projects/PROJECT/databases/DATABASE.')
    return segment_key(match[1]) + segment_key(match[2])


def name_key(name: Name) -> bytes:
    """The key of a document or collection."""
    return database_key(name.database) + b"".join(map(segment_key, name.segments))


def parse_name(resource: str) -> Name:
    """Parse a resource name at or below ``.../documents``, without checking its segments.

    Raises:
        Refused: it is not in a database.
    """
    parts = resource.split("/")
    if len(parts) < 5 or parts[0] != "projects" or parts[2] != "databases" or parts[4] != "documents":
        raise invalid(f'Name "{resource}" does not start with projects/PROJECT/databases/DATABASE/documents.')
    return Name("/".join(parts[:4]), tuple(parts[5:]))


def _check_segments(name: Name) -> Name:
    if len(name.segments) > MAX_PATH_SEGMENTS:
        raise invalid(f"Name has more than {MAX_PATH_SEGMENTS // 2} levels: {name}")
    for segment in name.segments:
        if segment in ("", ".", ".."):
            raise invalid(f'Name "{name}" has an invalid segment "{segment}".')
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            raise invalid(f"A segment of the name has more than {MAX_SEGMENT_BYTES} bytes: {segment[:40]}…")
        if _RESERVED.match(segment) and not _NUMERIC_ID.match(segment):
            raise invalid(f'Resource id "{segment}" is invalid because it is reserved.')
    return name


def document_name(resource: str, database: str | None = None) -> Name:
    """Parse and check the name of a document.

    Raises:
        Refused: not the name of a document, or in another database than ``database``.
    """
    name = _check_segments(parse_name(resource))
    if not name.is_document:
        raise invalid(f'Document name "{resource}" has an odd number of segments, or none, below "documents".')
    if database is not None and name.database != database:
        raise invalid(f'Document name "{resource}" is not in database "{database}".')
    return name


def parent_name(resource: str) -> Name:
    """Parse and check a parent of collections: ``.../documents`` or a document.

    Raises:
        Refused: it is neither.
    """
    name = _check_segments(parse_name(resource))
    if len(name.segments) % 2:
        raise invalid(f'Parent "{resource}" is a collection; it must be a document or end in "documents".')
    return name


def check_collection_id(collection_id: str) -> str:
    """Return ``collection_id`` if it is valid.

    Raises:
        Refused: it is not.
    """
    if "/" in collection_id:
        raise invalid(f'Collection id "{collection_id}" contains a slash.')
    _check_segments(Name("", (collection_id,)))
    return collection_id


def parse_field_path(text: str) -> FieldPath:
    """Parse ``a.`b c`.d`` to ``("a", "b c", "d")``.

    Raises:
        Refused: the syntax is wrong, a name is empty, or the path is too long.
    """
    if len(text.encode()) > MAX_FIELD_PATH_BYTES:
        raise invalid(f"Field path has more than {MAX_FIELD_PATH_BYTES} bytes: {text[:40]}…")
    names: list[str] = []
    position = 0
    while True:
        match = _QUOTED_OR_SIMPLE.match(text, position)
        if match is None:
            raise invalid(
                f'Invalid property path "{text}". Unquoted property names must match regex ([a-zA-Z_][a-zA-Z_0-9]*), '
                "and quoted property names must match regex (`(?:[^`\\\\]|(?:\\\\.))+`)"
            )
        name = match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL)
        if not name:
            raise invalid(f'Invalid property path "{text}": a field name is empty.')
        names.append(name)
        position = match.end()
        if position == len(text):
            return tuple(names)
        if text[position] != ".":
            raise invalid(f'Invalid property path "{text}".')
        position += 1


def mask_paths(request: Any) -> tuple[FieldPath, ...] | None:
    """The field paths of a request's ``mask``; None if it has no mask."""
    if not request.HasField("mask"):
        return None
    return tuple(map(parse_field_path, request.mask.field_paths))


def format_field_path(path: FieldPath) -> str:
    """The inverse of :func:`parse_field_path`; quotes names where needed."""

    def quoted(name: str) -> str:
        if _SIMPLE_FIELD.match(name):
            return name
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    return ".".join(map(quoted, path))
