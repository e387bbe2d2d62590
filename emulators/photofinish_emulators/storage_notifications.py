"""Forwards the notifications of fake-gcs-server, which supports only one topic, to the topics of each bucket.

To each topic it sends only the events that the bucket is configured for, in the documented form (`storage_events`).

It is a separate process (``python -m photofinish_emulators notifications``) and a client of any Pub/Sub. A notification
is acknowledged after it was forwarded, so none is lost if this process dies; one may arrive twice, as in the cloud.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from photofinish_emulators.storage import STORAGE_TOPIC
from photofinish_emulators.storage_events import BucketEvents, as_documented

log = logging.getLogger(__name__)
READY_LINE = "ready to forward notifications"
BUCKET_ATTRIBUTE = "bucketId"
MAX_MESSAGES = 100
WAIT_S = 30.0
TIMEOUT_S = 30.0
ACK_DEADLINE_S = 30


def command(
    project: Annotated[str, typer.Option(help="Project of all topics.")],
    storage: Annotated[str, typer.Option(help="URL of the storage server, for links in notifications.")],
    notify: Annotated[list[str], typer.Option(help="BUCKET=TOPIC=TYPE,TYPE, or without types for all; repeat it.")],
    versioned: Annotated[list[str] | None, typer.Option(help="A bucket that keeps versions; repeat it.")] = None,
) -> None:
    buckets: dict[str, list[BucketEvents]] = defaultdict(list)
    for bucket, topic, types in (configuration.split("=") for configuration in notify):
        buckets[bucket].append(
            BucketEvents(
                topic=f"projects/{project}/topics/{topic}",
                versioned=bucket in (versioned or ()),
                types=frozenset(filter(None, types.split(","))),
                config_id=len(buckets[bucket]) + 1,
            )
        )
    forwarder = Forwarder(project, buckets, storage)
    forwarder.prepare()
    typer.echo(READY_LINE)
    while True:
        forwarder.forward()


class Forwarder:
    """Forwards from the common topic as ``buckets``, by name, are configured."""

    def __init__(self, project: str, buckets: Mapping[str, Sequence[BucketEvents]], storage_url: str) -> None:
        self._buckets = buckets
        self._storage_url = storage_url
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
            configured = self._buckets.get(received.message.attributes.get(BUCKET_ATTRIBUTE, ""), ())
            if all(self._publish(received.message, events) for events in configured):
                forwarded.append(received.ack_id)
        if forwarded:
            self._subscriber.acknowledge(subscription=self._subscription, ack_ids=forwarded, timeout=TIMEOUT_S)

    def _publish(self, message: Any, events: BucketEvents) -> bool:
        """Publish what a topic gets of a notification; return False if it cannot now."""
        sent = as_documented(message.attributes, message.data, events, self._storage_url)
        if sent is None:
            return True
        attributes, payload = sent
        try:
            self._publisher.publish(events.topic, payload, **attributes).result(timeout=TIMEOUT_S)
        except exceptions.NotFound:
            log.warning("the topic %s does not exist yet", events.topic)
            return False
        except exceptions.PermissionDenied as error:
            log.error("the storage's service agent may not publish to %s: %s", events.topic, error)
            return False
        return True
