"""WorkQueue, ResultEvents, WebhookMessages and RetentionRuns on Pub/Sub."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.errors import Unavailable
from photofinish.ports import LeasedWork, WorkItem
from photofinish.ports.work_messages import parse_work_message, work_message

log = logging.getLogger(__name__)
_TIMEOUT_S = 30.0
# A request may have 512 KiB of ids; one id has about 200 bytes.
_ACKS_PER_REQUEST = 1000
_EXACTLY_ONCE_FAILURE = "EXACTLY_ONCE_ACKID_FAILURE"


class PubSubWorkQueue:
    """Work items as JSON messages on one topic, pulled from one subscription.

    Only photos of `bucket` are work: a publisher must not have objects of other buckets analysed.
    """

    def __init__(
        self,
        publisher: PublisherClient,
        subscriber: SubscriberClient,
        project: str,
        topic: str,
        subscription: str,
        *,
        bucket: str,
    ) -> None:
        self._publisher = publisher
        self._subscriber = subscriber
        self._topic = publisher.topic_path(project, topic)
        self._subscription = subscriber.subscription_path(project, subscription)
        self._bucket = bucket

    @unavailable_when_transient
    def publish(self, items: Sequence[WorkItem]) -> None:
        futures = [
            self._publisher.publish(self._topic, work_message(item), album=item.photo.album, trace_id=item.trace_id)
            for item in items
        ]
        for future in futures:
            future.result(timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        try:
            answer = self._subscriber.pull(
                subscription=self._subscription, max_messages=max_items, timeout=timeout_s, retry=None
            )
        except exceptions.DeadlineExceeded:
            return []
        leased, unreadable = [], []
        for received in answer.received_messages:
            try:
                item = parse_work_message(received.message.data)
                if item.photo.bucket != self._bucket:
                    raise ValueError(f"an object of the bucket {item.photo.bucket!r}, not of {self._bucket!r}")
            except ValueError as error:
                log.error("dropped a message that is no work: %s", error)
                unreadable.append(received.ack_id)
                continue
            leased.append(
                LeasedWork(
                    item=item,
                    ack_id=received.ack_id,
                    delivery_attempt=max(1, received.delivery_attempt),
                    published_at=_plain_datetime(received.message.publish_time),
                )
            )
        self.ack(unreadable)
        return leased

    @unavailable_when_transient
    def extend(self, ack_ids: Sequence[str], *, deadline_s: int) -> None:
        for chunk in _chunks(ack_ids):
            with _ignoring_expired_leases("extend"):
                self._subscriber.modify_ack_deadline(
                    subscription=self._subscription, ack_ids=chunk, ack_deadline_seconds=deadline_s, timeout=_TIMEOUT_S
                )

    @unavailable_when_transient
    def ack(self, ack_ids: Sequence[str]) -> None:
        for chunk in _chunks(ack_ids):
            with _ignoring_expired_leases("acknowledge"):
                self._subscriber.acknowledge(subscription=self._subscription, ack_ids=chunk, timeout=_TIMEOUT_S)


class PubSubResultEvents:
    """Results as JSON messages; attributes let subscribers filter by album and status."""

    def __init__(self, publisher: PublisherClient, project: str, topic: str) -> None:
        self._publisher = publisher
        self._topic = publisher.topic_path(project, topic)

    @unavailable_when_transient
    def publish_result(self, photo: PhotoRef, status: PhotoStatus) -> None:
        message = {
            "bucket": photo.bucket,
            "name": photo.name,
            "generation": photo.generation,
            "album": photo.album,
            "photo_id": photo.photo_id,
            "status": status.value,
        }
        data = json.dumps(message, sort_keys=True).encode()
        self._publisher.publish(self._topic, data, album=photo.album, status=status.value).result(timeout=_TIMEOUT_S)


class PubSubWebhookMessages:
    """Messages on the topic of deliveries; one without a delivery asks for a run of the relay, as its schedule does."""

    def __init__(self, publisher: PublisherClient, project: str, topic: str) -> None:
        self._publisher = publisher
        self._topic = publisher.topic_path(project, topic)

    @unavailable_when_transient
    def announce(self, delivery_ids: Sequence[int]) -> None:
        futures = [self._publisher.publish(self._topic, b"{}", delivery_id=str(one)) for one in delivery_ids]
        for future in futures:
            future.result(timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def notify(self, subscription_ids: Sequence[str]) -> None:
        futures = [self._publisher.publish(self._topic, b"{}", subscription_id=one) for one in subscription_ids]
        for future in futures:
            future.result(timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def nudge(self) -> None:
        self._publisher.publish(self._topic, b"{}").result(timeout=_TIMEOUT_S)


class PubSubRetentionRuns:
    """Messages on the topic of the hourly run, as its schedule sends them."""

    def __init__(self, publisher: PublisherClient, project: str, topic: str) -> None:
        self._publisher = publisher
        self._topic = publisher.topic_path(project, topic)

    @unavailable_when_transient
    def request(self) -> None:
        self._publisher.publish(self._topic, b"{}").result(timeout=_TIMEOUT_S)


@contextmanager
def _ignoring_expired_leases(what: str) -> Iterator[None]:
    """Log expired leases, which are an error under exactly-once delivery; other ids of the request were processed.

    Their messages are delivered again, and a photo that is committed already is then only acknowledged.

    Raises:
        Unavailable: the service reports a transient reason, such as TRANSIENT_FAILURE_SERVICE_UNAVAILABLE.
    """
    try:
        yield
    except exceptions.GoogleAPICallError as error:
        verdicts = error.metadata if error.reason == _EXACTLY_ONCE_FAILURE else None
        if not verdicts:
            raise
        transient = [reason for reason in verdicts.values() if not reason.startswith("PERMANENT_FAILURE_")]
        if transient:
            raise Unavailable(f"Pub/Sub could not {what} {len(transient)} messages for now: {transient[0]}") from error
        log.info("too late to %s %d messages: they are delivered again", what, len(verdicts))


def _chunks(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + _ACKS_PER_REQUEST]) for start in range(0, len(ids), _ACKS_PER_REQUEST)]


def _plain_datetime(time: datetime) -> datetime:
    return datetime.fromtimestamp(time.timestamp(), tz=time.tzinfo)
