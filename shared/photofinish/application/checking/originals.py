"""The originals of an album in the order of their photos' ids: the bucket lists them by name."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from photofinish.domain.announced import Announced
from photofinish.domain.pages import pages
from photofinish.domain.photo import PhotoRef, StoredPhoto

_AT_ONCE = 1000


@contextmanager
def by_photo_id(listed: Iterable[StoredPhoto]) -> Iterator[Iterator[tuple[str, StoredPhoto]]]:
    """Yield an iterator over the listed photos with their ids, sorted by these.

    Sorted in a temporary file that SQLite deletes, so that a large album takes no memory.
    """
    with closing(sqlite3.connect("", check_same_thread=False)) as spool:
        spool.execute("CREATE TABLE original (photo_id TEXT PRIMARY KEY, photo TEXT NOT NULL) WITHOUT ROWID")
        for page in pages(listed, _AT_ONCE):
            spool.executemany(
                "INSERT OR REPLACE INTO original VALUES (?, ?)", [(one.ref.photo_id, _text(one)) for one in page]
            )
        found = spool.execute("SELECT photo_id, photo FROM original ORDER BY photo_id")
        yield ((photo_id, _photo(text)) for photo_id, text in found)


def _text(photo: StoredPhoto) -> str:
    fields = asdict(photo) | {"uploaded_at": photo.uploaded_at.isoformat()}
    # Names of objects may have halves of surrogate pairs, which no text column takes: JSON escapes them.
    return json.dumps(fields)


def _photo(text: str) -> StoredPhoto:
    fields: dict[str, Any] = json.loads(text)
    return StoredPhoto(
        **fields
        | {
            "ref": PhotoRef(**fields["ref"]),
            "uploaded_at": datetime.fromisoformat(fields["uploaded_at"]),
            "announced": None if fields["announced"] is None else Announced(**fields["announced"]),
        }
    )
