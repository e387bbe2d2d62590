"""The supervisor's components, with real processes and sockets: spec, ports, restarts, orphans, schedules."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from photofinish_emulators import stack
from photofinish_emulators.common.bounded_log import BoundedLog, older
from photofinish_emulators.common.processes import identify, is_alive
from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.stack import (
    Bucket,
    Event,
    Function,
    Notification,
    Schedule,
    StackFailed,
    StackSpec,
    Subscription,
    Topic,
    failure,
    supervisor,
)
from photofinish_emulators.stack.ports import RANGE, hold, take_ports
from photofinish_emulators.stack.process import Piece, ReadyAnswer, ReadyExit, ReadyLine, end_orphans
from photofinish_emulators.stack.schedules import run_schedules
from photofinish_emulators.stack.state import PieceStatus, StackStatus
from photofinish_emulators.stack.supervisor import Supervisor
from support.local_stack import tiny_spec
from support.pubsub_server import PubsubServer, ack, bodies, pull
from support.waiting import wait_until


def test_a_spec_survives_json(tmp_path: Path) -> None:
    spec = replace(
        tiny_spec(tmp_path),
        firestore_indexes=tmp_path / "indexes.json",
        page_origins=("https://a.example",),
        env={"A": "1"},
        gpu_quota=3,
    )
    assert StackSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"subscriptions": (Subscription(name="sub", topic="nowhere"),)}, "no topic 'nowhere'"),
        ({"subscriptions": (Subscription(name="sub", topic="t", push_to="gone"),)}, "no function 'gone'"),
        ({"buckets": (Bucket(name="b", notifications=(Notification(topic="nowhere"),)),)}, "no topic 'nowhere'"),
        ({"buckets": (Bucket(name="b"), Bucket(name="b"))}, "bucket 'b' is defined twice"),
        ({"schedules": (Schedule(name="s", interval_s=1),)}, "either a function or a topic"),
        ({"functions": (Function(name="pubsub", source=Path("m.py"), target="f"),)}, "called 'pubsub'"),
    ],
)
def test_an_inconsistent_spec_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StackSpec(project="p", topics=(Topic(name="t"),), **fields)  # type: ignore[arg-type]


def test_ports_are_chosen_once(tmp_path: Path) -> None:
    with ExitStack() as held:
        first = take_ports(tmp_path, ["a", "b"], held)
    assert len(set(first.values())) == 2
    assert all(port in RANGE for port in first.values())
    with ExitStack() as held:
        again = take_ports(tmp_path, ["b", "c"], held)
    assert again["b"] == first["b"]
    assert again["c"] not in first.values()


def test_a_port_is_reserved_before_its_server_listens_and_after_it_has_ended(tmp_path: Path) -> None:
    with ExitStack() as held:
        port = take_ports(tmp_path, ["storage"], held)["storage"]
        for _ in range(2):  # the server is restarted
            with pytest.raises(OSError, match="in use"):
                hold(port)
            with socket.create_server(("127.0.0.1", port)):
                socket.create_connection(("127.0.0.1", port)).close()
    assert take_ports(tmp_path, ["storage"], held) == {"storage": port}
    held.close()


def test_a_kept_port_that_is_taken_is_reported_with_the_process_that_has_it(tmp_path: Path) -> None:
    with ExitStack() as held:
        port = take_ports(tmp_path, ["storage"], held)["storage"]
    with (
        socket.create_server(("127.0.0.1", port)),
        ExitStack() as held,
        pytest.raises(CannotServe, match=f"port {port}, which storage of.*process {os.getpid()}"),
    ):
        take_ports(tmp_path, ["storage"], held)
    with ExitStack() as held:
        assert take_ports(tmp_path, ["storage"], held) == {"storage": port}


def test_a_log_keeps_its_newest_output_within_its_bound(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "log", max_bytes=100)
    for number in range(100):
        log.write(f"{number:09}\n".encode())
    log.close()
    kept = (older(log.path).read_bytes() + log.path.read_bytes()).split()
    assert len(kept) <= 20
    assert [int(line) for line in kept] == list(range(100 - len(kept), 100))


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ignores SIGTERM, in its own session."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_an_orphan_that_ignores_sigterm_is_killed(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identify(sleeper.pid)
    assert identity is not None
    asyncio.run(end_orphans([identity], timeout_s=0.2))
    assert not is_alive(identity)
    assert sleeper.wait() == -signal.SIGKILL


def test_a_process_that_reuses_the_id_of_an_orphan_is_not_ended(sleeper: subprocess.Popen[bytes]) -> None:
    current = identify(sleeper.pid)
    assert current is not None
    for start in (current.start.removesuffix(" s") + "1 s", "another boot"):
        asyncio.run(end_orphans([replace(current, start=start)], timeout_s=0.2))
        assert sleeper.poll() is None


def test_a_process_is_known_again_after_the_clock_was_set(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux computes the time of the boot anew from its clock."""
    identity = identify(sleeper.pid)
    assert identity is not None
    booted = psutil.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: booted + 3600)
    assert psutil.boot_time() == booted + 3600
    assert is_alive(identity)


def supervise(
    tmp_path: Path, *pieces: Piece, until: str, is_full: Callable[[Path], bool] = lambda _: False
) -> list[Event]:
    """Run the pieces until the event ``until`` ("NAME STATE"); return all events."""
    events: list[Event] = []
    me = identify(os.getpid())
    assert me is not None

    async def run() -> None:
        stop = asyncio.Event()

        def on_event(event: Event) -> None:
            events.append(event)
            if f"{event.name} {event.state}" == until:
                stop.set()

        status = StackStatus(project="p", supervisor=me)
        async with asyncio.timeout(30):
            await Supervisor(pieces, tmp_path, status, on_event, is_full=is_full).run(stop, partial(asyncio.sleep, 0))

    asyncio.run(run())
    return events


def python(name: str, code: str, **settings: object) -> Piece:
    settings = {"ready": ReadyLine(text="ready"), "env": dict(os.environ), "cwd": Path.cwd()} | settings
    return Piece(name=name, argv=(sys.executable, "-c", code), **settings)  # type: ignore[arg-type]


SERVE = "import time; print('ready', flush=True); time.sleep(60)"


def test_pieces_start_after_their_dependencies_and_stop_before_them(tmp_path: Path) -> None:
    events = supervise(
        tmp_path,
        python("api", SERVE, after=("migrate",)),
        python("migrate", "pass", ready=ReadyExit(), after=("database",)),
        python("database", SERVE),
        until="stack ready",
    )
    happened = [f"{event.name} {event.state}" for event in events]
    order = ["database ready", "migrate starting", "migrate done", "api starting", "api ready", "stack ready"]
    order += ["stack stopping", "api stopped", "database stopped", "stack stopped"]
    assert [event for event in happened if event in order] == order


def test_a_piece_that_dies_is_restarted(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    dies_once = f"""
import pathlib, sys, time
print("ready", flush=True)
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch()
    sys.exit("out of luck")
pathlib.Path({str(tmp_path / "again")!r}).touch()
time.sleep(60)
"""
    events = supervise(
        tmp_path,
        python("unlucky", dies_once),
        python(
            "watcher",
            f"import pathlib, time\nwhile not pathlib.Path({str(tmp_path / 'again')!r}).exists(): time.sleep(0.02)",
            ready=ReadyExit(),
        ),
        until="watcher done",
    )
    restarting = next(event for event in events if event.state == "restarting")
    assert restarting.name == "unlucky"
    assert "exit code 1" in restarting.detail
    assert "out of luck" in restarting.detail
    assert (tmp_path / "logs" / "unlucky.log").read_text().count("ready") == 2


def test_a_piece_that_cannot_run_stops_the_stack_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(StackFailed, match=r"(?s)broken ended with exit code 1.*no such table.*broken\.log"):
        supervise(
            tmp_path,
            python("broken", "raise SystemExit('no such table')"),
            python("fine", SERVE),
            until="never",
        )
    status = json.loads((tmp_path / "stack.json").read_text())
    assert status["state"] == "failed"
    assert status["pieces"]["fine"]["state"] == "stopped"
    assert oct((tmp_path / "stack.json").stat().st_mode)[-3:] == "600"


def test_a_status_that_cannot_be_written_ends_nothing_and_is_written_later(tmp_path: Path) -> None:
    in_the_way = tmp_path / "stack.json.new"
    in_the_way.mkdir()
    code = f"""
import os, pathlib, time
os.rmdir({str(in_the_way)!r})
while not pathlib.Path({str(tmp_path / "stack.json")!r}).exists(): time.sleep(0.02)
"""
    events = supervise(tmp_path, python("fine", SERVE), python("waits", code, ready=ReadyExit()), until="waits done")
    assert "fine ready" in {f"{event.name} {event.state}" for event in events}
    assert json.loads((tmp_path / "stack.json").read_text())["state"] == "stopped"


def test_a_copy_of_a_state_directory_does_not_control_the_original(tmp_path: Path) -> None:
    original, copy, moved = tmp_path / "original", tmp_path / "copy", tmp_path / "moved"
    original.mkdir()
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.DEVNULL) as process:
        running = identify(process.pid)
        assert running is not None
        piece = PieceStatus(state="ready", pid=running.pid, start=running.start)
        StackStatus(project="p", supervisor=running, pieces={"api": piece}).write(original)
        shutil.copytree(original, copy)
        assert stack.is_running(original)
        assert not stack.is_running(copy)
        assert not stack.stop(copy)
        assert stack.pieces(copy)["api"].pid is None
        assert process.poll() is None, "the original goes on"
        original.rename(moved)
        assert stack.is_running(moved)
        process.kill()


def test_what_is_left_of_a_killed_piece_is_ended(tmp_path: Path) -> None:
    """gunicorn's workers go on for a moment, and have the port that the next start needs."""
    worker_file = tmp_path / "worker"
    code = f"""
import pathlib, subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({str(tmp_path / "new")!r}).write_text(str(worker.pid))
pathlib.Path({str(tmp_path / "new")!r}).rename({str(worker_file)!r})
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as piece:
        leader = identify(piece.pid)
        assert leader is not None
        wait_until(worker_file.exists, "the piece has a worker")
        worker = identify(int(worker_file.read_text()))
        assert worker is not None
        piece.kill()
    assert is_alive(worker)
    asyncio.run(end_orphans([leader], timeout_s=10))
    assert not is_alive(worker)


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotServe, match="cannot be used"):
        stack.start_detached(StackSpec(project="p"), tmp_path / name)


@pytest.mark.parametrize("is_full", [True, False])
def test_pieces_that_fail_for_want_of_space_are_started_until_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    monkeypatch.setattr(supervisor, "MAX_FAILURES", 3)
    monkeypatch.setattr(supervisor, "MAX_DELAY_S", 0.01)
    runs, space = tmp_path / "runs", tmp_path / "space"
    needs_space = f"""
import pathlib, sys, time
print("ready", flush=True)
with open({str(runs)!r}, "a") as runs: runs.write("x")
if pathlib.Path({str(runs)!r}).stat().st_size < 6: sys.exit("could not write")
pathlib.Path({str(space)!r}).touch()
time.sleep(60)
"""
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(space)!r}).exists(): time.sleep(0.02)"
    pieces = [python("database", needs_space), python("waits", waits, ready=ReadyExit())]
    if not is_full:
        with pytest.raises(StackFailed, match="could not write"):
            supervise(tmp_path, *pieces, until="waits done")
        return
    events = supervise(tmp_path, *pieces, until="waits done", is_full=lambda _: not space.exists())
    details = [event.detail for event in events if event.state == "restarting"]
    assert len(details) == 5
    assert f"The disk of {tmp_path} is full: free some space" in details[-1]


def status(message: str = "") -> StackStatus:
    me = identify(os.getpid())
    assert me is not None
    return StackStatus(project="p", supervisor=me, state="failed" if message else "ready", message=message)


def test_on_a_full_disk_the_status_is_changed_in_place(tmp_path: Path) -> None:
    status().write(tmp_path)
    before = (tmp_path / "stack.json").stat()
    for message in ("postgres ended", "x"):  # what was longer before leaves nothing
        (tmp_path / "stack.json.new").symlink_to("/dev/full")
        status(message).write(tmp_path)
        assert failure(tmp_path) == message
    after = (tmp_path / "stack.json").stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)


def test_a_status_that_finds_no_place_is_an_error_and_leaves_the_last_one(tmp_path: Path) -> None:
    (tmp_path / "stack.json.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        status().write(tmp_path)
    status().write(tmp_path)
    (tmp_path / "stack.json.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        status("x" * 100_000).write(tmp_path)
    assert json.loads((tmp_path / "stack.json").read_text())["state"] == "ready"


def test_a_server_that_accepts_connections_is_ready_only_when_it_answers(tmp_path: Path) -> None:
    """gunicorn accepts connections while its workers start, and while they cannot."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = tmp_path / "asked"
    code = f"""
from http.server import BaseHTTPRequestHandler, HTTPServer
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        with open({str(asked)!r}, "a") as file:
            print(self.path, file=file)
        self.send_response(200 if len(open({str(asked)!r}).readlines()) > 2 else 503)
        self.end_headers()
HTTPServer(("127.0.0.1", {port}), Answer).serve_forever()
"""
    supervise(tmp_path, python("api", code, ready=ReadyAnswer(port=port, path="/ready")), until="api ready")
    assert asked.read_text().split() == ["/ready"] * 3

    listens = (
        f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('no worker'); time.sleep(60)"
    )
    never = python("api", listens, ready=ReadyAnswer(port=port, path="/ready"), ready_timeout_s=0.5)
    with pytest.raises(StackFailed, match=r"not ready after 0\.5 s"):
        supervise(tmp_path, never, until="api ready")


def test_a_command_that_fails_is_not_retried(tmp_path: Path) -> None:
    with pytest.raises(StackFailed, match="migrate ended with exit code 3"):
        supervise(tmp_path, python("migrate", "raise SystemExit(3)", ready=ReadyExit()), until="never")


def test_a_piece_that_ignores_sigterm_is_killed_with_all_its_children(tmp_path: Path) -> None:
    stubborn = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, "ready", flush=True)
time.sleep(60)
"""
    supervise(tmp_path, python("stubborn", stubborn, stop_timeout_s=0.3), until="stack ready")
    child = int((tmp_path / "logs" / "stubborn.log").read_text().split()[0])

    def has_ended() -> bool:
        return not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE

    wait_until(has_ended, "the child of the killed piece to end")


def test_schedules_call_as_cloud_scheduler_does_and_one_call_at_a_time() -> None:
    running = most = 0
    seen: list[tuple[str, dict[str, str], bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        seen.append(
            (request.path, {name.lower(): value for name, value in request.headers.items()}, await request.read())
        )
        await asyncio.sleep(0.12)  # longer than the interval
        running -= 1
        return web.Response(status=500 if len(seen) == 1 else 200)  # a failure does not end the schedule

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        source = Path("main.py")
        spec = StackSpec(
            project="p",
            functions=(
                Function(name="plain", source=source, target="f"),
                Function(name="event", source=source, target="g", signature="cloudevent"),
            ),
            schedules=(Schedule(name="sweep", interval_s=0.05, function="plain", body="all"),),
        )
        urls = {"plain": f"http://127.0.0.1:{port}/plain", "event": f"http://127.0.0.1:{port}/event"}
        for schedules in (spec.schedules, (Schedule(name="tick", interval_s=0.05, function="event", body="b"),)):
            task = asyncio.create_task(run_schedules(replace(spec, schedules=schedules), urls, {}))
            before = len(seen)
            async with asyncio.timeout(10):
                while len(seen) < before + 3:
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with asyncio.timeout(10):
                while running:  # the last call goes on
                    await asyncio.sleep(0.01)
        await runner.cleanup()

    asyncio.run(run())
    assert most == 1
    path, headers, body = next(call for call in seen if call[0] == "/plain")
    assert (path, body) == ("/plain", b"all")
    assert headers["x-cloudscheduler"] == "true"
    assert headers["x-cloudscheduler-jobname"] == "sweep"
    _, headers, body = next(call for call in seen if call[0] == "/event")
    assert headers["ce-type"] == "google.cloud.scheduler.job.v1.executed"
    assert base64.b64decode(json.loads(body)["customData"]) == b"b"


def test_schedules_publish_from_one_process_and_from_another_if_it_dies(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with PubsubServer(tmp_path) as server, server.publisher() as publisher, server.subscriber() as subscriber:
        topic, subscription = "projects/p/topics/ticks", "projects/p/subscriptions/ticks"
        publisher.create_topic(name=topic)
        subscriber.create_subscription(name=subscription, topic=topic)

        def received(at_least: int) -> list[bytes]:
            found: list[bytes] = []

            def enough() -> bool:
                messages = pull(subscriber, subscription)
                found.extend(bodies(messages))
                if messages:
                    ack(subscriber, subscription, *messages)
                return len(found) >= at_least

            wait_until(enough, f"{at_least} messages of the schedule")
            return found

        def publishing() -> list[psutil.Process]:
            return [
                each for each in psutil.Process().children() if "photofinish_emulators.stack.publish" in each.cmdline()
            ]

        async def run() -> None:
            schedules = (
                Schedule(name="tick", interval_s=0.05, topic="ticks", body="tock"),
                Schedule(name="lost", interval_s=0.05, topic="missing", body=""),
            )
            spec = StackSpec(project="p", topics=(Topic(name="ticks"), Topic(name="missing")), schedules=schedules)
            task = asyncio.create_task(run_schedules(spec, {}, {"PUBSUB_EMULATOR_HOST": server.address}))
            assert set(await asyncio.to_thread(received, 3)) == {b"tock"}
            (first,) = publishing()
            await asyncio.to_thread(received, 3)
            assert publishing() == [first], "each message started a process"
            first.kill()
            await asyncio.to_thread(received, 3)
            (second,) = publishing()
            assert second != first
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert publishing() == [], "left running"

        asyncio.run(run())
    said = [record.getMessage() for record in caplog.records]
    assert any("schedule lost failed: NotFound" in line for line in said), said
