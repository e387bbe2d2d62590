"""Webhooks of the whole local cloud, to real receivers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from standardwebhooks import Webhook

from e2e.conftest import LocalCloud
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.settings import Settings
from photofinish.wiring import App
from support.leaks import leaks
from support.pictures import encode, quadrants
from support.waiting import wait_until
from support.webhook_receiver import Receiver, receiver, respond

EVENTS = 60


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def added(cloud: LocalCloud, server: Receiver, album: str, *options: str) -> tuple[str, str]:
    """A webhook's id and secret."""
    made = cloud.json("webhooks", "add", server.url, "--album", album, *options)
    return made["webhook"]["webhook_id"], made["secret"]


def test_a_photo_that_is_done_is_told_to_a_server(cloud: LocalCloud, server: Receiver) -> None:
    album = f"told-{uuid.uuid4().hex[:8]}"
    _, secret = added(cloud, server, album, "--type", "photo.done", "--folder", "cam2")
    photo = cloud.upload(f"{album}/cam2/1.jpg", encode(quadrants()))
    cloud.upload(f"{album}/cam1/1.jpg", encode(quadrants()))
    request = wait_until(lambda: next(iter(server.received), None), "the event arrives", 150)
    event = Webhook(secret).verify(request.body, request.headers)
    assert (event["type"], event["data"]["photo_id"]) == ("photofinish.photo.done", photo.photo_id)
    assert (event["data"]["album"], event["id"]) == (album, request.headers["webhook-id"])


def test_a_test_shows_what_the_server_answered(cloud: LocalCloud, server: Receiver) -> None:
    webhook_id, _ = added(cloud, server, "tested")
    details = cloud.json("webhooks", "test", webhook_id, "--album", "tested")
    assert (details["delivery"]["state"], details["attempts"][0]["status"]) == ("delivered", 204)
    server.respond = respond(503, b"closed")
    done = cloud.command("webhooks", "test", webhook_id, "--album", "tested", check=False)
    assert (done.returncode, "closed" in done.stdout) == (1, True)


@pytest.mark.timeout(300)  # a lease lasts 45 s
def test_every_event_arrives_though_the_function_is_killed(cloud: LocalCloud, server: Receiver) -> None:
    album = f"killed-{uuid.uuid4().hex[:8]}"
    webhook_id, secret = added(cloud, server, album)

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.1)  # so that attempts are under way when the function is killed
        respond()(handler)

    server.respond = slowly
    app = App(Settings.from_env())
    events = [
        AlbumEvent(
            id=fact_id(album, number),
            type=EventType.BATCH_CREATED,
            album=album,
            occurred_at=cloud.sql("SELECT now()")[0][0],
        )
        for number in range(EVENTS)
    ]
    app.event_log.append(events)
    app.webhook_messages.nudge()
    wait_until(lambda: len(server.received) > EVENTS // 6, "some arrive")
    cloud.kill("deliver-webhooks")
    wait_until(lambda: set(server.ids) >= {str(event.id) for event in events}, "all arrive", 200)
    for request in server.received:
        Webhook(secret).verify(request.body, request.headers)
    wait_until(
        lambda: (
            not cloud.json("webhooks", "deliveries", webhook_id, "--album", album, "--in-state", "pending")[
                "deliveries"
            ]
        ),
        "all are recorded as delivered",
    )


def test_logs_have_neither_urls_nor_secrets_of_webhooks(cloud: LocalCloud, server: Receiver) -> None:
    webhook_id, secret = added(cloud, server, "quiet")
    cloud.json("webhooks", "test", webhook_id, "--album", "quiet")
    wait_until(lambda: server.received, "the test arrives")
    for log in sorted((cloud.state_dir / "logs").iterdir()):
        content = log.read_bytes()
        assert list(leaks(log.name, content, {secret})) == []
        if log.name.startswith("deliver-webhooks"):
            assert server.url.encode() not in content
