"""Answers to requests that callers may repeat: the `Idempotency-Key` header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AnswerClaim:
    """The right to answer a request, which no other has at the same time."""

    claim_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a request was answered with."""

    status: int
    headers: Mapping[str, str]
    content: str = field(repr=False)


class NotClaimed(Enum):
    """Why a request cannot be answered now."""

    IN_PROGRESS = "in progress"
    OTHER_BODY = "other body"


class KeptAnswers(Protocol):
    """Answers by request, for a day; shared by all instances. Postgres is the only implementation."""

    def claim(self, request: bytes, body_sha256: bytes, *, album: str | None) -> AnswerClaim | KeptAnswer | NotClaimed:
        """AnswerClaim a request that has no answer yet, or return its answer.

        A claim lapses after a minute, which no request takes, so one whose instance died can be repeated.
        """
        ...

    def keep(self, claim: AnswerClaim, answer: KeptAnswer) -> None:
        """Store the answer to a claimed request; nothing if the claim lapsed and another took it."""
        ...

    def release(self, claim: AnswerClaim) -> None:
        """End a claim without an answer: the request may be tried again."""
        ...

    def expire(self) -> int:
        """Delete answers older than a day; return how many."""
        ...
