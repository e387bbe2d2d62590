"""google.pubsub.v1.Subscriber, except StreamingPull."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import grpc
from google.protobuf import empty_pb2

from photofinish_emulators.common.rpc_errors import invalid
from photofinish_emulators.common.serving import Method, generic_handler
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.errors import invalid_ack_ids
from photofinish_emulators.pubsub.limits import check_name, check_project
from photofinish_emulators.pubsub.methods import Call, methods
from photofinish_emulators.pubsub.outstanding import Consumer, Delivery
from photofinish_emulators.pubsub.paging import page
from photofinish_emulators.pubsub.resources import (
    check_ack_deadline,
    check_push_config,
    new_subscription,
    updated_subscription,
)
from photofinish_emulators.pubsub.store import written
from photofinish_emulators.pubsub.streaming_pull import StreamingPull
from photofinish_emulators.pubsub.subscriber_messages import (
    check_ack_ids,
    received_messages,
    refuse_detached,
    refuse_push,
    snapshot_message,
    subscription_message,
)
from photofinish_emulators.pubsub.topics import Subscription

SERVICE = "google.pubsub.v1.Subscriber"
# How long Pull waits for a first message before it returns none.
PULL_WAIT_S = 30.0
PULL_MAX_MESSAGES = 1000
# With PUBSUB_EMULATOR_HOST set, clients accept gRPC's default of 4 MiB per response; a larger message is sent alone.
PULL_MAX_BYTES = 4_000_000


# Of Acknowledge and ModifyAckDeadline; the client libraries split their requests to stay below
# (https://docs.cloud.google.com/pubsub/quotas).
MAX_ACK_REQUEST_BYTES = 524_288


class Subscriber:
    """The RPCs, one method each."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def handler(self) -> grpc.GenericRpcHandler:
        unary: dict[str, tuple[Call, str, str | None]] = {
            "CreateSubscription": (self.create, "Subscription", "Subscription"),
            "GetSubscription": (self.get, "GetSubscriptionRequest", "Subscription"),
            "UpdateSubscription": (self.update, "UpdateSubscriptionRequest", "Subscription"),
            "ListSubscriptions": (self.list_subscriptions, "ListSubscriptionsRequest", "ListSubscriptionsResponse"),
            "DeleteSubscription": (self.delete, "DeleteSubscriptionRequest", None),
            "ModifyAckDeadline": (self.modify_ack_deadline, "ModifyAckDeadlineRequest", None),
            "Acknowledge": (self.acknowledge, "AcknowledgeRequest", None),
            "Pull": (self.pull, "PullRequest", "PullResponse"),
            "ModifyPushConfig": (self.modify_push_config, "ModifyPushConfigRequest", None),
            "Seek": (self.seek, "SeekRequest", "SeekResponse"),
            "GetSnapshot": (self.get_snapshot, "GetSnapshotRequest", "Snapshot"),
            "ListSnapshots": (self.list_snapshots, "ListSnapshotsRequest", "ListSnapshotsResponse"),
            "CreateSnapshot": (self.create_snapshot, "CreateSnapshotRequest", "Snapshot"),
            "UpdateSnapshot": (self.update_snapshot, "UpdateSnapshotRequest", "Snapshot"),
            "DeleteSnapshot": (self.delete_snapshot, "DeleteSnapshotRequest", None),
        }
        streaming_pull = Method(
            StreamingPull(self._broker).serve,
            protos.named("StreamingPullRequest"),
            protos.StreamingPullResponse,
            stream_in=True,
            stream_out=True,
        )
        return generic_handler(SERVICE, methods(unary) | {"StreamingPull": streaming_pull})

    # Configuration

    async def create(self, request: Any) -> Any:
        return subscription_message(await self._broker.create_subscription(new_subscription(request)))

    async def get(self, request: Any) -> Any:
        return subscription_message(self._find(request.subscription))

    async def update(self, request: Any) -> Any:
        subscription = self._find(request.subscription.name)
        config = updated_subscription(subscription.config, request.subscription, request.update_mask)
        await self._broker.update_subscription(subscription, config)
        return subscription_message(subscription)

    async def list_subscriptions(self, request: Any) -> Any:
        check_project(request.project)
        prefix = request.project + "/"
        names = (name for name in self._broker.subscriptions if name.startswith(prefix))
        chosen, token = page(names, request.page_size, request.page_token)
        subscriptions = [subscription_message(self._broker.subscriptions[name]) for name in chosen]
        return protos.ListSubscriptionsResponse(subscriptions=subscriptions, next_page_token=token)

    async def delete(self, request: Any) -> Any:
        await self._broker.delete_subscription(self._find(request.subscription))
        return empty_pb2.Empty()

    async def modify_push_config(self, request: Any) -> Any:
        subscription = self._find(request.subscription)
        config = protos.Subscription()
        config.CopyFrom(subscription.config)
        config.push_config.CopyFrom(request.push_config)
        check_push_config(config.push_config)
        await self._broker.update_subscription(subscription, config)
        return empty_pb2.Empty()

    async def seek(self, request: Any) -> Any:
        target = request.WhichOneof("target")
        if target is None:
            raise invalid("The request must set time or snapshot.")
        subscription = self._find_attached(request.subscription)
        if target == "snapshot":
            snapshots = self._broker.snapshots
            await snapshots.seek(subscription, snapshots.find(request.snapshot))
        else:
            await self._broker.seek(subscription, request.time.ToMicroseconds())
        return protos.SeekResponse()

    def _find(self, name: str) -> Subscription:
        check_name(name, "subscriptions")
        return self._broker.subscription(name)

    def _find_attached(self, name: str) -> Subscription:
        subscription = self._find(name)
        refuse_detached(subscription)
        return subscription

    # Snapshots

    async def create_snapshot(self, request: Any) -> Any:
        subscription = self._find_attached(request.subscription)
        return (await self._broker.snapshots.create(subscription, request.name, dict(request.labels))).config

    async def get_snapshot(self, request: Any) -> Any:
        return snapshot_message(self._broker.snapshots.find(request.snapshot))

    async def update_snapshot(self, request: Any) -> Any:
        snapshot = self._broker.snapshots.find(request.snapshot.name)
        await self._broker.snapshots.update(snapshot, request.snapshot, request.update_mask)
        return snapshot_message(snapshot)

    async def list_snapshots(self, request: Any) -> Any:
        check_project(request.project)
        prefix, by_name = request.project + "/", self._broker.snapshots.by_name
        chosen, token = page((n for n in by_name if n.startswith(prefix)), request.page_size, request.page_token)
        listed = [snapshot_message(by_name[name]) for name in chosen]
        return protos.ListSnapshotsResponse(snapshots=listed, next_page_token=token)

    async def delete_snapshot(self, request: Any) -> Any:
        await self._broker.snapshots.delete(self._broker.snapshots.find(request.snapshot))
        return empty_pb2.Empty()

    # Messages

    async def pull(self, request: Any) -> Any:
        if request.max_messages <= 0:
            raise invalid("You have passed an invalid argument to the service (argument=max_messages).")  # recorded
        subscription = self._find_attached(request.subscription)
        refuse_push(subscription)
        limit = min(request.max_messages, PULL_MAX_MESSAGES)
        deliveries = await self._next(subscription, limit, 0.0 if request.return_immediately else PULL_WAIT_S)
        return protos.PullResponse(received_messages=received_messages(subscription, deliveries))

    async def _next(self, subscription: Subscription, limit: int, wait_s: float) -> list[Delivery]:
        queue = subscription.queue
        consumer = Consumer()
        ends_at = asyncio.get_running_loop().time() + wait_s
        queue.consumers += 1
        try:
            while True:
                if subscription.gone is not None:
                    raise subscription.gone
                queue.wake.clear()
                lease_s = subscription.config.ack_deadline_seconds
                if deliveries := await queue.take_written(consumer, limit, PULL_MAX_BYTES, lease_s):
                    return deliveries
                try:
                    async with asyncio.timeout_at(ends_at):
                        await queue.wake.wait()
                except TimeoutError:
                    return []
        finally:
            queue.consumers -= 1

    async def acknowledge(self, request: Any) -> Any:
        subscription = self._find_attached(request.subscription)
        _check_size(request)
        check_ack_ids(subscription, request.ack_ids)
        return await self._acknowledged(*subscription.queue.acknowledge(request.ack_ids))

    async def modify_ack_deadline(self, request: Any) -> Any:
        subscription = self._find_attached(request.subscription)
        _check_size(request)
        check_ack_ids(subscription, request.ack_ids)
        check_ack_deadline(request.ack_deadline_seconds)
        deadlines_s = dict.fromkeys(request.ack_ids, request.ack_deadline_seconds)
        return await self._acknowledged(*subscription.queue.modify(deadlines_s))

    async def _acknowledged(self, refused: dict[str, str], saved: Future[None] | None) -> Any:
        if saved is not None:
            await written(saved)
        if refused:
            raise invalid_ack_ids(refused)
        return empty_pb2.Empty()


def _check_size(request: Any) -> None:
    if request.ByteSize() > MAX_ACK_REQUEST_BYTES:
        raise invalid(f"Request payload size exceeds the limit: {MAX_ACK_REQUEST_BYTES} bytes.")
