"""Turns on contended keys, so that no client loses every conflict.

A key is *hot* for a while after a transaction lost a conflict over it. Transactions that read a hot key get it in turn,
first come, first served, and hold it until they end; writes of others wait too. Each turn ends after `TURN_S` at the
latest, so a client that has died blocks the others only for that time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)
TURN_S = 5.0
"""How long one transaction may keep others waiting."""
WAIT_S = 15.0
"""How long to wait for a turn before going on without it."""
WAIT_WHILE_HOLDING_S = 1.0
"""The same for a transaction that already holds keys, because two could wait for each other."""
HOT_S = 1.0
"""How long a key stays hot after a transaction lost it, or was last waited for."""


class _KeyLock:
    """The lock of one key; it exists while it has users, the holder and those who wait."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # fair: first come, first served
        self.users = 0


class Turns:
    """Fair locks on hot keys. An *owner* is a transaction."""

    def __init__(self) -> None:
        self._locks: dict[bytes, _KeyLock] = {}
        self._held: dict[Hashable, set[bytes]] = {}
        self._hot_until_s: dict[bytes, float] = {}

    def mark_hot(self, keys: Iterable[bytes]) -> None:
        """For `HOT_S` from now on, transactions read ``keys`` one after the other."""
        now_s = time.monotonic()
        self._hot_until_s = {key: until_s for key, until_s in self._hot_until_s.items() if until_s > now_s}
        self._hot_until_s.update(dict.fromkeys(keys, now_s + HOT_S))

    async def take(self, owner: Hashable, keys: Iterable[bytes]) -> None:
        """Wait for a turn on the hot ones of ``keys``; go on without it after `WAIT_S`."""
        held = self._held.get(owner, set())
        wanted = {key for key in keys if key not in held and self._is_hot(key)}
        if not wanted:
            return
        self.mark_hot(wanted)
        wait_s = WAIT_WHILE_HOLDING_S if held else WAIT_S
        self._held[owner] = held
        try:
            await self._acquire(wanted, held, wait_s)
        except TimeoutError:
            log.warning("no turn within %s s: the transaction continues without", wait_s)
        except asyncio.CancelledError:
            self.give_up(owner)
            raise
        finally:
            if self._held.get(owner) is not held:  # it ended while it waited
                self._release(held)
        asyncio.get_running_loop().call_later(TURN_S, self.give_up, owner)

    def give_up(self, owner: Hashable) -> None:
        """End the owner's turns."""
        self._release(self._held.pop(owner, set()))

    def is_contended(self, keys: Iterable[bytes]) -> bool:
        """Whether a transaction holds or waits for one of ``keys``."""
        return any(key in self._locks for key in keys)

    def held_by_others(self, owner: Hashable, keys: Iterable[bytes]) -> set[bytes]:
        """The contended ones of ``keys`` that the owner does not hold."""
        own = self._held.get(owner, set())
        return {key for key in keys if key in self._locks and key not in own}

    @asynccontextmanager
    async def write_turn(self, owner: Hashable | None, keys: Iterable[bytes]) -> AsyncIterator[None]:
        """Wait for the contended ones of ``keys`` and hold them inside the block; ``owner`` None has no turns."""
        wanted = self.held_by_others(owner, keys)
        held: set[bytes] = set()
        try:
            if wanted:
                await self._acquire(wanted, held, WAIT_WHILE_HOLDING_S if self._held.get(owner) else WAIT_S)
        except TimeoutError:
            log.warning("no turn in time: the write continues without")
        except asyncio.CancelledError:
            self._release(held)
            raise
        try:
            yield
        finally:
            self._release(held)

    def _is_hot(self, key: bytes) -> bool:
        return key in self._locks or self._hot_until_s.get(key, 0.0) > time.monotonic()

    async def _acquire(self, keys: set[bytes], held: set[bytes], wait_s: float) -> None:
        """Lock every key and add it to ``held``; in the same order for all callers, which avoids deadlocks."""
        async with asyncio.timeout(wait_s):
            for key in sorted(keys):
                lock = self._locks.setdefault(key, _KeyLock())
                lock.users += 1
                try:
                    await lock.lock.acquire()
                except asyncio.CancelledError:
                    self._remove_user(key, lock)
                    raise
                held.add(key)

    def _release(self, held: set[bytes]) -> None:
        for key in held:
            lock = self._locks[key]
            lock.lock.release()
            self._remove_user(key, lock)
        held.clear()

    def _remove_user(self, key: bytes, lock: _KeyLock) -> None:
        lock.users -= 1
        if lock.users == 0:
            del self._locks[key]
