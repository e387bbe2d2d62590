"""Transactions: what each has read, whether that still holds when it commits, and whose turn it is.

Concurrency control is optimistic. All reads of a transaction see one moment, and its commit is refused with ABORTED if
anything it read has changed since. Under contention that alone would let a client lose again and again. So what a
transaction lost is *hot* for a while: transactions that read it wait in line, one at a time holds it until it is done,
and writes by others wait for their turn, too. A turn ends by itself, so nobody waits for a client that has died.
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
from photofinish_emulators.firestore.store import Snapshot
from photofinish_emulators.firestore.wire import Message, check_time

log = logging.getLogger(__name__)
IDLE_S = 60.0
TOTAL_S = 270.0
TURN_S = 5.0
"""How long one transaction may keep others waiting."""
WAIT_S = 15.0
"""How long to wait for a turn before going on without it."""
WAIT_WHILE_HOLDING_S = 1.0
"""The same for one who keeps others waiting: two may wait for each other."""
HOT_S = 1.0
"""How long a key stays hot after a transaction lost it, or was last waited for."""


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
    began_s: float = field(default_factory=time.monotonic)
    used_s: float = field(default_factory=time.monotonic)

    def expired(self, now_s: float) -> bool:
        return now_s - self.used_s > IDLE_S or now_s - self.began_s > TOTAL_S

    def lost(self, view: View) -> set[bytes]:
        """Keys of what was read and is no longer the same."""
        if self.at_us is None:
            return set()
        at_us = self.at_us
        lost = {collection + id for collection, id in self.documents if view.changed_since(at_us, collection, id)}
        return lost | {key for key, differs in self.queries if differs(view)}

    def validate(self, view: View) -> None:
        """Refuse the commit if anything read is not as it was.

        Raises:
            Conflict: it is not.
        """
        lost = self.lost(view)
        if lost:
            raise Conflict(lost)

    def read_at(self, snapshot: Snapshot) -> None:
        """See ``snapshot`` from now on, unless something read before has changed by then."""
        if self.at_us is None or (not self.read_only and not self.lost(snapshot.view)):
            self.at_us = snapshot.time_us


class Transactions:
    """All transactions that are open, and the lines for what they contend for."""

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
            Refused: it expired, ended, or never was.
        """
        transaction = self._open.get(id)
        now_s = time.monotonic()
        if transaction is None or transaction.expired(now_s):
            raise invalid("The referenced transaction has expired or is no longer valid.")
        transaction.used_s = now_s
        return transaction

    async def reading(self, transaction: Transaction | None, keys: Iterable[bytes]) -> None:
        """Wait for the transaction's turn on what it is about to read, where others contend for it."""
        if transaction is not None and not transaction.read_only:
            await self._turns.take(transaction, keys)

    def waited_for(self, keys: Iterable[bytes]) -> bool:
        """Whether somebody is in line for one of ``keys``; a commit without a transaction else need not ask."""
        return self._turns.waited_for(keys)

    @asynccontextmanager
    async def committing(self, transaction: Transaction | None, written: Iterable[bytes]) -> AsyncIterator[None]:
        """Around a commit: keep to the lines, end the transaction, remember what it lost.

        Raises:
            Conflict: somebody whose turn it is works on what the transaction read.
        """
        try:
            if transaction is not None:
                read = {collection + id for collection, id in transaction.documents}
                read |= {key for key, _ in transaction.queries}
                taken = self._turns.held_by_others(transaction, read)
                if taken:
                    raise Conflict(taken)
            async with self._turns.after_others(transaction, written):
                yield
        except Conflict as conflict:
            self._turns.heat(conflict.keys)
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
        for transaction in [one for one in self._open.values() if one.expired(now_s)]:
            self._end(transaction)


class _Line:
    """Those who wait for one key, and the one whose turn it is."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # fair: first come, first served
        self.members = 0


class Turns:
    """First come, first served, for each key that is hot."""

    def __init__(self) -> None:
        self._lines: dict[bytes, _Line] = {}
        self._held: dict[Transaction, set[bytes]] = {}
        self._hot_until_s: dict[bytes, float] = {}

    def heat(self, keys: Iterable[bytes]) -> None:
        """From now on, for a while, those who read ``keys`` do so one after the other."""
        now_s = time.monotonic()
        self._hot_until_s = {key: until_s for key, until_s in self._hot_until_s.items() if until_s > now_s}
        self._hot_until_s.update(dict.fromkeys(keys, now_s + HOT_S))

    async def take(self, transaction: Transaction, keys: Iterable[bytes]) -> None:
        """Wait for a turn on those of ``keys`` that are hot; go on without it after ``WAIT_S``."""
        held = self._held.get(transaction, set())
        wanted = {key for key in keys if key not in held and self._is_hot(key)}
        if not wanted:
            return
        self.heat(wanted)
        wait_s = WAIT_WHILE_HOLDING_S if held else WAIT_S
        self._held[transaction] = held
        try:
            await self._enter(wanted, held, wait_s)
        except TimeoutError:
            log.warning("no turn in %s s: the transaction goes on without", wait_s)
        except asyncio.CancelledError:
            self.give_up(transaction)
            raise
        finally:
            if self._held.get(transaction) is not held:  # it ended while it waited
                self._leave(held)
        asyncio.get_running_loop().call_later(TURN_S, self.give_up, transaction)

    def give_up(self, transaction: Transaction) -> None:
        """End the transaction's turns; the next in each line goes on."""
        self._leave(self._held.pop(transaction, set()))

    def waited_for(self, keys: Iterable[bytes]) -> bool:
        """Whether there is a line for one of ``keys``."""
        return any(key in self._lines for key in keys)

    def held_by_others(self, transaction: Transaction, keys: Iterable[bytes]) -> set[bytes]:
        """Which of ``keys`` others are in line for, and the transaction is not first."""
        mine = self._held.get(transaction, set())
        return {key for key in keys if key in self._lines and key not in mine}

    @asynccontextmanager
    async def after_others(self, transaction: Transaction | None, keys: Iterable[bytes]) -> AsyncIterator[None]:
        """Wait behind those in line for ``keys``, then hold the keys inside the block."""
        mine = self._held.get(transaction, set()) if transaction is not None else set()
        wanted = {key for key in keys if key in self._lines and key not in mine}
        held: set[bytes] = set()
        try:
            if wanted:
                await self._enter(wanted, held, WAIT_WHILE_HOLDING_S if mine else WAIT_S)
        except TimeoutError:
            log.warning("no turn in time: the write goes on without")
        except asyncio.CancelledError:
            self._leave(held)
            raise
        try:
            yield
        finally:
            self._leave(held)

    def _is_hot(self, key: bytes) -> bool:
        return key in self._lines or self._hot_until_s.get(key, 0.0) > time.monotonic()

    async def _enter(self, keys: set[bytes], held: set[bytes], wait_s: float) -> None:
        """Take the lock of every key, noting it in ``held``; in one order for all, so no two wait for each other."""
        async with asyncio.timeout(wait_s):
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
