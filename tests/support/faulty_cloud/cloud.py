"""A local cloud whose functions and tasks reach its servers through proxies, and whose processes can be hurt."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
import psycopg
import requests

from photofinish_cli.local_deployment import local_deployment, local_environment
from photofinish_emulators import stack
from photofinish_emulators.postgres import Postgres
from photofinish_emulators.run_jobs.quotas import QUOTAS_FILE
from photofinish_emulators.stack import state
from photofinish_emulators.stack.layout import PROVISION, VARIABLES
from photofinish_emulators.stack.ports import kept_ports
from photofinish_emulators.stack.schedules import http_request
from support.faulty_cloud.clocks import ShiftedClock, clock_library
from support.faulty_cloud.disks import SmallDisk, forbid_writing
from support.faulty_cloud.failing_calls import FailingCalls
from support.faulty_cloud.schedule import CLOCKS, SERVERS, SUPERVISOR, TASK, Fault, Kind
from support.local_stack import EMULATOR_VARIABLES
from support.tcp_proxy import CALM, TcpProxy, Weather
from support.waiting import wait_until

TASK_PROGRAM = Path(__file__).with_name("dying_task.py")
ACK_DEADLINE_S, HEARTBEAT_S = 10, 2
FREEZE_S = ACK_DEADLINE_S + 3 * HEARTBEAT_S
"""A task that is frozen for longer has lost its messages and its lease."""
# Short times, so that a cloud heals soon; what they are for does not depend on how long they are.
SETTINGS = {
    "PHOTOFINISH_ACK_DEADLINE_S": str(ACK_DEADLINE_S),
    "PHOTOFINISH_HEARTBEAT_S": str(HEARTBEAT_S),
    "PHOTOFINISH_IDLE_EXIT_S": "8",
    "PHOTOFINISH_STALE_AFTER_S": "60",
    "PHOTOFINISH_LAUNCH_LEASE_S": "30",
    "PHOTOFINISH_BATCH_SIZE": "4",
    "PHOTOFINISH_MAX_GPU_TASKS": "2",
    "PHOTOFINISH_PHOTOS_PER_TASK": "20",
    "PHOTOFINISH_THREADS": "1",
    # Tasks that ask for a GPU run on the CPU: so there is a quota of GPUs to take away.
    "PHOTOFINISH_PROCESSOR": "gpu",
    "PHOTOFINISH_SIMULATE_GPU": "true",
    # A task that hangs on a photo is ended after a quarter of it.
    "PHOTOFINISH_TASK_TIMEOUT_S": "320",
}
DISK_BYTES = 3 * 2**30
INTERVALS_S = {"photofinish-sweep": 5, "photofinish-reconcile": 15, "photofinish-retention": 20}
_NOT_KILLED = {PROVISION, "migrate", "api-key"}  # which run once, at the start
_START_S = 300.0
_STARTS = 3
_Act = Callable[[], object]
_DISTURB = """
SELECT count(CASE WHEN %(ends)s THEN pg_terminate_backend(pid) ELSE pg_cancel_backend(pid) END)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'active%%' AND random() < %(share)s
"""


class FaultyCloud:
    """One local cloud in processes of its own, in a folder that nothing else uses."""

    def __init__(self, folder: Path, seed: int, *, with_small_disk: bool = False) -> None:
        """`with_small_disk`: on a file system of its own, which can be filled, where this process may mount one."""
        folder.mkdir(parents=True, exist_ok=True)
        self.disk = SmallDisk.mounted(folder / "disk", DISK_BYTES) if with_small_disk else None
        self.state_dir = (folder if self.disk is None else self.disk.folder) / "state"
        self.deaths = folder / "deaths"
        self.deaths.mkdir()
        library = clock_library(folder)
        self.clocks = {} if library is None else {name: ShiftedClock(library, folder / name) for name in CLOCKS}
        self.proxies = {name: TcpProxy(partial(self._upstream, name), seed=seed) for name in SERVERS}
        self.environ = {name: value for name, value in os.environ.items() if name not in EMULATOR_VARIABLES}
        self._failing: dict[str, FailingCalls] = {}
        self._spec: stack.StackSpec | None = None

    @property
    def abilities(self) -> set[Kind]:
        """Those kinds of faults that not every machine can make, and this one can."""
        return {kind for kind, can in ((Kind.FULL, self.disk), (Kind.CLOCK, self.clocks)) if can}

    def start(self) -> None:
        """Start it, or go on after its supervisor was killed."""
        self._spec = self._spec or self._described()
        for tries_left in reversed(range(_STARTS)):
            try:
                stack.start_detached(self._spec, self.state_dir, environ=self.environ, timeout_s=_START_S)
                return
            except stack.StackFailed:  # a busy machine takes longer than a piece may
                if not tries_left:
                    raise

    def stop(self) -> None:
        stack.stop(self.state_dir)
        for proxy in self.proxies.values():
            proxy.close()
        if self.disk is not None:
            self.disk.unmount()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start it, name it by this process's environment (without the proxies), and stop it."""
        self.start()
        before = dict(os.environ)
        os.environ.update(local_environment(self.state_dir))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            self.stop()

    @property
    def pieces(self) -> list[str]:
        """Names of the processes that run all the time."""
        return sorted(
            name for name, piece in stack.pieces(self.state_dir).items() if name not in _NOT_KILLED and piece.log
        )

    def tasks(self) -> list[psutil.Process]:
        """The analysis tasks that run now."""
        return [child for child in self._processes("run-jobs")[1:] if str(TASK_PROGRAM) in _command_line(child)]

    def kill(self, target: str, dice: random.Random) -> bool:
        """Kill a process of `target`, or one of its children; False where none runs."""
        if target == SUPERVISOR:
            return self._kill_supervisor()
        processes = self.tasks() if target == TASK else self._processes(target)
        if not processes:
            return False
        with suppress(psutil.NoSuchProcess):
            dice.choice(processes).send_signal(signal.SIGKILL)
            return True
        return False

    def freeze(self, target: str) -> list[psutil.Process]:
        """Stop the processes of `target` where they are; return them, for :meth:`thaw`."""
        if target == TASK:
            processes = [process for task in self.tasks() for process in (task, *_children(task))]
        else:
            processes = self._processes(target)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        return processes

    @staticmethod
    def thaw(processes: list[psutil.Process]) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    @contextmanager
    def failing_calls(self, server: str, share: float, seed: int) -> Iterator[FailingCalls]:
        """Answer a share of the calls of a server with errors. Its connections are cut at both ends."""
        failing = FailingCalls(kept_ports(self.state_dir)[server], share, seed, is_grpc=server != "storage")
        self._failing[server] = failing
        try:
            self._reconnect(server)
            yield failing
        finally:
            del self._failing[server]
            self._reconnect(server)
            failing.close()

    @contextmanager
    def surrounded_by(self, fault: Fault) -> Iterator[None]:
        """A full disk, a wrong clock, or no GPU, for as long as the block lasts."""
        begin, end = {
            Kind.FULL: self._full_disk,
            Kind.CLOCK: partial(self._wrong_clock, fault),
            Kind.NO_GPU: partial(self._no_gpus, fault.target),
        }[fault.kind]()
        try:
            begin()
            yield
        finally:
            end()

    def _full_disk(self) -> tuple[_Act, _Act]:
        assert self.disk is not None
        return self.disk.fill, self.disk.free

    def _wrong_clock(self, fault: Fault) -> tuple[_Act, _Act]:
        clock = self.clocks[fault.target]
        return partial(clock.shift, fault.amount), partial(clock.shift, 0)

    def _no_gpus(self, refused: str) -> tuple[_Act, _Act]:
        """`refused` is where: the "launch" of an execution, or later the "execution" itself."""
        file = self.state_dir / "run-jobs" / QUOTAS_FILE
        text = json.dumps({"gpus": 0, "gpu_refusal": refused})
        return partial(file.write_text, text), partial(file.unlink, missing_ok=True)

    def disturb_database(self, share: float, chance: float) -> int:
        """End sessions at work with this chance, or cancel their statements; return how many it were."""
        assert self._spec is not None
        postgres = Postgres(directory=self.state_dir / "postgres", port=kept_ports(self.state_dir)["postgres"])
        try:
            with psycopg.connect(postgres.url(self._spec.postgres_database or ""), autocommit=True) as connection:
                found = connection.execute(_DISTURB, {"share": share, "ends": chance < 0.5}).fetchone()
        except psycopg.Error:
            return 0
        return int(found[0]) if found else 0

    def forbid_writing(self, target: str) -> int:
        """Let the processes of `target` write no file; return how many there are. `disks.permit_writing` ends it."""
        return forbid_writing(self._processes(target))

    def launch(self) -> None:
        """Ask the launcher to look for work, as the scheduled sweep does."""
        assert self._spec is not None
        function = next(one for one in self._spec.functions if one.name == "launch-workers")
        sweep = next(one for one in self._spec.schedules if one.name == "photofinish-sweep")
        headers, body = http_request(self._spec, sweep, function, datetime.now(UTC))
        with suppress(requests.RequestException):
            requests.post(stack.pieces(self.state_dir)[function.name].address, data=body, headers=headers, timeout=60)

    def _upstream(self, server: str) -> int:
        """The port that a proxy passes connections on to."""
        failing = self._failing.get(server)
        return kept_ports(self.state_dir)[server] if failing is None else failing.port

    def _reconnect(self, server: str) -> None:
        self.proxies[server].become(Weather(refuses=True))
        self.proxies[server].become(CALM)

    def is_whole(self) -> bool:
        """Whether every piece runs."""
        states = {piece.state for piece in stack.pieces(self.state_dir).values()}
        return stack.is_running(self.state_dir) and states <= {"ready", "done", "external"}

    def heal(self) -> None:
        """Wait until every piece runs; start the supervisor again where it has ended."""

        def heals() -> bool:
            if not stack.is_running(self.state_dir):
                self.start()
            return self.is_whole()

        wait_until(heals, "every piece of the local cloud runs", timeout_s=_START_S)

    def _kill_supervisor(self) -> bool:
        status = state.read(self.state_dir)
        if status is None or not status.is_running:
            return False
        os.kill(status.supervisor.pid, signal.SIGKILL)
        wait_until(lambda: not stack.is_running(self.state_dir), "the killed supervisor has ended")
        return True

    def _processes(self, name: str) -> list[psutil.Process]:
        """The process of a piece, and all below it."""
        piece = stack.pieces(self.state_dir).get(name)
        try:
            root = psutil.Process(piece.pid) if piece is not None and piece.pid else None
        except psutil.NoSuchProcess:
            root = None
        return [] if root is None else [root, *_children(root)]

    def _described(self) -> stack.StackSpec:
        """The whole deployment, but for the functions that only answer requests, which have no part in an analysis.

        Its addresses, its task's program and its intervals differ, too.
        """
        postgres = Postgres(directory=self.state_dir / "postgres", port=self.proxies["postgres"].port)
        postgres.prepare()
        spec = local_deployment(self.state_dir, self.environ | SETTINGS)
        assert spec.postgres_database is not None
        addresses = {
            VARIABLES["postgres"]: postgres.url(spec.postgres_database),
            VARIABLES["firestore"]: f"127.0.0.1:{self.proxies['firestore'].port}",
            VARIABLES["pubsub"]: f"127.0.0.1:{self.proxies['pubsub'].port}",
            VARIABLES["storage"]: f"http://127.0.0.1:{self.proxies['storage'].port}",
        }
        command = (sys.executable, "-I", "-u", "-B", str(TASK_PROGRAM), str(self.deaths))
        return replace(
            spec,
            functions=tuple(function for function in spec.functions if function.signature == "cloudevent"),
            env=dict(spec.env) | addresses | self._clock_of("functions"),
            jobs=tuple(
                replace(job, command=command, env=dict(job.env) | self._clock_of("tasks"))
                if job.name == "analyze"
                else job
                for job in spec.jobs
            ),
            schedules=tuple(
                replace(each, interval_s=INTERVALS_S.get(each.name, each.interval_s)) for each in spec.schedules
            ),
        )

    def _clock_of(self, processes: str) -> dict[str, str]:
        clock = self.clocks.get(f"clock of {processes}")
        return {} if clock is None else clock.environment


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []
