"""Which faults happen, in which order: decided by a seed, without looking at anything that runs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
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
_TOGETHER = (1, 1, 2, 3)


class Kind(StrEnum):
    """What is done to a cloud."""

    KILL = "kill -9"
    KILL_BEFORE = "kill -9 before a step"
    KILL_AFTER = "kill -9 after a step"
    FREEZE = "freeze (SIGSTOP, then SIGCONT)"
    SLOW = "slow connections"
    RESET = "answers cut in the middle"
    AWAY = "connections refused"
    REPEAT = "messages delivered again"
    OLD = "an old version's message after the new one's"
    OVERWRITE = "overwritten during analysis"
    DELETE = "deleted during analysis"
    COPIES = "the same bytes under other names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    kind: Kind
    target: str
    """A process, a server, a step, or how many photos."""
    seconds: float = 0.0
    """How long it lasts."""
    amount: float = 0.0
    """Seconds of delay, share of answers, or number of photos."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Faults that happen together, and the seed of whatever else is drawn."""

    faults: tuple[Fault, ...]
    seed: int


def outages(seed: int, pieces: Sequence[str], *, freeze_s: float) -> Iterator[Outage]:
    """Without end: first each fault once, in random order, then one to three at a time.

    `pieces` are the processes of the cloud; a task that is frozen for `freeze_s` has lost its messages and its lease.
    """
    dice = random.Random(seed)
    each = every_fault(dice, pieces, freeze_s)
    dice.shuffle(each)
    for fault in each:
        yield Outage((fault,), dice.getrandbits(32))
    while True:
        number = dice.choice(_TOGETHER)
        drawn = dice.sample(every_fault(dice, pieces, freeze_s), number)
        yield Outage(tuple(_once(drawn)), dice.getrandbits(32))


def every_fault(dice: random.Random, pieces: Sequence[str], freeze_s: float) -> list[Fault]:
    """One fault of each kind and target; how long and how much is drawn."""
    faults = [Fault(kind=Kind.KILL, target=target) for target in (TASK, SUPERVISOR, *pieces)]
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
        ]
    faults += [Fault(kind=Kind.REPEAT, target=f"{times} times", amount=times) for times in (2, 10)]
    for kind in (Kind.OLD, Kind.OVERWRITE, Kind.DELETE, Kind.COPIES):
        photos = dice.randint(1, 4)
        faults.append(Fault(kind=kind, target="photos", amount=photos))
    return faults


def _once(faults: Sequence[Fault]) -> Iterator[Fault]:
    """At most one of each target: a process that is frozen is not killed as well, a proxy does one thing at a time."""
    targets: set[str] = set()
    for fault in faults:
        if fault.target not in targets or fault.target == "photos":
            targets.add(fault.target)
            yield fault
