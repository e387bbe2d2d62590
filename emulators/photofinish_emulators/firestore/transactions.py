"""Transactions: what each has read, and whether that is unchanged when it commits.

Concurrency control is optimistic. All reads of a transaction see the same time, and its commit is refused with ABORTED
if anything it read has changed since. Because a client could then lose every conflict, contended keys are read in turn;
see `contention`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from photofinish_emulators.common.rpc_errors import Refused, invalid
from photofinish_emulators.firestore.contention import Turns
from photofinish_emulators.firestore.documents import View
from photofinish_emulators.firestore.protos import Message, check_time
from photofinish_emulators.firestore.store import Snapshot

IDLE_S = 60.0
TOTAL_S = 270.0


class Conflict(Refused):
    """Something that a transaction read has changed, identified by ``keys``."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        super().__init__(
            grpc.StatusCode.ABORTED,
            "Aborted due to cross-transaction contention. This occurs when multiple transactions attempt to access the "
            "same data, requiring Firestore to abort at least one in order to enforce serializability.",
        )
        self.keys = frozenset(keys)


@dataclass(slots=True, eq=False)
class Transaction:
    """An open transaction."""

    id: bytes
    read_only: bool
    at_us: int | None = None
    """The time that all its reads see; None before the first."""
    documents: set[tuple[bytes, bytes]] = field(default_factory=set)
    """Keys of collection and id of every document read, also of those that do not exist."""
    queries: list[tuple[bytes, Callable[[View], bool]]] = field(default_factory=list)
    """For every query, the key it contends for and a function that returns whether its result differs by now."""
    began_s: float = field(default_factory=time.monotonic)
    used_s: float = field(default_factory=time.monotonic)

    def expired(self, now_s: float) -> bool:
        return now_s - self.used_s > IDLE_S or now_s - self.began_s > TOTAL_S

    def lost(self, view: View) -> set[bytes]:
        """Keys of what was read and has changed since."""
        if self.at_us is None:
            return set()
        at_us = self.at_us
        lost = {collection + id for collection, id in self.documents if view.changed_since(at_us, collection, id)}
        return lost | {key for key, differs in self.queries if differs(view)}

    def validate(self, view: View) -> None:
        """Check that nothing that was read has changed.

        Raises:
            Conflict: something has.
        """
        lost = self.lost(view)
        if lost:
            raise Conflict(lost)

    def read_at(self, snapshot: Snapshot) -> None:
        """Read at the time of ``snapshot`` from now on, unless something read before has changed by then."""
        if self.at_us is None or (not self.read_only and not self.lost(snapshot.view)):
            self.at_us = snapshot.time_us


class Transactions:
    """All open transactions, and their turns on contended keys."""

    def __init__(self) -> None:
        self._open: dict[bytes, Transaction] = {}
        self._turns = Turns()
        self._swept_s = time.monotonic()

    def begin(self, options: Message) -> Transaction:
        """A new transaction."""
        self._sweep()
        transaction = Transaction(secrets.token_bytes(16), read_only=options.WhichOneof("mode") == "read_only")
        if transaction.read_only and options.read_only.HasField("read_time"):
            transaction.at_us = check_time(options.read_only.read_time)
        self._open[transaction.id] = transaction
        return transaction

    def get(self, id: bytes) -> Transaction:
        """The open transaction of that id.

        Raises:
            Refused: it expired, ended, or never existed.
        """
        transaction = self._open.get(id)
        now_s = time.monotonic()
        if transaction is None or transaction.expired(now_s):
            raise invalid("The referenced transaction has expired or is no longer valid.")
        transaction.used_s = now_s
        return transaction

    async def reading(self, transaction: Transaction | None, keys: Iterable[bytes]) -> None:
        """Wait for the transaction's turn on the contended ones of the keys it is about to read."""
        if transaction is not None and not transaction.read_only:
            await self._turns.take(transaction, keys)

    def is_contended(self, keys: Iterable[bytes]) -> bool:
        """Whether a transaction holds or waits for one of ``keys``; otherwise a plain write needs no turn."""
        return self._turns.is_contended(keys)

    @asynccontextmanager
    async def committing(self, transaction: Transaction | None, written: Iterable[bytes]) -> AsyncIterator[None]:
        """Enclose a commit: wait for a turn, end the transaction, mark the keys of a lost conflict as hot.

        Raises:
            Conflict: another transaction has its turn on something that this one read.
        """
        try:
            if transaction is not None:
                read = {collection + id for collection, id in transaction.documents}
                read |= {key for key, _ in transaction.queries}
                taken = self._turns.held_by_others(transaction, read)
                if taken:
                    raise Conflict(taken)
            async with self._turns.write_turn(transaction, written):
                yield
        except Conflict as conflict:
            self._turns.mark_hot(conflict.keys)
            raise
        finally:
            if transaction is not None:
                self._end(transaction)

    def roll_back(self, id: bytes) -> None:
        """End the transaction of that id, if it is open."""
        transaction = self._open.get(id)
        if transaction is not None:
            self._end(transaction)

    def _end(self, transaction: Transaction) -> None:
        self._open.pop(transaction.id, None)
        self._turns.give_up(transaction)

    def _sweep(self) -> None:
        now_s = time.monotonic()
        if now_s - self._swept_s < 1.0:
            return
        self._swept_s = now_s
        for transaction in [each for each in self._open.values() if each.expired(now_s)]:
            self._end(transaction)
