"""WorkQueue, ResultEvents, WebhookMessages and RetentionRuns on Pub/Sub."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial

from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.adapters.google.lane_pulls import LanePulls
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.errors import Unavailable
from photofinish.ports import LeasedWork, WorkItem
from photofinish.ports.work_messages import parse_work_message, work_message

log = logging.getLogger(__name__)
_TIMEOUT_S = 30.0
# A request may have 512 KiB of ids; one id has about 200 bytes.
_ACKS_PER_REQUEST = 1000
_RENEWED_S = 60
_EXACTLY_ONCE_FAILURE = "EXACTLY_ONCE_ACKID_FAILURE"


@dataclass(frozen=True, slots=True)
class LanePlace:
    """The names of a lane's topic and of its subscription."""

    topic: str
    subscription: str


class PubSubWorkQueue:
    """Work items as JSON messages. Each lane is a topic with a subscription that is pulled from.

    Only photos of `bucket` are work: a publisher must not have objects of other buckets analysed. An ack id begins with
    its lane, and a colon.
    """

    def __init__(
        self,
        publisher: PublisherClient,
        subscriber: SubscriberClient,
        project: str,
        places: Mapping[Lane, LanePlace],
        *,
        bucket: str,
    ) -> None:
        self._publisher = publisher
        self._subscriber = subscriber
        self._topics = {lane: publisher.topic_path(project, place.topic) for lane, place in places.items()}
        self._subscriptions = {
            lane: subscriber.subscription_path(project, place.subscription) for lane, place in places.items()
        }
        self._bucket = bucket

    @cached_property
    def _pulls(self) -> LanePulls:
        return LanePulls(self._request, self._renew)

    @unavailable_when_transient
    def publish(self, items: Sequence[WorkItem], *, lane: Lane = Lane.PROMPT) -> None:
        topic = self._topics[lane]
        futures = [
            self._publisher.publish(topic, work_message(item), album=item.photo.album, trace_id=item.trace_id)
            for item in items
        ]
        for future in futures:
            future.result(timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        return self._pulls.pull(max_items, timeout_s=timeout_s)

    @unavailable_when_transient
    def drain(self) -> list[LeasedWork]:
        return self._pulls.drain()

    @unavailable_when_transient
    def extend(self, ack_ids: Sequence[str], *, deadline_s: int) -> None:
        self._extend(ack_ids, deadline_s)

    @unavailable_when_transient
    def ack(self, ack_ids: Sequence[str]) -> None:
        for lane, ids in _requests(ack_ids):
            _expired(
                "acknowledge",
                partial(
                    self._subscriber.acknowledge,
                    subscription=self._subscriptions[lane],
                    ack_ids=ids,
                    timeout=_TIMEOUT_S,
                ),
            )

    def _request(self, lane: Lane, max_items: int, timeout_s: float) -> list[LeasedWork]:
        """Pull from one lane."""
        try:
            answer = self._subscriber.pull(
                subscription=self._subscriptions[lane], max_messages=max_items, timeout=timeout_s, retry=None
            )
        except exceptions.DeadlineExceeded:
            return []
        leased, unreadable = [], []
        for received in answer.received_messages:
            ack_id = f"{lane}:{received.ack_id}"
            try:
                item = parse_work_message(received.message.data)
                if item.photo.bucket != self._bucket:
                    raise ValueError(f"an object of the bucket {item.photo.bucket!r}, not of {self._bucket!r}")
            except ValueError as error:
                log.error("dropped a message that is no work: %s", error)
                unreadable.append(ack_id)
                continue
            leased.append(
                LeasedWork(
                    item=item,
                    ack_id=ack_id,
                    delivery_attempt=max(1, received.delivery_attempt),
                    published_at=_plain_datetime(received.message.publish_time),
                )
            )
        self.ack(unreadable)
        return leased

    def _renew(self, lane: Lane, works: Sequence[LeasedWork]) -> list[LeasedWork]:
        """Extend the leases of works; return those that are still leased."""
        del lane  # ack ids tell it
        expired = self._extend([work.ack_id for work in works], _RENEWED_S)
        return [work for work in works if work.ack_id not in expired]

    def _extend(self, ack_ids: Sequence[str], deadline_s: int) -> set[str]:
        expired: set[str] = set()
        for lane, ids in _requests(ack_ids):
            request = partial(
                self._subscriber.modify_ack_deadline,
                subscription=self._subscriptions[lane],
                ack_ids=ids,
                ack_deadline_seconds=deadline_s,
                timeout=_TIMEOUT_S,
            )
            expired |= {f"{lane}:{ack_id}" for ack_id in _expired("extend", request)}
        return expired


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
    """Messages on the topic of the hourly run: as its schedule sends them, or with the one erasure to finish."""

    def __init__(self, publisher: PublisherClient, project: str, topic: str) -> None:
        self._publisher = publisher
        self._topic = publisher.topic_path(project, topic)

    @unavailable_when_transient
    def request(self) -> None:
        self._publisher.publish(self._topic, b"{}").result(timeout=_TIMEOUT_S)

    @unavailable_when_transient
    def finish_erasure(self, erasure_id: str) -> None:
        self._publisher.publish(self._topic, b"{}", erasure_id=erasure_id).result(timeout=_TIMEOUT_S)


def _expired(what: str, request: Callable[[], object]) -> Collection[str]:
    """Make a request about ack ids; return those whose leases had expired, which only exactly-once delivery tells.

    Other ids of the request were processed. Messages with expired leases are delivered again, and a photo that is
    committed already is then only acknowledged.

    Raises:
        Unavailable: the service reports a transient reason, such as TRANSIENT_FAILURE_SERVICE_UNAVAILABLE.
    """
    try:
        request()
    except exceptions.GoogleAPICallError as error:
        verdicts = error.metadata if error.reason == _EXACTLY_ONCE_FAILURE else None
        if not verdicts:
            raise
        transient = [reason for reason in verdicts.values() if not reason.startswith("PERMANENT_FAILURE_")]
        if transient:
            raise Unavailable(f"Pub/Sub could not {what} {len(transient)} messages for now: {transient[0]}") from error
        log.info("too late to %s %d messages: they are delivered again", what, len(verdicts))
        return set(verdicts)
    return ()


def _requests(ack_ids: Sequence[str]) -> Iterator[tuple[Lane, list[str]]]:
    """Yield the ids as Pub/Sub made them, each lane's in parts of a size that a request may have."""
    for lane in Lane:
        prefix = f"{lane}:"
        of_lane = [ack_id.removeprefix(prefix) for ack_id in ack_ids if ack_id.startswith(prefix)]
        for start in range(0, len(of_lane), _ACKS_PER_REQUEST):
            yield lane, of_lane[start : start + _ACKS_PER_REQUEST]


def _plain_datetime(time: datetime) -> datetime:
    return datetime.fromtimestamp(time.timestamp(), tz=time.tzinfo)
