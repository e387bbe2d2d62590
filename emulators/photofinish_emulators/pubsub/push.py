"""Push delivery: one HTTP POST per message, at a rate that the endpoint can handle."""

from __future__ import annotations

import asyncio
import logging
import time

import aiohttp

from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.oidc import TokenIssuer
from photofinish_emulators.pubsub.outstanding import Consumer, Delivery
from photofinish_emulators.pubsub.push_format import push_request
from photofinish_emulators.pubsub.service_agent import ServiceAgent
from photofinish_emulators.pubsub.topics import Subscription

log = logging.getLogger(__name__)
ACCEPTED = frozenset({102, 200, 201, 202, 204})
# Slow start: one concurrent request more for each success, half as many after a failure.
FIRST_WINDOW, MAX_WINDOW = 3, 64
# The pause after repeated failures. The real service pauses up to 60 s; here a developer is waiting.
MIN_PAUSE_S, MAX_PAUSE_S = 0.1, 10.0
TAKE_BYTES = 4 * 1024 * 1024
# The lease outlives the request's own timeout, so that the timeout decides.
LEASE_MARGIN_S = 2.0


class HttpPusher:
    """Pushes the messages of a subscription until stopped; requests in flight at that time still complete."""

    def __init__(
        self,
        subscription: Subscription,
        session: aiohttp.ClientSession,
        tokens: TokenIssuer,
        agent: ServiceAgent,
    ) -> None:
        self._subscription = subscription
        self._queue = subscription.queue
        self._config = subscription.config.push_config
        self._timeout = aiohttp.ClientTimeout(total=subscription.config.ack_deadline_seconds)
        self._session = session
        self._tokens = tokens
        self._agent = agent
        self._window = float(FIRST_WINDOW)
        self._failures_in_a_row = 0
        self._paused_until = 0.0
        # One message of an ordering key at a time: https://docs.cloud.google.com/pubsub/docs/ordering, "push".
        self._consumer = Consumer(max_messages=FIRST_WINDOW, max_per_key=1)
        self._requests: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name=f"push {subscription.name}")

    def stop(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        queue = self._queue
        queue.consumers += 1
        try:
            while True:
                if (pause_s := self._paused_until - time.monotonic()) > 0:
                    await asyncio.sleep(pause_s)
                    continue
                queue.wake.clear()
                self._consumer.max_messages = max(1, int(self._window))
                lease_s = self._timeout.total + LEASE_MARGIN_S if self._timeout.total else LEASE_MARGIN_S
                deliveries = await queue.take_written(self._consumer, MAX_WINDOW, TAKE_BYTES, lease_s)
                if not deliveries:
                    await queue.wake.wait()
                for delivery in deliveries:
                    request = asyncio.create_task(self._push(delivery))
                    self._requests.add(request)
                    request.add_done_callback(self._requests.discard)
        finally:
            queue.consumers -= 1

    async def _push(self, delivery: Delivery) -> None:
        sent_at = time.monotonic()
        outcome = await self._post(delivery)
        accepted = outcome in ACCEPTED
        self._queue.settle(delivery, accepted)
        if accepted:
            if self._failures_in_a_row:
                self._log(logging.INFO, "push endpoint accepts again", outcome)
            self._failures_in_a_row = 0
            self._window = min(MAX_WINDOW, self._window + 1)
            return
        if not self._failures_in_a_row:
            self._log(logging.WARNING, "push endpoint does not accept", outcome)
        self._window = max(1.0, self._window / 2)
        if sent_at < self._paused_until:
            return  # sent at the same time as one that already failed: counts as the same failure
        self._failures_in_a_row += 1
        pause_s = min(MAX_PAUSE_S, MIN_PAUSE_S * 2 ** min(self._failures_in_a_row - 1, 20))
        self._paused_until = time.monotonic() + pause_s

    async def _post(self, delivery: Delivery) -> int | str:
        """The HTTP status, or why there is none."""
        subscription = self._subscription
        message_id = delivery.outstanding.message_id
        request = push_request(
            self._config,
            protos.PubsubMessage.FromString(delivery.body),
            subscription=subscription.name,
            topic=subscription.topic.name,
            message_id=message_id,
            attempt=delivery.attempt if subscription.config.HasField("dead_letter_policy") else None,
        )
        headers = request.headers
        if self._config.HasField("oidc_token"):
            oidc = self._config.oidc_token
            if not self._agent.may_sign(oidc.service_account_email):
                return f"may not sign a token of {oidc.service_account_email}"
            token = self._tokens.token(oidc.service_account_email, oidc.audience or self._config.push_endpoint)
            headers = {**headers, "Authorization": f"Bearer {token}"}
        try:
            async with self._session.post(
                self._config.push_endpoint,
                data=request.body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                return response.status
        except TimeoutError:
            return f"no response within {self._timeout.total:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    def _log(self, level: int, event: str, outcome: int | str) -> None:
        fields = {
            "subscription": self._subscription.name,
            "endpoint": self._config.push_endpoint,
            "outcome": outcome,
            "failures_in_a_row": self._failures_in_a_row,
        }
        log.log(level, event, extra={"fields": fields})
