"""'Notify me' in the whole local cloud: to a real mail server and a real receiver of webhooks."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from standardwebhooks import Webhook

from e2e.conftest import LocalCloud
from photofinish.domain.photo import PhotoRef
from photofinish.settings import Settings
from photofinish.wiring import App
from support.leaks import leaks
from support.mail_server import MailServer, mail_server
from support.pictures import encode, quadrants, runner
from support.waiting import wait_until
from support.webhook_receiver import Receiver, receiver, respond

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Album:
    """An album with photos that show no number."""

    cloud: LocalCloud
    name: str
    photos: list[PhotoRef]

    def subscribe(self, channel: str, address: str, bib: str) -> tuple[str, str | None]:
        """A subscription's id and, of a webhook, its secret."""
        made = self._call("POST", "/subscriptions", json={"channel": channel, "address": address, "bib": bib})
        return made["subscription"]["subscription_id"], made["secret"]

    def set_number(self, photo: PhotoRef, number: str) -> None:
        self._call("PATCH", f"/photos/{photo.photo_id}/bibs", json={"action": "add", "number": number})

    def wait_until_recorded(self) -> None:
        """Wait until no message is being sent, or is to be."""
        due = "SELECT count(*) FROM subscription JOIN album USING (album_id) WHERE name = %s AND due_at IS NOT NULL"
        wait_until(lambda: self.cloud.sql(due, self.name) == [(0,)], "what was sent is recorded")

    def stop_the_clock(self) -> None:
        """The next message waits, however busy the machine is."""
        self._change("last_sent_at = now() + interval '1 hour'")

    def let_a_minute_pass(self) -> None:
        """What waits for the next message becomes due, and leases are over."""
        self._change("due_at = now(), leased_until = NULL, announced_at = NULL", "AND due_at IS NOT NULL")
        App(Settings.from_env()).webhook_messages.nudge()

    def waiting(self, subscription: str) -> int:
        """How many photos wait for the next message."""
        waiting = "SELECT count(*) FROM subscription_match WHERE subscription_id = %s AND message IS NULL"
        [(count,)] = self.cloud.sql(waiting, subscription)
        return int(count)

    def _change(self, what: str, condition: str = "") -> None:
        of_album = "album_id = (SELECT album_id FROM album WHERE name = %s)"
        self.cloud.sql(f"UPDATE subscription SET {what} WHERE {of_album} {condition} RETURNING 1", self.name)

    def _call(self, method: str, path: str, **request: Any) -> Any:
        url = f"{self.cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{self.name}{path}"
        headers = {"X-Api-Key": self.cloud.environment["PHOTOFINISH_API_KEY"]}
        answer = requests.request(method, url, headers=headers, timeout=60, **request)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


@pytest.fixture(scope="module")
def mails(cloud: LocalCloud) -> Iterator[MailServer]:
    assert cloud.mail_tls is not None
    with mail_server(cloud.mail_tls, port=cloud.mail_port) as made:
        yield made


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(scope="module")
def album(cloud: LocalCloud) -> Album:
    name = f"told-{uuid.uuid4().hex[:8]}"
    photos = [cloud.upload(f"{name}/{size}.jpg", encode(quadrants(size))) for size in (320, 360, 400)]
    assert {fields["status"] for fields in cloud.final_documents(photos)} == {"done"}
    return Album(cloud, name, photos)


def follow(cloud: LocalCloud, link: str, **request: Any) -> None:
    """As a browser or a mail program does, without a key; `link` is of the public address."""
    answer = requests.post(f"{cloud.environment['PHOTOFINISH_API_URL']}{urlsplit(link).path}", timeout=60, **request)
    assert answer.status_code == 200, answer.text


def test_photos_are_told_by_mail_grouped_until_one_click(
    cloud: LocalCloud, album: Album, mails: MailServer, server: Receiver
) -> None:
    address, number = "ada@example.org", "1495"
    by_mail, _ = album.subscribe("email", address, number)
    by_webhook, secret = album.subscribe("webhook", server.url, number)  # goes on when the other ends
    asked = wait_until(lambda: next(iter(mails.mails), None), "the address is asked")
    follow(cloud, next(line for line in asked.get_content().splitlines() if "/v1/subscription-links/" in line))

    dropped = cloud.upload(f"{album.name}/runner.jpg", encode(runner(number)))
    wait_until(lambda: server.received, "the dropped photo is told", 150)
    album.let_a_minute_pass()  # since the question
    wait_until(lambda: len(mails.mails) == 2, "and by mail")
    assert (mails.mails[1]["Subject"], mails.mails[1]["To"]) == (f"A new photo of you in {album.name}", address)

    album.wait_until_recorded()
    album.stop_the_clock()
    for photo in album.photos[:2]:
        album.set_number(photo, number)
    wait_until(lambda: album.waiting(by_mail) == album.waiting(by_webhook) == 2, "two more photos wait")
    assert (len(mails.mails), len(server.received)) == (2, 1), "they are told together, in the next message"
    album.let_a_minute_pass()
    wait_until(lambda: len(mails.mails) == 3 and len(server.received) == 2, "both are told")
    assert mails.mails[2]["Subject"] == f"2 new photos of you in {album.name}"

    album.wait_until_recorded()
    album.stop_the_clock()
    follow(cloud, mails.mails[2]["List-Unsubscribe"].strip("<>"), data={"List-Unsubscribe": "One-Click"})
    album.set_number(album.photos[2], number)
    wait_until(lambda: album.waiting(by_webhook) == 1, "the other subscriber is to be told")
    album.let_a_minute_pass()
    wait_until(lambda: len(server.received) == 3, "and is told")
    events = [Webhook(secret or "").verify(one.body, one.headers) for one in server.received]
    told = [event["data"]["photo_ids"] for event in events]
    first, second, third = (photo.photo_id for photo in album.photos)
    assert (told[0], sorted(told[1]), told[2]) == ([dropped.photo_id], sorted([first, second]), [third])
    assert len(mails.mails) == 3, "the one who unsubscribed hears nothing more"
    assert len({mail["Message-ID"] for mail in mails.mails}) == 3
    assert cloud.sql("SELECT count(*) FROM subscription_contact WHERE subscription_id = %s", by_mail) == [(0,)]
    for log in sorted((cloud.state_dir / "logs").iterdir()):
        content = log.read_bytes()
        assert list(leaks(log.name, content, {address})) == []
        assert f"localhost:{server.port}".encode() not in content


def test_a_killed_function_loses_no_message_and_a_repeat_has_the_same_id(
    cloud: LocalCloud, album: Album, mails: MailServer, server: Receiver
) -> None:
    before, killed = len(mails.mails), threading.Event()

    def no_answer(handler: BaseHTTPRequestHandler) -> None:
        killed.wait()

    mails.holds, server.respond = True, no_answer
    album.subscribe("email", "bea@example.org", "424242")  # asked at once
    _, secret = album.subscribe("webhook", server.url, "424242")
    album.set_number(album.photos[0], "424242")
    assert mails.held.wait(60), "a message is claimed, and not sent yet"
    wait_until(lambda: server.received, "another is sent, and not recorded yet")
    cloud.kill("deliver-webhooks")
    mails.holds, server.respond = False, respond()
    killed.set()
    assert len(mails.mails) == before

    album.let_a_minute_pass()  # the leases of the killed process end
    wait_until(lambda: len(mails.mails) > before, "the first message arrives")
    wait_until(lambda: len(server.received) > 1, "the second arrives again")
    album.wait_until_recorded()
    assert [mail["To"] for mail in mails.mails[before:]] == ["bea@example.org"]
    first, repeat = server.received
    assert first.headers["webhook-id"] == repeat.headers["webhook-id"]
    for request in (first, repeat):
        Webhook(secret or "").verify(request.body, request.headers)
        assert json.loads(request.body)["data"]["photo_ids"] == [album.photos[0].photo_id]
