"""Hands on what fake-gcs-server announces to the topic of each bucket: Cloud Storage knows a topic per bucket, it one.

A process of its own (``python -m photofinish_emulators notifications``) and a client of any Pub/Sub. An announcement is
acknowledged once it was handed on, so none is lost where this dies, and one may come twice, as in the cloud.
"""

from __future__ import annotations

import logging
from typing import Annotated

import typer
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from photofinish_emulators.storage import STORAGE_TOPIC

log = logging.getLogger(__name__)
READY_LINE = "ready to hand on announcements"
BUCKET_ATTRIBUTE = "bucketId"
MAX_MESSAGES = 100
WAIT_S = 30.0
TIMEOUT_S = 30.0
ACK_DEADLINE_S = 30


def command(
    project: Annotated[str, typer.Option(help="Of all topics.")],
    bucket_topic: Annotated[list[str], typer.Option(help="BUCKET=TOPIC, for every bucket that is announced.")],
) -> None:
    topics = {
        bucket: f"projects/{project}/topics/{topic}"
        for bucket, _, topic in (pair.partition("=") for pair in bucket_topic)
    }
    relay = Relay(project, topics)
    relay.prepare()
    typer.echo(READY_LINE)
    while True:
        relay.hand_on()


class Relay:
    """From the topic of all buckets to those of each."""

    def __init__(self, project: str, topics: dict[str, str]) -> None:
        self._topics = topics
        self._publisher = PublisherClient()
        self._subscriber = SubscriberClient()
        self._from = f"projects/{project}/topics/{STORAGE_TOPIC}"
        self._subscription = f"projects/{project}/subscriptions/{STORAGE_TOPIC}"

    def prepare(self) -> None:
        """Make topic and subscription where they are not there."""
        try:
            self._publisher.create_topic(name=self._from, timeout=TIMEOUT_S)
        except exceptions.AlreadyExists:
            log.debug("the topic is there already")
        try:
            self._subscriber.create_subscription(
                name=self._subscription, topic=self._from, ack_deadline_seconds=ACK_DEADLINE_S, timeout=TIMEOUT_S
            )
        except exceptions.AlreadyExists:
            log.debug("the subscription is there already")

    def hand_on(self) -> None:
        """Wait for announcements and publish them; what cannot be published now comes again."""
        try:
            answer = self._subscriber.pull(
                subscription=self._subscription, max_messages=MAX_MESSAGES, timeout=WAIT_S, retry=None
            )
        except exceptions.DeadlineExceeded:
            return
        handed_on = []
        for received in answer.received_messages:
            message = received.message
            topic = self._topics.get(message.attributes.get(BUCKET_ATTRIBUTE, ""))
            try:
                if topic is not None:  # nobody hears of the other buckets
                    self._publisher.publish(topic, message.data, **message.attributes).result(timeout=TIMEOUT_S)
            except exceptions.NotFound:
                log.warning("the topic %s is not there yet", topic)
                continue
            handed_on.append(received.ack_id)
        if handed_on:
            self._subscriber.acknowledge(subscription=self._subscription, ack_ids=handed_on, timeout=TIMEOUT_S)
