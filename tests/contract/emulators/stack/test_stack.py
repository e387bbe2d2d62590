"""A whole local cloud: an upload reaches a function, a job runs, and nothing is lost when any process is killed."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import grpc
import psutil
import psycopg
import pytest
from google.cloud import firestore, pubsub_v1, run_v2, storage

from photofinish_emulators import stack
from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.run_jobs.task_logs import TaskLog, list_logs
from support.local_stack import JOB, PROJECT, WAITING_JOB, LocalStack, tiny_spec
from support.run_jobs_server import Clients
from support.waiting import wait_until


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("stack")
    local = LocalStack(tiny_spec(folder), folder / "state")
    local.start()
    yield local
    local.stop()


@pytest.fixture(autouse=True)
def clients_find_it(local: LocalStack) -> Iterator[None]:
    with local.as_environment():
        yield


def upload(name: str) -> int:
    blob = storage.Client().bucket("photos").blob(name)
    blob.upload_from_string(name.encode())
    generation: int = blob.generation
    return generation


def seen(name: str) -> list[int]:
    """The generations of the object that the function has recorded."""
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
        return [row[0] for row in connection.execute("SELECT generation FROM seen WHERE name = %s", (name,)).fetchall()]


@contextmanager
def run_jobs() -> Iterator[Clients]:
    with grpc.insecure_channel(os.environ["RUN_EMULATOR_HOST"]) as channel:
        yield Clients(channel)


def task_logs(local: LocalStack, job: str) -> list[TaskLog]:
    return list_logs(local.state_dir / "run-jobs", job=job)


def run_job() -> run_v2.Execution:
    with run_jobs() as clients:
        return clients.ran(JOB)


def test_an_upload_reaches_the_function_and_its_database(local: LocalStack) -> None:
    generation = upload("race/7.jpg")
    wait_until(lambda: seen("race/7.jpg") == [generation], "the function has recorded the upload")


def test_a_job_works_with_the_official_clients_and_no_credentials(local: LocalStack) -> None:
    upload("a.txt")
    assert run_job().succeeded_count == 1
    assert storage.Client().bucket("derived").blob("a.txt").download_as_bytes() == b"A.TXT"
    assert firestore.Client().document("copies", "a.txt").get().to_dict() == {"size": 5}


def test_http_functions_answer_with_the_environment_given_to_them(local: LocalStack) -> None:
    with urllib.request.urlopen(local.pieces["hello"].address, timeout=10) as response:
        assert response.read() == b"hello there"


def test_a_schedule_publishes_to_its_topic() -> None:
    with pubsub_v1.SubscriberClient() as client:
        name = f"projects/{PROJECT}/subscriptions/ticks-pull"
        (received,) = client.pull(subscription=name, max_messages=1, timeout=20).received_messages
        client.acknowledge(subscription=name, ack_ids=[received.ack_id])
    assert received.message.data == b"tock"


def test_events_are_reported_in_order(local: LocalStack) -> None:
    events = [(event.name, event.state) for event in local.events]
    assert events.index(("postgres", "ready")) < events.index(("migrate", "done")) < events.index(("pubsub", "ready"))
    assert events.index(("provision", "done")) < events.index((stack.STACK, "ready"))


def test_only_the_owner_can_read_secrets(local: LocalStack) -> None:
    for name in ("stack.json", "spec.json", "postgres/password"):
        assert (local.state_dir / name).stat().st_mode & 0o077 == 0, name
    for name in ("logs", "storage", "pubsub", "firestore", "run-jobs"):
        assert (local.state_dir / name).stat().st_mode & 0o077 == 0, name


def test_a_second_supervisor_on_the_same_state_is_refused(local: LocalStack) -> None:
    with pytest.raises(CannotServe, match="in use by another process"):
        stack.run_stack(local.spec, local.state_dir)
    with pytest.raises(CannotServe, match="in use by another process"):
        stack.start_detached(local.spec, local.state_dir)
    assert stack.is_running(local.state_dir)


@pytest.mark.parametrize("name", ["postgres", "pubsub", "firestore", "run-jobs", "record"])
def test_a_killed_piece_is_restarted_without_loss(local: LocalStack, name: str) -> None:
    firestore.Client().document("kept", name).set({"before": name})
    killed, restarts = local.pid(name), local.pieces[name].restarts
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: local.pieces[name].restarts == restarts + 1, f"{name} is restarted")
    wait_until(lambda: local.pieces[name].state == "ready", f"{name} is ready again")
    assert local.pid(name) != killed
    generation = upload(f"after-{name}")
    wait_until(lambda: seen(f"after-{name}") == [generation], "uploads are still recorded", timeout_s=20)
    assert firestore.Client().document("kept", name).get().to_dict() == {"before": name}
    if name == "run-jobs":
        upload("a.txt")
        assert run_job().succeeded_count == 1


def test_everything_ends_with_a_killed_supervisor_and_the_next_start_continues(local: LocalStack) -> None:
    generation = upload("before-the-crash")
    wait_until(lambda: seen("before-the-crash") == [generation], "the upload is recorded")
    with run_jobs() as clients:
        execution = clients.run(WAITING_JOB).metadata.name
        wait_until(lambda: any(log.size for log in task_logs(local, "waiting-job")), "the task runs")
    environment, processes = local.environment, local.processes()
    supervisor = next(process for process in processes[0].parents() if process.pid == processes[0].ppid())
    supervisor.kill()
    _, alive = psutil.wait_procs(processes, timeout=15)
    assert alive == []
    assert not stack.is_running(local.state_dir)
    assert {piece.state for piece in local.pieces.values()} == {"stopped"}

    local.start()
    assert local.environment == environment
    with run_jobs() as clients:
        local.spec.functions[0].source.with_name("go").touch()
        finished = clients.finished(execution)
    assert (finished.succeeded_count, finished.retried_count) == (1, 1)
    assert seen("before-the-crash") == [generation]
    assert storage.Client().bucket("photos").blob("before-the-crash").exists()
    again = upload("after-the-crash")
    wait_until(lambda: seen("after-the-crash") == [again], "uploads are recorded again")


def test_a_stop_leaves_nothing_running_and_keeps_undelivered_messages(local: LocalStack) -> None:
    refuse = local.spec.functions[0].source.with_name("refuse")
    refuse.touch()
    generation = upload("refused-at-first")
    log = local.state_dir / "logs" / "record.log"
    wait_until(lambda: "refused by the test" in log.read_text(), "the function has refused the message")

    processes = local.processes()
    assert stack.stop(local.state_dir)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)
    assert not stack.stop(local.state_dir)
    assert (local.state_dir / "logs" / "postgres.log").read_text().rstrip().endswith("database system is shut down")

    refuse.unlink()
    local.start()
    wait_until(lambda: seen("refused-at-first") == [generation], "the message is delivered again", timeout_s=25)


def test_a_function_that_cannot_be_loaded_fails_the_start_with_its_error(
    local: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    broken = tiny_spec(folder)
    (folder / "main.py").write_text("import no_such_module_anywhere\n")
    alone = replace(broken, postgres_database=None, after_postgres=(), subscriptions=(), jobs=())
    failing = LocalStack(alone, folder / "state")
    with pytest.raises(stack.StackFailed, match="no_such_module_anywhere"):
        failing.start()
    assert not stack.is_running(folder / "state")
