"""Messages about the status of photos."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from photofinish.domain.photo import PhotoStatus
from photofinish.errors import NotOurs
from photofinish_functions.events import Message, parse_result

RESULT = {"bucket": "photos", "name": "l'été 2026/1.jpg", "generation": 7, "status": "done"}


def message(result: object) -> Message:
    return Message(data=json.dumps(result).encode(), attributes={}, publish_time=datetime.now(UTC))


def test_a_message_names_the_photo_and_its_status() -> None:
    photo, status = parse_result(message(RESULT), bucket="photos")
    assert (photo.album, photo.generation, status) == ("l'été 2026", 7, PhotoStatus.DONE)


@pytest.mark.parametrize(
    "wrong", [{}, [], RESULT | {"status": "finished"}, RESULT | {"generation": "x"}, RESULT | {"bucket": "derived"}]
)
def test_anything_else_is_not_ours(wrong: object) -> None:
    with pytest.raises(NotOurs):
        parse_result(message(wrong), bucket="photos")
