"""google.pubsub.v1.Subscriber.StreamingPull."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from photofinish_emulators.common.rpc_errors import Context, Refused, invalid
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.ack_ids import UNORDERED_ACK_ID
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.errors import disk_failed
from photofinish_emulators.pubsub.limits import check_name
from photofinish_emulators.pubsub.outstanding import Consumer
from photofinish_emulators.pubsub.resources import MIN_ACK_DEADLINE_S, check_ack_deadline
from photofinish_emulators.pubsub.store import written
from photofinish_emulators.pubsub.subscriber_messages import (
    check_ack_ids,
    received_messages,
    refuse_detached,
    refuse_push,
)
from photofinish_emulators.pubsub.topics import Subscription

# Limits of one response: small enough that several streams share a backlog.
RESPONSE_MESSAGES = 250
RESPONSE_BYTES = 1024 * 1024


class StreamingPull:
    """The RPC; each call is one stream."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def serve(self, requests: AsyncIterator[Any], context: Context) -> None:
        try:
            async for first in requests:
                await self._stream(first, requests, context)
                return
        except Refused as refused:
            await refused.abort(context)
        except sqlite3.Error as error:
            await disk_failed(error).abort(context)

    async def _stream(self, first: Any, requests: AsyncIterator[Any], context: Context) -> None:
        check_name(first.subscription, "subscriptions")
        subscription = self._broker.subscription(first.subscription)
        refuse_detached(subscription)
        refuse_push(subscription)
        await context.send_initial_metadata(())
        stream = _Stream(subscription, first, context)
        reader = asyncio.create_task(stream.read(first, requests))
        try:
            await stream.send(reader)
        finally:
            reader.cancel()


class _Stream:
    """One client's stream: :meth:`read` handles its requests, :meth:`send` sends it messages."""

    def __init__(self, subscription: Subscription, first: Any, context: Context) -> None:
        self._subscription = subscription
        self._queue = subscription.queue
        self._context = context
        self._lease_s = 0
        self._consumer = Consumer()
        if first.max_outstanding_messages > 0:
            self._consumer.max_messages = first.max_outstanding_messages
        if first.max_outstanding_bytes > 0:
            self._consumer.max_bytes = first.max_outstanding_bytes
        self._confirmations: list[Any] = []
        self._set_deadline(first.stream_ack_deadline_seconds)

    def _set_deadline(self, deadline_s: int) -> None:
        check_ack_deadline(deadline_s, MIN_ACK_DEADLINE_S)
        self._lease_s = deadline_s

    async def read(self, first: Any, requests: AsyncIterator[Any]) -> None:
        """Handle requests until the client closes its side; wakes :meth:`send` at the end, also after an error."""
        try:
            await self._apply(first)
            async for request in requests:
                if request.subscription or request.max_outstanding_messages or request.max_outstanding_bytes:
                    raise invalid("Only the first request of a stream may set subscription and flow control.")
                if request.stream_ack_deadline_seconds:
                    self._set_deadline(request.stream_ack_deadline_seconds)
                await self._apply(request)
        finally:
            self._queue.wake.set()

    async def _apply(self, request: Any) -> None:
        self._subscription.touch()
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise invalid("modify_deadline_ack_ids and modify_deadline_seconds differ in length.")
        if request.ack_ids:
            await self._acknowledge(request.ack_ids)
        if request.modify_deadline_ack_ids:
            await self._modify(dict(zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True)))

    async def _acknowledge(self, ack_ids: Any) -> None:
        check_ack_ids(self._subscription, ack_ids)
        refused, saved = self._queue.acknowledge(ack_ids)
        await self._confirm("acknowledge_confirmation", ack_ids, refused, saved)

    async def _modify(self, deadlines_s: dict[str, int]) -> None:
        check_ack_ids(self._subscription, deadlines_s)
        for deadline_s in deadlines_s.values():
            check_ack_deadline(deadline_s)
        refused, saved = self._queue.modify(deadlines_s)
        await self._confirm("modify_ack_deadline_confirmation", deadlines_s, refused, saved)

    async def _confirm(
        self, field: str, ack_ids: Iterable[str], refused: Mapping[str, str], saved: Future[None] | None
    ) -> None:
        """Under exactly-once delivery, report in ``field`` of a response which ids counted."""
        if not self._queue.settings.exactly_once:
            return
        if saved is not None:
            await written(saved)
        response = protos.StreamingPullResponse()
        confirmation = getattr(response, field)
        confirmation.ack_ids.extend(i for i in ack_ids if i not in refused)
        for ack_id, reason in refused.items():
            unordered = reason == UNORDERED_ACK_ID
            (confirmation.unordered_ack_ids if unordered else confirmation.invalid_ack_ids).append(ack_id)
        self._confirmations.append(response)
        self._queue.wake.set()

    async def send(self, reader: asyncio.Task[None]) -> None:
        """Send messages and confirmations until the client is done, or the subscription is gone."""
        queue = self._queue
        queue.consumers += 1
        try:
            while True:
                if reader.done():
                    return reader.result()
                if self._subscription.gone is not None:
                    raise self._subscription.gone
                queue.wake.clear()
                while self._confirmations:
                    await self._write(self._confirmations.pop(0))
                limits = (RESPONSE_MESSAGES, RESPONSE_BYTES)
                deliveries = await queue.take_written(self._consumer, *limits, self._lease_s)
                if deliveries:
                    messages = received_messages(self._subscription, deliveries)
                    await self._write(protos.StreamingPullResponse(received_messages=messages))
                elif not self._confirmations:
                    await queue.wake.wait()
        finally:
            queue.consumers -= 1

    async def _write(self, response: Any) -> None:
        properties = response.subscription_properties
        properties.exactly_once_delivery_enabled = self._queue.settings.exactly_once
        properties.message_ordering_enabled = self._queue.settings.ordered
        await self._context.write(response)
