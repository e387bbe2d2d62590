"""Tasks in virtual time: real worker, keeper, pipeline and commit on ports in memory that fail as a seed says.

One thread does everything, so a run is the same each time. A frozen task is one call that returns late: another task
runs to its end meanwhile.
"""

from __future__ import annotations

import queue
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import TracebackType
from typing import Any, Self

from photofinish.adapters.memory.clock import VirtualClock
from photofinish.adapters.memory.failing import before_call
from photofinish.adapters.memory.work import MemoryTaskLeases, MemoryWorkQueue
from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.application.commit import Committer
from photofinish.application.dead_letters import record_given_up
from photofinish.application.unindexing import unindex_without_result
from photofinish.clocks import Waitable
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import derived_of, preview_name, sidecar_name, thumbnail_name
from photofinish.domain.work import is_version
from photofinish.errors import Unavailable
from photofinish.ports import WorkItem
from photofinish.settings import JobSettings
from photofinish_jobs.lease_keeper import LeaseKeeper
from photofinish_jobs.pipeline import Commit, Pipeline
from photofinish_jobs.rules import RecentRules
from photofinish_jobs.worker import Worker
from support.crashing import Killed
from support.pipeline import VIDEO_HEAD, DecodedToy, MemoryCloud, ToyAnalyzer, ToyVideos, toy_photo, toy_video

ACK_DEADLINE_S, RETRY_DELAY_S, MAX_ATTEMPTS = 60.0, 10.0, 20
HOLD_LIMIT_S = 200.0

# What a photo's file does to the task that analyses it, and how it ends.
GOOD, BAD, BREAKING, KILLING, HANGING = b"{", b"not a picture", b"poison", b"poison: kill", b"poison: hang"
VIDEO, BAD_VIDEO = VIDEO_HEAD + b"{", VIDEO_HEAD + b"broken"
ENDS = {
    GOOD: PhotoStatus.DONE,
    BAD: PhotoStatus.REJECTED,
    VIDEO: PhotoStatus.DONE,
    BAD_VIDEO: PhotoStatus.REJECTED,
    BREAKING: PhotoStatus.FAILED,
    KILLING: PhotoStatus.FAILED,
    HANGING: PhotoStatus.FAILED,
}


class Fault(StrEnum):
    """What happens at one call of a port."""

    KILL_BEFORE = "kill before"
    KILL_AFTER = "kill after"
    AWAY = "unavailable"
    AWAY_AFTER = "unavailable after it took effect"
    BUG = "an unexpected error"
    FREEZE = "frozen before, while another task runs"


def content_of(kind: bytes, number: int) -> bytes:
    if kind == VIDEO:
        return toy_video(bibs=[str(number)], lasts_s=500)
    return toy_photo(bibs=[str(number)]) if kind == GOOD else kind + b" %d" % number


@dataclass
class Task:
    """One task's process: its calls of ports are counted, and some of them fail."""

    cloud: SimulatedCloud
    faults: Mapping[int, Fault]
    """Number of the call → fault."""
    calls: int = 0
    is_dead: bool = False
    is_frozen: bool = False
    together: list[set[bytes]] = field(default_factory=list)
    """The contents of each batch that was analysed."""

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.is_dead:
            raise Killed
        self.calls += 1
        fault = self.faults.get(self.calls)
        if fault is Fault.KILL_BEFORE:
            self.die()
        if fault is Fault.FREEZE:
            self.cloud.freeze(self)
        if fault is Fault.AWAY:
            raise Unavailable("the service is away")
        if fault is Fault.BUG:
            raise RuntimeError("a bug of the service")
        result = method(*args, **kwargs)
        if fault is Fault.KILL_AFTER:
            self.die()
        if fault is Fault.AWAY_AFTER:
            raise Unavailable("the answer was lost")
        return result

    def die(self) -> None:
        self.is_dead = True
        raise Killed

    # The clock of this process: it stands still for a frozen one.

    def now(self) -> float:
        return self.cloud.clock.now()

    def wait(self, waitable: Waitable, timeout_s: float) -> None:
        self.cloud.clock.wait(waitable, timeout_s)

    @contextmanager
    def every(self, interval_s: float, act: Callable[[], object], *, name: str) -> Iterator[None]:
        def unless_frozen() -> None:
            if not self.is_frozen and not self.is_dead:
                act()

        with self.cloud.clock.every(interval_s, unless_frozen, name=name):
            yield


class Port:
    """A port as one task calls it."""

    def __init__(self, port: Any, task: Task) -> None:
        self._port = port
        self._task = task

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        return partial(self._task.call, attribute) if callable(attribute) else attribute


class InlinePipeline(Pipeline):
    """The steps of the real pipeline in one thread, in an order that `chance` chooses."""

    def __init__(self, task: Task, store: Any, rules: RecentRules, analyzer: Any, commit: Commit) -> None:
        super().__init__(
            store,
            rules,
            analyzer,
            ToyVideos,
            commit,
            parts=Port(task.cloud.video_parts, task),  # type: ignore[arg-type]
            documents=Port(task.cloud.documents, task),  # type: ignore[arg-type]
            clock=task,
        )
        self._task = task
        self._chance = task.cloud.chance
        self._is_stepping = False

    def __enter__(self) -> Self:
        self._ticking = self._task.every(0.5, self._step, name="pipeline")
        self._ticking.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.wait_until_at_most(0)
        finally:
            self._ticking.__exit__(None, None, None)

    def wait_until_at_most(self, photos: int) -> None:
        while self.in_flight > photos:
            assert self._step(), "no photo in flight moves"

    def _step(self) -> bool:
        """One step of one photo; steps go on while a task waits for messages, but not in each other."""
        if self._is_stepping:
            return True
        ready = [(waiting, step) for _, waiting, _, step in self._stages if self._may_step(waiting)]
        if not ready:
            return False
        waiting, step = self._chance.choice(ready)
        self._is_stepping = True
        try:
            self._task.cloud.clock.advance(self._chance.uniform(0, 1))
            photo = waiting.get_nowait()
            assert photo is not None
            step(photo)
        finally:
            self._is_stepping = False
        return True

    def _may_step(self, waiting: queue.Queue[Any]) -> bool:
        if waiting is self._to_fetch and self._to_decode.full():
            return False
        if waiting is self._to_decode and self._pixels + DecodedToy.pixels > self._pixel_budget:
            return False
        return not waiting.empty()


class FatalAnalyzer(ToyAnalyzer):
    """Analyses toy photos, of which some end or hang their process."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
        self._task.together.append({photo.content for photo in photos})
        for photo in photos:
            if photo.content.startswith(KILLING):
                self._task.die()
            while photo.content.startswith(HANGING):
                self._task.cloud.clock.advance(10)
        return super().analyze_decoded(photos)


class SimulatedCloud(MemoryCloud):
    """All stores in memory, one virtual clock, and tasks that run one after the other or while another is frozen."""

    clock: VirtualClock

    def __init__(self, seed: int = 0) -> None:
        clock = VirtualClock()
        self.chance = random.Random(seed)
        super().__init__(
            queue=MemoryWorkQueue(ACK_DEADLINE_S, RETRY_DELAY_S, max_attempts=MAX_ATTEMPTS, clock=clock),
            leases=MemoryTaskLeases(clock),
            clock=clock,
        )
        before_call(self.events.publish_result, self._check_told)
        before_call(self.queue.publish, self._check_recorded)
        self.tasks: list[Task] = []
        self.wrong_order: list[str] = []
        self.dropped: dict[str, tuple[PhotoRef, bytes]] = {}
        """The newest version of each object, and what it does."""

    def _check_told(self, photo: PhotoRef, status: PhotoStatus) -> None:
        state = self.documents.states([photo]).get(photo)
        if status is not PhotoStatus.QUEUED and is_version(state, photo) and state.status is not status:
            self.wrong_order.append(f"{photo.name} was told to be {status} while its document says {state.status}")

    def _check_recorded(self, items: Sequence[WorkItem], *, lane: Lane = Lane.PROMPT) -> None:
        del lane
        recorded = self.documents.states([item.photo for item in items])
        self.wrong_order += [f"{one.photo.name} was queued, not recorded" for one in items if one.photo not in recorded]

    def drop_kind(self, name: str, kind: bytes) -> PhotoRef:
        photo = self.drop(name, content_of(kind, len(self.tasks)))
        self.dropped[name] = (photo.ref, kind)
        return photo.ref

    def run_task(self, faults: Mapping[int, Fault] | None = None, *, batch_size: int = 4) -> Task:
        """Run one task until it ends, whatever ends it."""
        task = Task(self, faults or {})
        self.tasks.append(task)
        settings = JobSettings.model_construct(batch_size=batch_size, idle_exit_s=5.0, task_timeout_s=3600.0)
        ports = {name: Port(getattr(self, name), task) for name in ("store", "index", "documents", "events", "queue")}
        keeper = LeaseKeeper(
            ports["queue"],  # type: ignore[arg-type]
            Port(self.leases, task),  # type: ignore[arg-type]
            f"task-{len(self.tasks)}/0",
            ack_deadline_s=int(ACK_DEADLINE_S),
            heartbeat_s=10.0,
            hold_limit_s=HOLD_LIMIT_S,
            on_hanging=lambda _: task.die(),
            clock=task,
        )
        committer = Committer(
            ports["store"],  # type: ignore[arg-type]
            ports["index"],  # type: ignore[arg-type]
            ports["documents"],  # type: ignore[arg-type]
            ports["events"],  # type: ignore[arg-type]
            Port(self.tombstones, task),  # type: ignore[arg-type]
            ports["store"],  # type: ignore[arg-type]
            Port(self.admission, task),  # type: ignore[arg-type]
            Port(self.album_policies, task),  # type: ignore[arg-type]
            Port(self.video_parts, task),  # type: ignore[arg-type]
        )

        def load_pipeline(commit: Commit) -> Pipeline:
            rules = RecentRules(Port(self.album_rules, task))  # type: ignore[arg-type]
            return InlinePipeline(task, ports["store"], rules, FatalAnalyzer(task), commit)

        try:
            Worker(keeper, committer, load_pipeline, settings).run()
        except (Killed, Unavailable, RuntimeError):
            task.is_dead = True
        return task

    def freeze(self, task: Task) -> None:
        """Let time pass a task's deadlines and its lease, and another task take over."""
        task.is_frozen = True
        self.clock.advance(ACK_DEADLINE_S + 40)
        if sum(other.is_frozen for other in self.tasks) < 3:
            self.run_task()
        self.fail_dead_letters()
        task.is_frozen = False

    def fail_dead_letters(self) -> None:
        while self.queue.dead_letters:
            item = self.queue.dead_letters.pop()
            record_given_up(item.photo, attempts="20", documents=self.documents, events=self.events)
            unindex_without_result(item.photo, PhotoStatus.FAILED, self.documents, self.index)

    def settle(self) -> None:
        """Run undisturbed tasks until nothing is left to do."""
        for _ in range(200):
            if not len(self.queue):
                break
            self.run_task()
            self.clock.advance(ACK_DEADLINE_S + 40)
            self.queue.pull(0, timeout_s=0)  # moves what was delivered too often to the dead letters
            self.fail_dead_letters()
        self.clock.advance(60)

    def problems(self, *, told_once: bool = True) -> list[str]:
        """What is wrong in the stores when nothing is left to do; empty where every photo is in one final state.

        `told_once`: no photo was queued again, so its events tell one end.
        """
        found = list(self.wrong_order)
        if len(self.queue):
            found.append(f"{len(self.queue)} messages are left")
        if live := self.leases.live():
            found.append(f"{live} leases are left")
        for name, (ref, kind) in self.dropped.items():
            found += [f"{name} ({kind.decode()}): {problem}" for problem in self._problems_of(ref, kind, told_once)]
        return found

    def _problems_of(self, ref: PhotoRef, kind: bytes, told_once: bool) -> Iterator[str]:
        record = self.documents.get(ref.album, ref.photo_id)
        if record is None or record.ref != ref:
            yield f"its document is of {record and record.ref}"
            return
        if record.status is not ENDS[kind]:
            yield f"its status is {record.status}, not {ENDS[kind]}: {record.fields.get('last_error')}"
            return
        is_done = record.status is PhotoStatus.DONE
        if "open_attempts" in record.fields:
            yield "an attempt is open"
        indexed = self.index.indexed(ref.photo_id)
        if is_done and (indexed is None or indexed.photo != ref):
            yield f"it is done, but the index has {indexed and indexed.photo}"
        if not is_done and indexed is not None and indexed.photo == ref:
            yield "it has no result, but the index has one"
        version = ToyAnalyzer.pipeline_version
        objects = {one for one in self.store.derived if ref.photo_id in one}
        if is_done and objects != {made(ref, version) for made in (sidecar_name, preview_name, thumbnail_name)}:
            yield f"it is done, but the bucket has {sorted(objects)}"
        generations = [named[1] for one in objects if (named := derived_of(one))]
        if not is_done and ref.generation in generations:
            yield f"it has no result, but the bucket has {sorted(objects)}"
        told = [status for photo, status in self.events.published if photo == ref]
        if not told or told[-1] is not record.status:
            yield f"it is {record.status}, but its last event is {told[-1:]}"
        final = list(dict.fromkeys(status for status in told if status is not PhotoStatus.QUEUED))
        if told_once and final not in ([record.status], [PhotoStatus.FAILED, record.status]):
            yield f"its events tell several ends: {final}"
