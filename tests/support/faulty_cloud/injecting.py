"""Do what a schedule says to a cloud and to its album."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from support.faulty_cloud.album import Album
from support.faulty_cloud.cloud import FaultyCloud
from support.faulty_cloud.messages import Messages
from support.faulty_cloud.schedule import TASK, Fault, Kind, Outage
from support.tcp_proxy import CALM, Weather
from support.waiting import wait_until

_MESSAGES = 10
_PHOTOS_TO_A_STEP = 2
_STEP_S = 120.0
"""So long a task may take to come to a step: it may have to start first."""


class Injector:
    """Makes faults happen, and ends those that last."""

    def __init__(self, cloud: FaultyCloud, album: Album, messages: Messages) -> None:
        self._cloud = cloud
        self._album = album
        self._messages = messages

    def inject(self, outage: Outage) -> list[Fault]:
        """Let all faults of an outage begin together; return those that happened, once all of them have ended."""
        dice = random.Random(outage.seed)
        with ThreadPoolExecutor(len(outage.faults)) as pool:
            begun = [
                (fault, pool.submit(self._does(fault), fault, random.Random(dice.getrandbits(32))))
                for fault in outage.faults
            ]
        return [fault for fault, result in begun if result.result()]

    def _does(self, fault: Fault) -> Callable[[Fault, random.Random], bool]:
        match fault.kind:
            case Kind.KILL:
                return lambda fault, dice: self._cloud.kill(fault.target, dice)
            case Kind.KILL_BEFORE | Kind.KILL_AFTER:
                return self._kill_at_a_step
            case Kind.FREEZE:
                return self._freeze
            case Kind.SLOW | Kind.RESET | Kind.AWAY:
                return self._bad_connections
            case Kind.REPEAT:
                return self._repeat
        return self._change_photos

    def _kill_at_a_step(self, fault: Fault, _dice: random.Random) -> bool:
        moment = "before" if fault.kind is Kind.KILL_BEFORE else "after"
        file = self._cloud.deaths / f"{moment} {fault.target}"
        file.touch()
        self._album.upload(_PHOTOS_TO_A_STEP)  # a warm task may have finished all others by now
        came = self._comes(lambda: not file.exists())
        file.unlink(missing_ok=True)
        return came

    @staticmethod
    def _comes(condition: Callable[[], object]) -> bool:
        """Wait until a task comes so far; False where another fault keeps all tasks from there."""
        try:
            wait_until(condition, "a task comes so far", timeout_s=_STEP_S)
        except AssertionError:
            return False
        return True

    def _freeze(self, fault: Fault, _dice: random.Random) -> bool:
        if fault.target == TASK and not self._comes(self._cloud.tasks):
            return False
        processes = self._cloud.freeze(fault.target)
        try:
            time.sleep(fault.seconds)
        finally:
            self._cloud.thaw(processes)
        return bool(processes)

    def _bad_connections(self, fault: Fault, _dice: random.Random) -> bool:
        weather = {
            Kind.SLOW: Weather(delay_s=fault.amount),
            Kind.RESET: Weather(reset_share=fault.amount),
            Kind.AWAY: Weather(refuses=True),
        }[fault.kind]
        proxy = self._cloud.proxies[fault.target]
        proxy.become(weather)
        try:
            time.sleep(fault.seconds)
        finally:
            proxy.become(CALM)
        return True

    def _repeat(self, fault: Fault, dice: random.Random) -> bool:
        self._messages.repeat(_MESSAGES, int(fault.amount), dice)
        return True

    def _change_photos(self, fault: Fault, dice: random.Random) -> bool:
        photos = int(fault.amount)
        match fault.kind:
            case Kind.OLD:
                self._album.overwrite(photos, dice)
                self._messages.repeat_old(_MESSAGES, dice)
            case Kind.OVERWRITE:
                self._album.overwrite(photos, dice)
            case Kind.DELETE:
                self._album.delete(photos, dice)
            case Kind.COPIES:
                self._album.copies(photos, dice)
        return True
