"""Match new photos to subscriptions, and ask for the messages that are due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from photofinish.ports import Notifications, WebhookMessages

PEOPLE_EVERY_S = 20.0
"""Photos that clustering assigned to people are looked for no more often than this."""


class NotificationRelay:
    """Reads the event log from where it stopped; threads may share it."""

    def __init__(
        self,
        notifications: Notifications,
        messages: WebhookMessages,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifications = notifications
        self._messages = messages
        self._clock = clock
        self._now_s = now_s
        self._people_at_s: float | None = None
        self._running = threading.Lock()
        self._waiting = threading.Lock()

    def run(self) -> None:
        """Match what is new, and ask again for messages that are due.

        While one call runs and another waits, the latter reads what a third was made for, which returns at once.
        """
        if not self._waiting.acquire(blocking=False):
            return
        with self._running:
            self._waiting.release()
            while self._notifications.match(self._clock()):
                pass
            if self._people_at_s is None or self._now_s() >= self._people_at_s + PEOPLE_EVERY_S:
                self._notifications.match_people(self._clock())
                self._people_at_s = self._now_s()
            if due := self._notifications.due(self._clock()):
                self._messages.notify(due)
