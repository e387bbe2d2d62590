"""Forwards the notifications of fake-gcs-server, which supports only one topic, to the topic of each bucket.

It is a separate process (``python -m photofinish_emulators notifications``) and a client of any Pub/Sub. A notification
is acknowledged after it was forwarded, so none is lost if this process dies; one may arrive twice, as in the cloud.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Annotated

import typer
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from photofinish_emulators.storage import STORAGE_TOPIC

log = logging.getLogger(__name__)
READY_LINE = "ready to forward notifications"
BUCKET_ATTRIBUTE = "bucketId"
MAX_MESSAGES = 100
WAIT_S = 30.0
TIMEOUT_S = 30.0
ACK_DEADLINE_S = 30


def command(
    project: Annotated[str, typer.Option(help="Project of all topics.")],
    bucket_topic: Annotated[list[str], typer.Option(help="BUCKET=TOPIC; repeat it for every bucket with a topic.")],
) -> None:
    topics = {
        bucket: f"projects/{project}/topics/{topic}"
        for bucket, _, topic in (pair.partition("=") for pair in bucket_topic)
    }
    forwarder = Forwarder(project, topics)
    forwarder.prepare()
    typer.echo(READY_LINE)
    while True:
        forwarder.forward()


class Forwarder:
    """Forwards from the common topic to ``topics``, by bucket."""

    def __init__(self, project: str, topics: dict[str, str]) -> None:
        self._topics = topics
        self._publisher = PublisherClient()
        self._subscriber = SubscriberClient()
        self._source = f"projects/{project}/topics/{STORAGE_TOPIC}"
        self._subscription = f"projects/{project}/subscriptions/{STORAGE_TOPIC}"

    def prepare(self) -> None:
        """Create topic and subscription unless they exist."""
        with suppress(exceptions.AlreadyExists):
            self._publisher.create_topic(name=self._source, timeout=TIMEOUT_S)
        with suppress(exceptions.AlreadyExists):
            self._subscriber.create_subscription(
                name=self._subscription, topic=self._source, ack_deadline_seconds=ACK_DEADLINE_S, timeout=TIMEOUT_S
            )

    def forward(self) -> None:
        """Wait for notifications and publish them; those that cannot be published now are delivered again."""
        try:
            response = self._subscriber.pull(
                subscription=self._subscription, max_messages=MAX_MESSAGES, timeout=WAIT_S, retry=None
            )
        except exceptions.DeadlineExceeded:
            return
        forwarded = []
        for received in response.received_messages:
            message = received.message
            topic = self._topics.get(message.attributes.get(BUCKET_ATTRIBUTE, ""))
            try:
                if topic is not None:  # notifications of the other buckets are dropped
                    self._publisher.publish(topic, message.data, **message.attributes).result(timeout=TIMEOUT_S)
            except exceptions.NotFound:
                log.warning("the topic %s does not exist yet", topic)
                continue
            forwarded.append(received.ack_id)
        if forwarded:
            self._subscriber.acknowledge(subscription=self._subscription, ack_ids=forwarded, timeout=TIMEOUT_S)
