"""From a new photo to a message at a real server of each channel, over the stores in memory."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from google.oauth2.credentials import Credentials
from standardwebhooks import Webhook as Verifier

from photofinish.adapters.google.fcm_channel import FcmChannel, outcome_of
from photofinish.adapters.internet.mail_sender import MailServer as Server
from photofinish.adapters.internet.mail_sender import SmtpChannel
from photofinish.adapters.internet.webhook_sender import PinnedSender
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.subscriptions import MemorySubscriptions
from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookMessages
from photofinish.application.notifying.relaying import NotificationRelay
from photofinish.application.notifying.sending import Notifier
from photofinish.application.notifying.webhook_channel import WebhookChannel
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.subscription import (
    MESSAGE_EVERY,
    Channel,
    Contact,
    Language,
    NewSubscription,
    Outcome,
    Subscription,
)
from photofinish.domain.subscription_link import LinkAction, SubscriptionLink, read_link
from photofinish.domain.webhook_signature import derived_secret, key_id_of
from photofinish.ports import NotificationChannel
from support.faces import bib, photo
from support.fcm_server import ACCESS_TOKEN, PROJECT, FcmServer, fcm_server
from support.index import add
from support.mail_server import PASSWORD, USER, MailServer, mail_server
from support.webhook_receiver import Receiver, certificate, receiver, respond

KEYS = SecretVersions.parse("k" * 32)
PUBLIC = "https://photos.example.org"
ADDRESS = "ada@example.org"


@dataclass
class Cloud:
    channels: dict[Channel, NotificationChannel] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.events, self.index = MemoryEventLog(), MemoryFaceIndex()
        self.subscriptions = MemorySubscriptions(self.events, self.index)
        self.messages = MemoryWebhookMessages()
        notifications = self.subscriptions.notifications
        self.relay = NotificationRelay(notifications, self.messages, clock=lambda: self.now)
        self.notifier = Notifier(
            notifications, lambda: self.channels, self.messages, KEYS, public_url=PUBLIC, clock=lambda: self.now
        )

    def subscribe(self, channel: Channel, address: str = ADDRESS, **fields: Any) -> Subscription:
        new = NewSubscription(
            **{
                "album": "spring 10k",
                "owner": "user:1",
                "contact": Contact(channel=channel, address=address, destination=channel.value + address),
                "contact_hash": address.encode(),
                "language": Language.ENGLISH,
                "ends_at": self.now + timedelta(days=30),
                "bib": "42",
                "key_id": key_id_of(KEYS.current),
            }
            | fields
        )
        return self.subscriptions.add(new, now=self.now)

    def photograph(self, *numbers: int) -> None:
        for number in numbers:
            made = photo(f"spring 10k/{number}.jpg")
            add(self.index, made, [], [bib("42")])
            event = AlbumEvent(
                id=fact_id(made.photo_id),
                type=EventType.FACE_INDEXED,
                album="spring 10k",
                occurred_at=self.now,
                photo_id=made.photo_id,
                generation=1,
            )
            self.events.append([event])

    def run(self) -> None:
        """Match, and send until no message is left."""
        self.relay.run()
        while self.messages.notified:
            self.notifier.deliver(self.messages.notified.pop(0))


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path, "localhost")


@pytest.fixture
def mails(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[MailServer]:
    with mail_server(tls[0]) as made:
        yield made


@pytest.fixture
def fcm() -> Iterator[FcmServer]:
    with fcm_server() as made:
        yield made


def smtp(port: int, tls: ssl.SSLContext, security: Literal["starttls", "tls"] = "starttls") -> SmtpChannel:
    server = Server(
        host="localhost",
        port=port,
        security=security,
        sender="Photos <photos@example.org>",
        user=USER,
        password=PASSWORD,
    )
    return SmtpChannel(server, timeout_s=10, tls=tls)


def push(fcm: FcmServer) -> FcmChannel:
    return FcmChannel(Credentials(token=ACCESS_TOKEN), PROJECT, url=fcm.url)


def test_an_address_confirms_and_then_hears_of_photos_together(
    cloud: Cloud, mails: MailServer, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    cloud.channels[Channel.EMAIL] = smtp(mails.port, tls[1])
    made = cloud.subscribe(Channel.EMAIL, language=Language.GERMAN)
    cloud.photograph(1)
    cloud.run()
    [asked] = mails.mails
    assert asked["List-Unsubscribe"] is None
    assert "Bestätige" in asked["Subject"]
    [link] = [line for line in asked.get_content().splitlines() if line.startswith(PUBLIC)]
    confirm = read_link(link.removeprefix(f"{PUBLIC}/v1/subscription-links/"), KEYS)
    assert confirm == SubscriptionLink(LinkAction.CONFIRM, made.subscription_id)
    cloud.now += timedelta(hours=1)
    cloud.run()
    assert len(mails.mails) == 1, "nothing else is sent to an address that did not confirm"
    cloud.subscriptions.confirm(made.subscription_id, now=cloud.now)
    cloud.run()
    cloud.photograph(2, 3)
    cloud.run()
    cloud.now += MESSAGE_EVERY
    cloud.run()
    subjects = [mail["Subject"] for mail in mails.mails[1:]]
    assert subjects == ["Ein neues Foto von dir in spring 10k", "2 neue Fotos von dir in spring 10k"]
    assert set(mails.recipients) == {ADDRESS}
    assert len({mail["Message-ID"] for mail in mails.mails}) == 3


def test_mail_can_be_ended_with_one_click(
    cloud: Cloud, mails: MailServer, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    cloud.channels[Channel.EMAIL] = smtp(mails.port, tls[1])
    made = cloud.subscribe(Channel.EMAIL)
    cloud.subscriptions.confirm(made.subscription_id, now=cloud.now)
    cloud.photograph(1)
    cloud.run()
    [mail] = mails.mails
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["List-Unsubscribe"].strip("<>")
    assert url in mail.get_content()
    link = read_link(url.removeprefix(f"{PUBLIC}/v1/subscription-links/"), KEYS)
    assert link == SubscriptionLink(LinkAction.END, made.subscription_id)
    assert f"{PUBLIC}/a/spring%2010k" in mail.get_content().splitlines()
    assert mail["From"] == "Photos <photos@example.org>"


def test_mail_goes_over_tls_from_the_start(cloud: Cloud, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with mail_server(tls[0], implicit=True) as mails:
        cloud.channels[Channel.EMAIL] = smtp(mails.port, tls[1], "tls")
        cloud.subscribe(Channel.EMAIL)
        cloud.run()
        assert len(mails.mails) == 1


@pytest.mark.parametrize(
    ("answer", "is_there"), [("550 no such user", False), ("451 try again later", True), ("421 closing", True)]
)
def test_an_address_that_does_not_exist_ends_the_subscription(
    cloud: Cloud, mails: MailServer, tls: tuple[ssl.SSLContext, ssl.SSLContext], answer: str, is_there: bool
) -> None:
    mails.refusals[ADDRESS] = answer
    cloud.channels[Channel.EMAIL] = smtp(mails.port, tls[1])
    made = cloud.subscribe(Channel.EMAIL)
    cloud.run()
    assert (cloud.subscriptions.find(made.subscription_id) is not None) == is_there


def test_nothing_is_sent_to_a_mail_server_that_is_not_who_it_should_be(
    cloud: Cloud, mails: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.channels[Channel.EMAIL] = smtp(mails.port, ssl.create_default_context())  # does not trust its certificate
    made = cloud.subscribe(Channel.EMAIL)
    cloud.run()
    assert mails.mails == []
    assert cloud.subscriptions.find(made.subscription_id) is not None
    assert ADDRESS not in caplog.text


def test_a_push_message_keeps_the_contract(cloud: Cloud, fcm: FcmServer) -> None:
    cloud.channels[Channel.FCM] = push(fcm)
    cloud.subscribe(Channel.FCM, "valid-token")
    cloud.photograph(*range(120))
    cloud.run()
    [message] = fcm.messages
    assert message["notification"]["title"] == "120 new photos of you in spring 10k"
    assert message["webpush"]["fcm_options"]["link"] == f"{PUBLIC}/a/spring%2010k"
    assert message["data"]["photos"] == "120"


@pytest.mark.parametrize("token", ["of-a-removed-app", "malformed"])
def test_a_token_that_is_not_valid_any_more_ends_the_subscription(cloud: Cloud, fcm: FcmServer, token: str) -> None:
    cloud.channels[Channel.FCM] = push(fcm)
    made = cloud.subscribe(Channel.FCM, token)
    cloud.photograph(1)
    cloud.run()
    assert cloud.subscriptions.find(made.subscription_id) is None


def test_what_firebase_cannot_take_now_is_sent_later(cloud: Cloud, fcm: FcmServer) -> None:
    cloud.channels[Channel.FCM] = push(fcm)
    cloud.subscribe(Channel.FCM, "valid-token")
    fcm.unavailable = True
    cloud.photograph(1)
    cloud.run()
    assert fcm.messages == []
    fcm.unavailable = False
    cloud.now += timedelta(seconds=10)
    cloud.run()
    assert len(fcm.messages) == 1


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
def test_other_answers_of_firebase_end_nothing(status: int) -> None:
    for answer in (None, [], {}, {"error": {"code": status, "status": "PERMISSION_DENIED"}}):
        assert outcome_of(status, answer)[0] is Outcome.FAILED


@pytest.fixture
def app() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def webhook_channel(*, allow_loopback: bool = True) -> WebhookChannel:
    return WebhookChannel(PinnedSender(timeout_s=5), KEYS, allow_loopback=allow_loopback)


def test_a_webhook_gets_a_signed_event(cloud: Cloud, app: Receiver) -> None:
    cloud.channels[Channel.WEBHOOK] = webhook_channel()
    made = cloud.subscribe(Channel.WEBHOOK, app.url)
    cloud.photograph(1, 2)
    cloud.run()
    [request] = app.received
    secret = derived_secret(made.subscription_id, key_id_of(KEYS.current), KEYS)
    event = Verifier(secret.text).verify(request.body, request.headers)
    assert (event["type"], event["id"]) == ("photofinish.subscription.matched", request.headers["webhook-id"])
    assert len(event["data"]["photo_ids"]) == 2
    assert event["data"]["link"] == f"{PUBLIC}/a/spring%2010k"


def test_a_repeated_event_has_the_same_id(cloud: Cloud, app: Receiver) -> None:
    cloud.channels[Channel.WEBHOOK] = webhook_channel()
    cloud.subscribe(Channel.WEBHOOK, app.url)
    app.respond = respond(500)
    cloud.photograph(1)
    cloud.run()
    app.respond = respond(204)
    cloud.photograph(2)
    cloud.now += timedelta(seconds=10)
    cloud.run()
    cloud.now += MESSAGE_EVERY
    cloud.run()
    assert len(app.ids) == 3
    assert app.ids[0] == app.ids[1] != app.ids[2]


def test_a_webhook_that_is_gone_or_not_public_ends_the_subscription(cloud: Cloud, app: Receiver) -> None:
    cloud.channels[Channel.WEBHOOK] = webhook_channel()
    app.respond = respond(410)
    gone = cloud.subscribe(Channel.WEBHOOK, app.url)
    cloud.photograph(1)
    cloud.run()
    assert cloud.subscriptions.find(gone.subscription_id) is None
    cloud.channels[Channel.WEBHOOK] = webhook_channel(allow_loopback=False)
    private = cloud.subscribe(Channel.WEBHOOK, app.url)
    cloud.photograph(2)
    cloud.run()
    assert cloud.subscriptions.find(private.subscription_id) is None
    assert len(app.received) == 1


def test_a_channel_that_was_switched_off_sends_nothing_and_loses_nothing(cloud: Cloud, fcm: FcmServer) -> None:
    cloud.subscribe(Channel.FCM, "valid-token")
    cloud.photograph(1)
    cloud.run()
    cloud.channels[Channel.FCM] = push(fcm)
    cloud.now += timedelta(seconds=10)
    cloud.run()
    assert len(fcm.messages) == 1


def test_names_of_albums_cannot_add_headers(mails: MailServer, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    cloud = Cloud({Channel.EMAIL: smtp(mails.port, tls[1])})
    made = cloud.subscribe(Channel.EMAIL)
    row = cloud.subscriptions._rows[made.subscription_id]
    row.seen = replace(row.seen, album="{photos}%0d%0aBcc: x@example.org <b>")
    cloud.run()
    [mail] = mails.mails
    assert mail["Bcc"] is None
    assert "{photos}" in mail["Subject"]
