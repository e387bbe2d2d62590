"""Pictures wait for each other, and not for ever."""

from __future__ import annotations

import io
import itertools
import socket

import pytest

from support.api import Api, error_of, jpeg
from support.pictures import astronaut


def test_pictures_are_analysed_a_few_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits too long for a slot is answered with 503; a later one succeeds."""
    pictures = api.cloud.pictures
    monkeypatch.setattr("photofinish.application.pictures.MAX_WAIT_S", 0.05)
    with pictures.slot(lambda: True):
        taken = [pictures._slots.acquire(blocking=False) for _ in itertools.repeat(None, 64)]
        answer = api.call("POST", "/embeddings", data={"picture": (io.BytesIO(jpeg(astronaut())), "a.jpg")})
        assert error_of(answer) == (503, "unavailable")
        for _ in range(sum(taken)):
            pictures._slots.release()
    assert api.call("POST", "/embeddings", data={"picture": (io.BytesIO(b"x"), "a.jpg")}).status_code == 200


def test_a_picture_whose_caller_has_gone_is_not_analysed(api: Api) -> None:
    caller, server = socket.socketpair()
    caller.close()
    with server:
        picture = {"picture": (io.BytesIO(jpeg(astronaut())), "a.jpg")}
        answer = api.call("POST", "/embeddings", data=picture, environ_overrides={"gunicorn.socket": server})
    assert error_of(answer) == (503, "unavailable")
