"""Do what a schedule says to a cloud and to its album."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from support.faulty_cloud.album import Album
from support.faulty_cloud.cloud import FaultyCloud
from support.faulty_cloud.disks import permit_writing
from support.faulty_cloud.messages import Messages
from support.faulty_cloud.schedule import SUPERVISOR, TASK, Fault, Kind, Outage
from support.tcp_proxy import CALM, Weather
from support.waiting import wait_until

_MESSAGES = 10
_PHOTOS_TO_A_STEP = 2
_STEP_S = 30.0
"""So long a task may take to come to a step: it may have to start first."""


class Injector:
    """Makes faults happen, and ends those that last."""

    def __init__(self, cloud: FaultyCloud, album: Album, messages: Messages) -> None:
        self._cloud = cloud
        self._album = album
        self._messages = messages

    def inject(self, outage: Outage) -> list[tuple[Fault, int]]:
        """Let all faults of an outage begin together, and return once all of them have ended.

        With each is told how often it struck: processes killed, connections and calls broken, messages, photos. One
        that did not happen is left out.
        """
        dice = random.Random(outage.seed)
        with ThreadPoolExecutor(len(outage.faults)) as pool:
            begun = [
                (fault, pool.submit(self._does(fault), fault, random.Random(dice.getrandbits(32))))
                for fault in outage.faults
            ]
        return [(fault, struck) for fault, result in begun if (struck := result.result())]

    def _does(self, fault: Fault) -> Callable[[Fault, random.Random], int]:
        match fault.kind:
            case Kind.KILL:
                return self._kill
            case Kind.KILL_BEFORE | Kind.KILL_AFTER:
                return self._kill_at_a_step
            case Kind.FREEZE:
                return self._freeze
            case Kind.SLOW | Kind.RESET | Kind.AWAY:
                return self._bad_connections
            case Kind.ERRORS:
                return self._failing_database if fault.target == "postgres" else self._failing_calls
            case Kind.NO_WRITES:
                return self._no_writes
            case Kind.FULL | Kind.CLOCK | Kind.NO_GPU:
                return self._bad_surroundings
            case Kind.REPEAT:
                return self._repeat
            case Kind.LAUNCHERS:
                return self._launch
        return self._change_photos

    def _kill(self, fault: Fault, dice: random.Random) -> int:
        times, killed = int(fault.amount) or 1, 0
        for number in range(times):
            if number:
                time.sleep(fault.seconds / times)
            killed += self._cloud.kill(fault.target, dice)
        if fault.target == SUPERVISOR:  # nothing else can happen to a cloud that does not run
            self._cloud.heal()
        return killed

    def _kill_at_a_step(self, fault: Fault, _dice: random.Random) -> int:
        moment = "before" if fault.kind is Kind.KILL_BEFORE else "after"
        file = self._cloud.deaths / f"{moment} {fault.target}"
        file.touch()
        self._album.upload(_PHOTOS_TO_A_STEP)  # a warm task may have finished all others by now
        came = self._comes(lambda: not file.exists())
        file.unlink(missing_ok=True)
        return int(came)

    @staticmethod
    def _comes(condition: Callable[[], object]) -> bool:
        """Wait until a task comes so far; False where another fault keeps all tasks from there."""
        try:
            wait_until(condition, "a task comes so far", timeout_s=_STEP_S)
        except AssertionError:
            return False
        return True

    def _freeze(self, fault: Fault, _dice: random.Random) -> int:
        if fault.target == TASK and not self._comes(self._cloud.tasks):
            return 0
        processes = self._cloud.freeze(fault.target)
        try:
            time.sleep(fault.seconds)
        finally:
            self._cloud.thaw(processes)
        return min(1, len(processes))

    def _bad_connections(self, fault: Fault, _dice: random.Random) -> int:
        weather = {
            Kind.SLOW: Weather(delay_s=fault.amount),
            Kind.RESET: Weather(reset_share=fault.amount),
            Kind.AWAY: Weather(refuses=True),
        }[fault.kind]
        proxy = self._cloud.proxies[fault.target]
        before = proxy.broken
        proxy.become(weather)
        try:
            time.sleep(fault.seconds)
        finally:
            proxy.become(CALM)
        return max(1, proxy.broken - before)

    def _failing_calls(self, fault: Fault, dice: random.Random) -> int:
        with self._cloud.failing_calls(fault.target, fault.amount, dice.getrandbits(32)) as failing:
            time.sleep(fault.seconds)
            return max(1, failing.failed)

    def _failing_database(self, fault: Fault, dice: random.Random) -> int:
        """End sessions that are at work, or cancel their statements: their callers get errors."""
        struck, ends_at = 0, time.monotonic() + fault.seconds
        while time.monotonic() < ends_at:
            time.sleep(0.02)
            struck += self._cloud.disturb_database(fault.amount, dice.random())
        return max(1, struck)

    def _no_writes(self, fault: Fault, _dice: random.Random) -> int:
        processes = self._cloud.forbid_writing(fault.target)
        try:
            time.sleep(fault.seconds)
        finally:
            permit_writing()
        return min(1, processes)

    def _bad_surroundings(self, fault: Fault, _dice: random.Random) -> int:
        with self._cloud.surrounded_by(fault):
            time.sleep(fault.seconds)
        return 1

    def _repeat(self, fault: Fault, dice: random.Random) -> int:
        return self._messages.repeat(_MESSAGES, int(fault.amount), dice)

    def _launch(self, fault: Fault, _dice: random.Random) -> int:
        with ThreadPoolExecutor(int(fault.amount)) as pool:
            for _ in range(int(fault.amount)):
                pool.submit(self._cloud.launch)
        return int(fault.amount)

    def _change_photos(self, fault: Fault, dice: random.Random) -> int:
        photos = int(fault.amount)
        match fault.kind:
            case Kind.OLD:
                changed = len(self._album.overwrite(photos, dice))
                return changed + self._messages.repeat_old(_MESSAGES, dice)
            case Kind.OVERWRITE:
                return len(self._album.overwrite(photos, dice))
            case Kind.DELETE:
                return len(self._album.delete(photos, dice))
            case Kind.COPIES:
                return len(self._album.copies(photos, dice))
            case Kind.POISON:
                self._album.poison(fault.target)
            case Kind.LOST:
                self._album.upload(photos)
                self._messages.lose("on-object-finalized")
        return photos
