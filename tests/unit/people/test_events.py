"""Messages that trigger `cluster_people`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from photofinish.errors import NotOurs
from photofinish_functions.events import Message, parse_result_album


def message(**attributes: str) -> Message:
    return Message(data=b'{"bucket": "photos"}', attributes=attributes, publish_time=datetime.now(UTC))


def test_a_result_names_its_album() -> None:
    assert parse_result_album(message(album="l'été 2026", status="done"), bucket="photos") == "l'été 2026"


@pytest.mark.parametrize("attributes", [{}, {"status": "done"}, {"album": "race"}, {"album": "", "status": "done"}])
def test_anything_else_is_no_result(attributes: dict[str, str]) -> None:
    with pytest.raises(NotOurs):
        parse_result_album(message(**attributes), bucket="photos")
