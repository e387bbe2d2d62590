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
    DONE = auto()  # acknowledged, dropped or forwarded

    @property
    def stored(self) -> StoredState:
        """The state on disk, where all states but two are "waiting until a time" (possibly past)."""
        if self is State.LEASED:
            return StoredState.LEASED
        return StoredState.ACKNOWLEDGED if self is State.ACKNOWLEDGED else StoredState.WAITING

    @staticmethod
    def restored(stored: StoredState) -> State:
        if stored is StoredState.LEASED:
            return State.LEASED
        return State.ACKNOWLEDGED if stored is StoredState.ACKNOWLEDGED else State.BACKING_OFF


@dataclass(slots=True, eq=False)
class Consumer:
    """A client that receives messages; ``max_*`` limit what it holds at once."""

    max_messages: float = float("inf")
    max_bytes: float = float("inf")
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
