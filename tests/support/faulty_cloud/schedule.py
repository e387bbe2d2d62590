"""Which faults happen, in which order: decided by a seed, without looking at anything that runs."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

TASK = "analysis task"
SUPERVISOR = "supervisor"
SERVERS = ("postgres", "firestore", "pubsub", "storage")
"""Those that have a proxy before them."""
STEPS = (
    "documents.record_processing", "erasable_objects.replace_derived", "store.put_derived", "index.replace",
    "documents.record_final", "events.publish_result", "queue.ack",
)  # fmt: skip
"""The writing calls of a commit, in their order: a port of `photofinish.wiring.App` and its method."""
CLOCKS = ("clock of tasks", "clock of functions")
DISK = "disk"
POISON = b"poison: "
"""At the end of a poisoned photo, before one of `POISONS`: what it does to the process that reads it."""
KILL, HANG = "kill", "hang"
POISONS = (KILL, HANG)
# Processes that write files; the analysis task writes only its log.
_WRITERS = ("postgres", "firestore", "pubsub", "fake-gcs-server", "run-jobs")
_FEW, _CROWD = (2, 4), (8, 14)
"""How many faults there are at once, at least and at most."""


class Kind(StrEnum):
    """What is done to a cloud."""

    KILL = "kill -9"
    KILL_BEFORE = "kill -9 before a step"
    KILL_AFTER = "kill -9 after a step"
    FREEZE = "freeze (SIGSTOP, then SIGCONT)"
    SLOW = "slow connections"
    RESET = "answers cut in the middle"
    AWAY = "connections refused"
    ERRORS = "10 % of calls answered with an error"
    NO_WRITES = "no file can be written"
    FULL = "disk full"
    CLOCK = "clock set to another time, and back"
    NO_GPU = "no GPU to be had"
    POISON = "a poisoned photo"
    LOST = "notifications lost"
    LAUNCHERS = "launchers at once"
    REPEAT = "messages delivered again"
    OLD = "an old version's message after the new one's"
    OVERWRITE = "overwritten during analysis"
    DELETE = "deleted during analysis"
    COPIES = "the same bytes under other names"


NEEDING_ABILITIES = {
    Kind.FULL: "mounting a small disk needs the rights of root",
    Kind.CLOCK: "shifting a process's clock needs a C compiler",
}
"""Kinds of faults that not every machine can make, and why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    kind: Kind
    target: str
    """A process, a server, a step, or how many photos."""
    seconds: float = 0.0
    """How long it lasts."""
    amount: float = 0.0
    """Seconds of delay, share of answers, seconds by which a clock is wrong, or number of photos, kills or calls."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Faults that happen together, and the seed of whatever else is drawn."""

    faults: tuple[Fault, ...]
    seed: int


def outages(seed: int, pieces: Sequence[str], *, freeze_s: float, abilities: Collection[Kind] = ()) -> Iterator[Outage]:
    """Without end, in rounds: each fault once, alone and in random order; between them a few, or a crowd, at once.

    A photo that hangs its tasks comes alone: all others wait for it for minutes.

    `pieces` are the processes of the cloud; a task that is frozen for `freeze_s` has lost its messages and its lease.
    `abilities`: kinds of faults that not every machine can make, and this one can.
    """
    dice = random.Random(seed)
    while True:
        each = every_fault(dice, pieces, freeze_s, abilities)
        dice.shuffle(each)
        for fault in each:
            yield Outage((fault,), dice.getrandbits(32))
            for at_least, at_most in (_CROWD, _FEW, _CROWD):
                together = [one for one in every_fault(dice, pieces, freeze_s, abilities) if one.target != HANG]
                drawn = dice.sample(together, dice.randint(at_least, at_most))
                yield Outage(tuple(_once(drawn)), dice.getrandbits(32))


def every_fault(
    dice: random.Random, pieces: Sequence[str], freeze_s: float, abilities: Collection[Kind]
) -> list[Fault]:
    """One fault of each kind and target; how long and how much is drawn."""
    faults = [
        Fault(kind=Kind.KILL, target=target, amount=dice.randint(1, 3), seconds=dice.uniform(2, 10))
        for target in (TASK, *pieces)
    ]
    faults.append(Fault(kind=Kind.KILL, target=SUPERVISOR, amount=1))
    for step in STEPS:
        faults.append(Fault(kind=Kind.KILL_BEFORE, target=step))
        faults.append(Fault(kind=Kind.KILL_AFTER, target=step))
    faults.append(Fault(kind=Kind.FREEZE, target=TASK, seconds=freeze_s + dice.uniform(0, 4)))
    for server in SERVERS:
        faults += [
            Fault(kind=Kind.FREEZE, target=server, seconds=dice.uniform(1, 6)),
            Fault(kind=Kind.SLOW, target=server, seconds=dice.uniform(3, 8), amount=dice.uniform(0.05, 2)),
            Fault(kind=Kind.RESET, target=server, seconds=dice.uniform(3, 8), amount=dice.uniform(0.05, 0.5)),
            Fault(kind=Kind.AWAY, target=server, seconds=dice.uniform(1, 12)),
            Fault(kind=Kind.ERRORS, target=server, seconds=dice.uniform(4, 12), amount=0.1),
        ]
    faults += [Fault(kind=Kind.NO_WRITES, target=target, seconds=dice.uniform(1, 4)) for target in _WRITERS]
    faults += [Fault(kind=Kind.FULL, target=DISK, seconds=dice.uniform(2, 6))]
    for clock in CLOCKS:
        wrong_s = dice.choice((-1, 1)) * 10 ** dice.uniform(0, 4)
        faults.append(Fault(kind=Kind.CLOCK, target=clock, seconds=dice.uniform(3, 12), amount=wrong_s))
    faults += [Fault(kind=Kind.REPEAT, target=f"{times} times", amount=times) for times in (2, 10)]
    faults += [
        Fault(kind=Kind.NO_GPU, target=refused, seconds=dice.uniform(3, 12)) for refused in ("launch", "execution")
    ]
    faults += [Fault(kind=Kind.POISON, target=poison, amount=1) for poison in POISONS]
    faults.append(Fault(kind=Kind.LAUNCHERS, target="launch-workers", amount=dice.randint(4, 12)))
    for kind in (Kind.OLD, Kind.OVERWRITE, Kind.DELETE, Kind.COPIES, Kind.LOST):
        photos = dice.randint(1, 4)
        faults.append(Fault(kind=kind, target="photos", amount=photos))
    return [fault for fault in faults if fault.kind not in NEEDING_ABILITIES or fault.kind in abilities]


def _once(faults: Sequence[Fault]) -> Iterator[Fault]:
    """At most one of each target: a process that is frozen is not killed as well, a proxy does one thing at a time."""
    targets: set[str] = set()
    for fault in faults:
        target = _process_of(fault.target)
        if target not in targets or target == "photos":
            targets.add(target)
            yield fault


def _process_of(target: str) -> str:
    """The name under which a target is both slow and killed."""
    return "storage" if target == "fake-gcs-server" else target
