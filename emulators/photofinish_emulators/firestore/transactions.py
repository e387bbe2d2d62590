"""Transactions: what each has read, whether that still holds when it commits, and whose turn it is.

Concurrency control is optimistic. All reads of a transaction see the moment of its first read; its commit is refused
with ABORTED if anything it read has changed since. Under contention that alone would let a client lose again and again,
so, as in the cloud, a transaction that names the one it retries keeps its spot in line: it waits at its beginning until
it is the only one at work on what it lost before, and the others wait for it, or are refused, until it is done.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from photofinish_emulators.firestore.documents import View
from photofinish_emulators.firestore.errors import Refused, invalid
from photofinish_emulators.firestore.wire import Message, micros

log = logging.getLogger(__name__)
IDLE_S = 60.0
TOTAL_S = 270.0
TURN_S = 5.0
"""How long one transaction may keep others waiting."""
WAIT_S = 15.0
"""How long to wait for a turn before going on without it."""


class Conflict(Refused):
    """Something that a transaction read has changed; ``keys`` says what."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        super().__init__(
            grpc.StatusCode.ABORTED,
            "Aborted due to cross-transaction contention. This occurs when multiple transactions attempt to access the "
            "same data, requiring Firestore to abort at least one in order to enforce serializability.",
        )
        self.keys = frozenset(keys)


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction between its beginning and its commit."""

    id: bytes
    read_only: bool
    at_us: int | None = None
    """The moment all its reads see; None until the first."""
    documents: set[tuple[bytes, bytes]] = field(default_factory=set)
    """Keys of collection and id of every document read, there or not."""
    queries: list[tuple[bytes, Callable[[View], bool]]] = field(default_factory=list)
    """For every query a key to wait for, and whether its result would differ now."""
    contended: set[bytes] = field(default_factory=set)
    """What this transaction, or one that it retries, lost before."""
    began_s: float = field(default_factory=time.monotonic)
    used_s: float = field(default_factory=time.monotonic)
    ended: bool = False

    def expired(self, now_s: float) -> bool:
        return now_s - self.used_s > IDLE_S or now_s - self.began_s > TOTAL_S

    def validate(self, view: View) -> None:
        """Refuse the commit if anything read is not as it was.

        Raises:
            Conflict: it is not.
        """
        if self.at_us is None:
            return
        at_us = self.at_us
        lost = {collection + id for collection, id in self.documents if view.changed_since(at_us, collection, id)}
        lost |= {key for key, differs in self.queries if differs(view)}
        if lost:
            raise Conflict(lost)


class Transactions:
    """All transactions that are open, and the lines for what they contend for."""

    def __init__(self) -> None:
        self._open: dict[bytes, Transaction] = {}
        self._turns = Turns()
        self._swept_s = time.monotonic()

    async def begin(self, options: Message) -> Transaction:
        """A new transaction; one that retries another waits for its turn."""
        self._sweep()
        transaction = Transaction(secrets.token_bytes(16), read_only=options.WhichOneof("mode") == "read_only")
        if transaction.read_only and options.read_only.HasField("read_time"):
            transaction.at_us = micros(options.read_only.read_time)
        retried = self._open.get(options.read_write.retry_transaction)
        if retried is not None:
            transaction.contended = retried.contended  # shared: clients name the first transaction of a row of retries
            await self._turns.take(transaction, retried.contended)
            transaction.used_s = time.monotonic()
        self._open[transaction.id] = transaction
        return transaction

    def get(self, id: bytes) -> Transaction:
        """The open transaction of that id.

        Raises:
            Refused: it expired, ended, or never was.
        """
        transaction = self._open.get(id)
        now_s = time.monotonic()
        if transaction is None or transaction.ended or transaction.expired(now_s):
            raise invalid("The referenced transaction has expired or is no longer valid.")
        transaction.used_s = now_s
        return transaction

    @asynccontextmanager
    async def committing(self, transaction: Transaction | None, written: Iterable[bytes]) -> AsyncIterator[None]:
        """Around a commit: keep to the lines, end the transaction, remember what it lost.

        Raises:
            Conflict: somebody whose turn it is works on what the transaction read.
        """
        if transaction is None:
            async with self._turns.after_others(written):
                yield
            return
        try:
            read = {collection + id for collection, id in transaction.documents} | {
                key for key, _ in transaction.queries
            }
            taken = self._turns.held_by_others(transaction, read)
            if taken:
                raise Conflict(taken)
            async with self._turns.after_others(key for key in written if key not in transaction.contended):
                yield
        except Conflict as conflict:
            transaction.contended |= conflict.keys
            raise
        finally:
            self.end(transaction)

    def roll_back(self, id: bytes) -> None:
        """End the transaction of that id, if it is open."""
        transaction = self._open.get(id)
        if transaction is not None:
            self.end(transaction)

    def end(self, transaction: Transaction) -> None:
        """No more reads or writes; kept for a while, for one that retries it."""
        transaction.ended = True
        transaction.documents.clear()
        transaction.queries.clear()
        self._turns.give_up(transaction)

    def _sweep(self) -> None:
        now_s = time.monotonic()
        if now_s - self._swept_s < 1.0:
            return
        self._swept_s = now_s
        for transaction in [one for one in self._open.values() if one.expired(now_s)]:
            self.end(transaction)
            del self._open[transaction.id]


class _Line:
    """Those who wait for one key, and the one whose turn it is."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # fair: first come, first served
        self.members = 0


class Turns:
    """First come, first served, for each contended key; a turn ends by itself after ``TURN_S``."""

    def __init__(self) -> None:
        self._lines: dict[bytes, _Line] = {}
        self._held: dict[Transaction, set[bytes]] = {}

    async def take(self, transaction: Transaction, keys: set[bytes]) -> None:
        """Wait for a turn on all ``keys``; go on without it after ``WAIT_S``."""
        held = self._held.setdefault(transaction, set())
        try:
            await self._enter(keys, held)
        except TimeoutError:
            log.warning("no turn in %s s: the transaction goes on without", WAIT_S)
            self.give_up(transaction)
        except asyncio.CancelledError:
            self.give_up(transaction)
            raise
        asyncio.get_running_loop().call_later(TURN_S, self.give_up, transaction)

    def give_up(self, transaction: Transaction) -> None:
        """End the transaction's turns; the next in each line goes on."""
        self._leave(self._held.pop(transaction, set()))

    def held_by_others(self, transaction: Transaction, keys: Iterable[bytes]) -> set[bytes]:
        """Which of ``keys`` others are in line for."""
        mine = self._held.get(transaction, set())
        return {key for key in keys if key in self._lines and key not in mine}

    @asynccontextmanager
    async def after_others(self, keys: Iterable[bytes]) -> AsyncIterator[None]:
        """Wait behind those in line for ``keys``, then hold the keys inside the block."""
        wanted = {key for key in keys if key in self._lines}
        held: set[bytes] = set()
        try:
            if wanted:
                await self._enter(wanted, held)
        except TimeoutError:
            log.warning("no turn in %s s: the write goes on without", WAIT_S)
        except asyncio.CancelledError:
            self._leave(held)
            raise
        try:
            yield
        finally:
            self._leave(held)

    async def _enter(self, keys: set[bytes], held: set[bytes]) -> None:
        """Take the lock of every key, noting it in ``held``; in one order for all, so no two wait for each other."""
        async with asyncio.timeout(WAIT_S):
            for key in sorted(keys):
                line = self._lines.setdefault(key, _Line())
                line.members += 1
                try:
                    await line.lock.acquire()
                except asyncio.CancelledError:
                    self._forget(key, line)
                    raise
                held.add(key)

    def _leave(self, held: set[bytes]) -> None:
        for key in held:
            line = self._lines[key]
            line.lock.release()
            self._forget(key, line)
        held.clear()

    def _forget(self, key: bytes, line: _Line) -> None:
        line.members -= 1
        if line.members == 0:
            del self._lines[key]
