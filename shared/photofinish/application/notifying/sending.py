"""Send the message of a subscription, by its channel."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime

from photofinish.application.notifying.wording import message_of
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.subscription import Outcome
from photofinish.logs import fields
from photofinish.ports import Channels, NotificationClaim, Notifications, WebhookMessages

log = logging.getLogger(__name__)


class Notifier:
    """Sends what is due; threads may share it."""

    def __init__(
        self,
        notifications: Notifications,
        channels: Callable[[], Channels],
        messages: WebhookMessages,
        keys: SecretVersions,
        *,
        public_url: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`channels` are made when the first message is sent. `public_url` is the address of pages and API."""
        self._notifications = notifications
        self._channels = channels
        self._messages = messages
        self._keys = keys
        self._public_url = public_url
        self._clock = clock

    def deliver(self, subscription_id: str) -> None:
        """Send the message of a subscription if it is due, and ask for those that waited for it."""
        claim = self._notifications.claim(subscription_id, now=self._clock())
        if claim is None:
            return
        outcome = self._send(claim)
        sent = self._notifications.finish(
            claim,
            outcome,
            now=self._clock(),
            chance=random.random(),  # noqa: S311 - spreads retries
        )
        log.info(
            "sent a notification",
            extra=fields(
                subscription_id=subscription_id,
                channel=claim.contact.channel,
                outcome=outcome,
                photos=len(claim.photo_ids),
                ended=sent.ended,
            ),
        )
        if sent.due:
            self._messages.notify(sent.due)

    def _send(self, claim: NotificationClaim) -> Outcome:
        channel = self._channels().get(claim.contact.channel)
        if channel is None:
            log.warning(
                "the deployment does not have this channel any more",
                extra=fields(subscription_id=claim.subscription_id, channel=claim.contact.channel),
            )
            return Outcome.FAILED
        message = message_of(claim, self._keys, public_url=self._public_url, at=self._clock())
        return channel.send(claim.contact.address, message)
