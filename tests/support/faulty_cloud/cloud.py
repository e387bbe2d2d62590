"""A local cloud whose functions and tasks reach its servers through proxies, and whose processes can be hurt."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil

from photofinish_cli.local_deployment import local_deployment, local_environment
from photofinish_emulators import stack
from photofinish_emulators.postgres import Postgres
from photofinish_emulators.stack import state
from photofinish_emulators.stack.layout import PROVISION, VARIABLES
from photofinish_emulators.stack.ports import kept_ports
from support.faulty_cloud.schedule import SERVERS, SUPERVISOR, TASK
from support.local_stack import EMULATOR_VARIABLES
from support.tcp_proxy import TcpProxy
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
}
INTERVALS_S = {"photofinish-sweep": 5, "photofinish-reconcile": 15, "photofinish-retention": 20}
_NOT_KILLED = {PROVISION, "migrate", "api-key"}  # which run once, at the start
_START_S = 300.0


class FaultyCloud:
    """One local cloud in processes of its own, in a folder that nothing else uses."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.state_dir = folder / "state"
        self.deaths = folder / "deaths"
        self.deaths.mkdir(parents=True)
        self.proxies = {
            name: TcpProxy(lambda name=name: kept_ports(self.state_dir)[name], seed=seed) for name in SERVERS
        }
        self.environ = {name: value for name, value in os.environ.items() if name not in EMULATOR_VARIABLES}
        self._spec: stack.StackSpec | None = None

    def start(self) -> None:
        """Start it, or go on after its supervisor was killed."""
        self._spec = self._spec or self._described()
        stack.start_detached(self._spec, self.state_dir, environ=self.environ, timeout_s=_START_S)

    def stop(self) -> None:
        stack.stop(self.state_dir)
        for proxy in self.proxies.values():
            proxy.close()

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
        """The whole deployment; only its addresses, its task's program and its intervals differ."""
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
            env=dict(spec.env) | addresses,
            jobs=tuple(replace(job, command=command) if job.name == "analyze" else job for job in spec.jobs),
            schedules=tuple(
                replace(each, interval_s=INTERVALS_S.get(each.name, each.interval_s)) for each in spec.schedules
            ),
        )


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
