"""Our own parsers of what others send: what each is given, and the only errors that it may raise."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from werkzeug.exceptions import HTTPException

from photofinish.application.cursors import decode_cursor, encode_cursor
from photofinish.domain.start_list import StartList
from photofinish.errors import NotOurs, PhotofinishError
from photofinish.ports.work_messages import parse_work_message
from photofinish_functions.api.requests import InMemoryRequest, parse_json_object
from photofinish_functions.events import (
    Message,
    is_full_run,
    parse_dead_letter,
    parse_object_finalized,
    parse_result,
)

_RESULT = b'{"bucket": "photos", "name": "race/1.jpg", "generation": 1, "status": "done"}'
_NOTIFICATION = (
    b'{"bucket": "photos", "name": "race/1.jpg", "generation": "1", "size": "5", "contentType": "image/jpeg", '
    b'"timeCreated": "2026-11-01T10:00:00Z"}'
)
_WORK = (
    b'{"bucket": "photos", "name": "race/1.jpg", "generation": 1, "uploaded_at": "2026-11-01T10:00:00+00:00", '
    b'"trace_id": "0"}'
)
_FORM = (
    b'--x\r\nContent-Disposition: form-data; name="pictures"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    b'\xff\xd8\xff\r\n--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n{"bib": "12"}\r\n--x--\r\n'
)
_DEEP = b"[" * 100_000


@dataclass(frozen=True, slots=True)
class Target:
    parse: Callable[[bytes], object]
    allowed: tuple[type[Exception], ...]
    valid: Sequence[bytes]


def _message(data: bytes, **attributes: str) -> Message:
    return Message(data=data, attributes=attributes, publish_time=datetime(2026, 11, 1, tzinfo=UTC))


def _form(body: bytes) -> object:
    request = InMemoryRequest(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "multipart/form-data; boundary=x",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
    )
    return request.form, request.files


TARGETS = {
    "uploads": Target(
        lambda data: parse_object_finalized(_message(data, eventType="OBJECT_FINALIZE"), bucket="photos"),
        (NotOurs,),
        [_NOTIFICATION, _DEEP],
    ),
    "dead letters": Target(
        lambda data: parse_dead_letter(_message(data, eventType="OBJECT_FINALIZE"), bucket="photos"),
        (NotOurs,),
        [_WORK, _NOTIFICATION, _DEEP],
    ),
    "results": Target(
        lambda data: parse_result(_message(data), bucket="photos"),
        (NotOurs,),
        [_RESULT, _DEEP],
    ),
    "schedules": Target(lambda data: is_full_run(_message(data)), (NotOurs,), [b'{"full": true}', _DEEP]),
    "work": Target(parse_work_message, (ValueError,), [_WORK, _DEEP]),
    "start lists": Target(
        lambda data: StartList.from_csv(data.decode("utf-8", "replace")),
        (PhotofinishError,),
        ['number;name\n12;Änn\nA13;"Bob"\n'.encode(), b'12,"' + b"x" * 200_000 + b'"\n', b"12,Ann\r13,Bob\n"],
    ),
    "cursors": Target(
        lambda data: decode_cursor("query", data.decode("latin-1")),
        (PhotofinishError,),
        [encode_cursor("query", [1, "two"]).encode()],
    ),
    "JSON bodies": Target(lambda data: parse_json_object(data, "the body"), (HTTPException,), [_WORK, _DEEP]),
    "multipart bodies": Target(_form, (HTTPException,), [_FORM]),
}
_NUMBERS = (b"\0\0", b"\xff\xff", b"\x7f\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0")
_HEADER_BYTES = 200


def check(name: str, data: bytes) -> None:
    """Parse `data`; raises only what the target must not raise."""
    target = TARGETS[name]
    with suppress(*target.allowed):
        target.parse(data)


def broken(content: bytes, dice: random.Random) -> bytes:
    """Change one to four places of a file: bits, numbers in its header, parts left out, doubled or replaced."""
    made = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(max(1, len(made)))
        length = dice.randint(1, 40)
        match dice.randrange(6):
            case 0 if made:
                made[at] ^= 1 << dice.randrange(8)
            case 1:
                number = dice.choice(_NUMBERS)
                at = dice.randrange(min(_HEADER_BYTES, len(made)) or 1)
                made[at : at + len(number)] = number
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = made[at : at + length]
            case 4:
                made[at : at + length] = dice.randbytes(length)
            case 5:
                made = made[: max(20, at)]
    return bytes(made)
