"""Photo ↔ number ↔ person as CSV (RFC 4180), for spreadsheets and for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from photofinish.domain.photo_facts import PhotoFact
from photofinish.ports import PhotoRecord

COLUMNS = (
    *("photo_id", "name", "status", "taken_at", "camera", "sharpness", "is_blurry"),
    *("number", "ocr_score", "by_hand", "listed_name", "face_id", "person_id", "person_name"),
)
_BYTE_ORDER_MARK = "\ufeff"  # Excel takes UTF-8 for another encoding without it
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LINES_AT_ONCE = 200


def csv_lines(photos: Iterable[tuple[PhotoRecord, list[PhotoFact]]]) -> Iterator[bytes]:
    """Yield the file in parts: a heading, and a line for each fact of a photo, or one for a photo without any."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(_BYTE_ORDER_MARK)
    writer.writerow(COLUMNS)
    waiting = 0
    for record, facts in photos:
        about = _about(record)
        for fact in facts or [PhotoFact()]:
            writer.writerow([_cell(value) for value in (*about, *_found(fact))])
            waiting += 1
        if waiting >= _LINES_AT_ONCE:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
            waiting = 0
    yield buffer.getvalue().encode()


def _about(record: PhotoRecord) -> tuple[Any, ...]:
    fields = record.fields
    image, sharpness = fields.get("image") or {}, fields.get("sharpness") or {}
    return (
        *(record.ref.photo_id, record.ref.name, record.status.value, image.get("taken_at"), image.get("camera")),
        *(sharpness.get("frame"), sharpness.get("is_blurry")),
    )


def _found(fact: PhotoFact) -> tuple[Any, ...]:
    by_hand = fact.by_hand if fact.number is not None else None
    return (
        *(fact.number, fact.ocr_score, by_hand, fact.listed_name),
        *(fact.face_id, fact.person_id, fact.person_name),
    )


def _cell(value: Any) -> str:
    """The value as text. A spreadsheet would run a name that begins like a formula, so that gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text
