"""Find the webhooks that want the events of the log, and ask for deliveries."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from photofinish.domain.album_event import NOTHING_SHOWN, EventFilter, RecordedEvent
from photofinish.domain.webhook import Webhook, in_flight_limit, wants
from photofinish.errors import Unavailable
from photofinish.ports import EventLog, Match, WebhookDeliveries, WebhookMessages, Webhooks

log = logging.getLogger(__name__)
_PAGE = 500
_ALL = EventFilter()


class WebhookRelay:
    """Reads the event log from where it stopped; threads may share it."""

    def __init__(
        self, events: EventLog, webhooks: Webhooks, deliveries: WebhookDeliveries, messages: WebhookMessages
    ) -> None:
        self._events = events
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._messages = messages
        self._running = threading.Lock()
        self._waiting = threading.Lock()

    def run(self) -> None:
        """Relay what is new, and ask again for deliveries that are due.

        While one call runs and another waits, the latter reads what a third was made for, which returns at once.
        """
        if not self._waiting.acquire(blocking=False):
            return
        with self._running:
            self._waiting.release()
            while self._relay_page():
                pass
            if due := self._deliveries.due(datetime.now(UTC)):
                self._messages.announce(due)

    def _relay_page(self) -> bool:
        """Relay some events; return whether there are more."""
        position = self._deliveries.position()
        page = self._events.page(None, _ALL, after=position, limit=_PAGE)
        if page.position == position:
            return False
        matches = self._matches(page.events)
        announced = self._deliveries.advance(matches, after=position, to=page.position)
        if announced is None:  # another process relayed them
            return True
        if announced:
            self._messages.announce(announced)
        return len(page.events) == _PAGE

    def _matches(self, events: Sequence[RecordedEvent]) -> list[Match]:
        if not events:
            return []
        now, webhooks = datetime.now(UTC), self._webhooks.enabled()
        photos = {recorded.event.photo_id for recorded in events if recorded.event.photo_id is not None}
        shown = self._events.shown(photos) if any(webhook.needs_shown for webhook in webhooks) else {}
        return [
            # One that is paused gets no message for each event: it is asked again when its pause ends.
            Match(webhook_id=webhook.webhook_id, event=recorded, announced=in_flight_limit(webhook.health, now) > 0)
            for recorded in events
            for webhook in webhooks
            if wants(webhook, recorded, shown.get(recorded.event.photo_id or "", NOTHING_SHOWN))
        ]


def relay_soon(messages: WebhookMessages) -> None:
    """Say that there are new events; if that fails, the relay finds them on schedule."""
    try:
        messages.nudge()
    except Unavailable as error:
        log.warning("webhooks hear of new events by the schedule only: %s", error)


@contextmanager
def relaying_soon(events: EventLog, messages: WebhookMessages) -> Iterator[None]:
    """Say so once the block is over, even by an error, if there are new events by then: its own, or also others'."""
    before = events.head()
    try:
        yield
    finally:
        if events.head() > before:
            relay_soon(messages)


def replay(
    webhook: Webhook,
    wanted: EventFilter,
    *,
    after: int,
    limit: int,
    events: EventLog,
    deliveries: WebhookDeliveries,
    messages: WebhookMessages,
) -> tuple[int, int | None]:
    """Deliver recorded events to `webhook` again, or for the first time.

    Return how many, and the position to go on from; None if these were all.
    """
    page = events.page(webhook.album, wanted, after=after, limit=limit)
    ids = deliveries.replay_events(webhook.webhook_id, page.events, now=datetime.now(UTC))
    if ids:
        messages.announce(ids)
    return len(ids), page.position if len(page.events) == limit else None
