"""Outstanding messages: their states, the consumer that holds each, and the settings that govern delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from photofinish_emulators.pubsub.store import StoredState


class State(Enum):
    LEASED = auto()  # with a consumer until its deadline
    BACKING_OFF = auto()  # failed; waits for the retry policy's delay
    READY = auto()  # failed; may be delivered now
    BLOCKED = auto()  # waits for an earlier message of its ordering key
    FORWARDING = auto()  # being published to the dead-letter topic
    # Exactly-once delivery: acknowledged, and kept until its deadline, so that a client that lost the response (for
    # example because the server was killed) can repeat the acknowledgement and have it confirmed.
    ACKNOWLEDGED = auto()
    # With an ordering key: acknowledged before an earlier message of its key, and redelivered if that one is.
    ACKNOWLEDGED_EARLY = auto()
    DONE = auto()  # acknowledged, dropped or forwarded

    @property
    def stored(self) -> StoredState:
        """The state on disk, where all others are "waiting until a time" (possibly past)."""
        return _STORED.get(self, StoredState.WAITING)

    @staticmethod
    def restored(stored: StoredState) -> State:
        return _RESTORED.get(stored, State.BACKING_OFF)


_STORED = {
    State.LEASED: StoredState.LEASED,
    State.ACKNOWLEDGED: StoredState.ACKNOWLEDGED,
    State.ACKNOWLEDGED_EARLY: StoredState.ACKNOWLEDGED_EARLY,
}
_RESTORED = {stored: state for state, stored in _STORED.items()}


@dataclass(slots=True, eq=False)
class Consumer:
    """A client that receives messages; ``max_*`` limit what it holds at once, in all and of one ordering key."""

    max_messages: float = float("inf")
    max_bytes: float = float("inf")
    max_per_key: float = float("inf")
    messages: int = 0
    bytes: int = 0


@dataclass(slots=True, eq=False)
class Outstanding:
    """A message taken from the topic and not acknowledged yet; sorts by id."""

    message_id: int
    ordering_key: str  # "" when the subscription does not order
    size: int  # bytes of the body
    lease: int = 0
    failures: int = 0
    state: State = State.BLOCKED
    until_us: int = 0
    consumer: Consumer | None = None

    def __lt__(self, other: Outstanding) -> bool:
        return self.message_id < other.message_id

    def is_held(self, lease: int) -> bool:
        """Whether the consumer that received it under this lease still holds it."""
        return self.state is State.LEASED and self.lease == lease

    def hand_to(self, consumer: Consumer, until_us: int) -> None:
        self.lease += 1
        self.state = State.LEASED
        self.until_us = until_us
        self.consumer = consumer
        consumer.messages += 1
        consumer.bytes += self.size

    def leave_consumer(self) -> None:
        if self.consumer is not None:
            self.consumer.messages -= 1
            self.consumer.bytes -= self.size
            self.consumer = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message handed to a consumer; ``attempt`` counts from 1."""

    outstanding: Outstanding
    lease: int
    attempt: int
    body: bytes

    @property
    def is_held(self) -> bool:
        return self.outstanding.is_held(self.lease)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """The part of a subscription's configuration that governs delivery."""

    ordered: bool = False
    exactly_once: bool = False
    matches: Callable[[bytes], bool] | None = None  # the filter, applied to a message's body
    min_backoff_us: int = 0
    max_backoff_us: int = 0
    max_attempts: int | None = None  # None: no dead-letter policy

    def backoff_us(self, failures: int) -> int:
        """The delay before the next delivery, doubling with each failure."""
        return min(self.max_backoff_us, self.min_backoff_us << min(failures - 1, 40))
