"""Executions: parallelism, retries, timeouts, cancelling, quotas, logs."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from photofinish_emulators.run_jobs.task_logs import list_logs, read_log
from support.run_jobs_server import Clients, RunJobsServer, job
from support.waiting import wait_until

SLEEP = "import time; time.sleep(60)"
State = run_v2.Condition.State


def completed(resource: run_v2.Execution | run_v2.Task) -> run_v2.Condition:
    return next(condition for condition in resource.conditions if condition.type_ == "Completed")


def running(clients: Clients, execution: str, count: int) -> run_v2.Execution:
    def enough() -> run_v2.Execution | None:
        now: run_v2.Execution = clients.executions.get_execution(name=execution)
        return now if now.running_count == count else None

    return wait_until(enough, f"{count} running tasks")


def test_a_failed_task_is_retried_as_often_as_allowed(clients: Clients) -> None:
    flaky = "import os, sys; sys.exit(int(os.environ['CLOUD_RUN_TASK_ATTEMPT'] != '2'))"
    created = clients.create("flaky", flaky, max_retries=3)
    execution = clients.ran(created.name)
    assert (execution.succeeded_count, execution.failed_count, execution.retried_count) == (1, 0, 1)
    task = clients.tasks.get_task(name=f"{execution.name}/tasks/{execution.name.rsplit('/', 1)[1]}-task0")
    assert task.retried == 2
    assert completed(task).state == State.CONDITION_SUCCEEDED


def test_an_execution_with_a_failed_task_fails_and_its_other_tasks_still_run(clients: Clients) -> None:
    second_fails = "import os, sys; sys.exit(7 * int(os.environ['CLOUD_RUN_TASK_INDEX'] == '1'))"
    created = clients.create("second-fails", second_fails, task_count=3, parallelism=1, max_retries=1)
    operation = clients.run(created.name)
    with pytest.raises(exceptions.GoogleAPICallError, match=r"-task1 failed with message: The container exited"):
        operation.result(timeout=30)
    execution = clients.finished(operation.metadata.name)
    assert (execution.succeeded_count, execution.failed_count, execution.retried_count) == (2, 1, 1)
    assert completed(execution).state == State.CONDITION_FAILED
    assert completed(execution).execution_reason == run_v2.Condition.ExecutionReason.NON_ZERO_EXIT_CODE
    failed = next(task for task in clients.tasks.list_tasks(parent=execution.name) if task.index == 1)
    assert failed.last_attempt_result.exit_code == 7
    assert failed.retried == 1


def test_a_command_that_does_not_exist_fails_with_its_name(clients: Clients) -> None:
    created = clients.create("missing-command", "")
    created.template.template.containers[0].command = ["/no/such/command"]
    clients.jobs.update_job(job=created).result(timeout=10)
    execution = clients.ran(created.name)
    assert "/no/such/command" in completed(execution).message


def test_as_many_tasks_run_at_once_as_parallelism_allows(
    clients: Clients, server: RunJobsServer, tmp_path: Path
) -> None:
    # Each prints how many it saw running; the first two continue only once both run.
    meeting = f"""
import os, pathlib, time
here = pathlib.Path({str(tmp_path)!r})
me = here / ("running-" + os.environ["CLOUD_RUN_TASK_INDEX"])
me.touch()
while True:
    seen = len(list(here.glob("running-*")))
    if seen >= 2:
        (here / "met").touch()
    if (here / "met").exists():
        break
    time.sleep(0.01)
print(seen)
me.unlink()
"""
    created = clients.create("parallel", meeting, task_count=6, parallelism=2, timeout_s=20)
    execution = clients.ran(created.name)
    assert (execution.succeeded_count, execution.parallelism) == (6, 2)
    logs = list_logs(server.state_dir, execution=execution.name.rsplit("/", 1)[1])
    assert max(int(read_log(log)) for log in logs) == 2


def test_a_task_over_its_timeout_gets_sigterm_and_then_sigkill(clients: Clients, server: RunJobsServer) -> None:
    stubborn = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("received SIGTERM", flush=True))
while True:
    time.sleep(0.1)
"""
    created = clients.create("stubborn", stubborn, timeout_s=1)
    began = time.monotonic()
    execution = clients.ran(created.name)
    assert time.monotonic() - began >= 2, "one second of timeout, one of grace"
    assert completed(execution).message.endswith("The configured timeout was reached.")
    log = list_logs(server.state_dir, job="stubborn")[-1]
    assert read_log(log) == b"received SIGTERM\n"
    task = next(iter(clients.tasks.list_tasks(parent=f"{created.name}/executions/-")))
    assert task.last_attempt_result.term_signal == signal.SIGKILL


def test_processes_that_a_task_leaves_running_are_ended(clients: Clients, server: RunJobsServer) -> None:
    parent = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
"""
    created = clients.create("parent", parent)
    clients.ran(created.name)
    child = int(read_log(list_logs(server.state_dir, job="parent")[-1]))
    wait_until(lambda: not psutil.pid_exists(child), "the child of the task has ended")


def test_cancelling_ends_running_tasks_and_starts_no_others(clients: Clients) -> None:
    created = clients.create("cancelled", SLEEP, task_count=4, parallelism=2)
    operation = clients.run(created.name)
    running(clients, operation.metadata.name, 2)
    cancelled = clients.executions.cancel_execution(name=operation.metadata.name).result(timeout=20)
    assert (cancelled.cancelled_count, cancelled.running_count) == (4, 0)
    assert completed(cancelled).execution_reason == run_v2.Condition.ExecutionReason.CANCELLED
    assert operation.result(timeout=10).cancelled_count == 4  # as in the cloud: no error
    with pytest.raises(exceptions.FailedPrecondition):
        clients.executions.cancel_execution(name=operation.metadata.name)


def test_a_cancelled_task_can_finish_its_work_within_the_grace_period(clients: Clients, server: RunJobsServer) -> None:
    polite = """
import signal, sys, time
def finish(*_):
    print("finished", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, finish)
print("working", flush=True)
time.sleep(60)
"""
    created = clients.create("polite", polite)
    execution = clients.run(created.name).metadata.name
    wait_until(lambda: any(log.size for log in list_logs(server.state_dir, job="polite")), "the task works")
    clients.executions.cancel_execution(name=execution).result(timeout=20)
    assert read_log(list_logs(server.state_dir, job="polite")[0]) == b"working\nfinished\n"


def test_deleting_an_execution_deletes_its_logs(clients: Clients, server: RunJobsServer) -> None:
    created = clients.create("forgotten", "print('x')")
    execution = clients.ran(created.name).name
    assert list_logs(server.state_dir, job="forgotten")
    clients.executions.delete_execution(name=execution).result(timeout=10)
    with pytest.raises(exceptions.NotFound):
        clients.executions.get_execution(name=execution)
    wait_until(lambda: not list_logs(server.state_dir, job="forgotten"), "its logs are deleted")


def test_executions_are_listed_in_pages_newest_first(clients: Clients) -> None:
    created = clients.create("listed", "pass")
    ran = [clients.ran(created.name).name for _ in range(3)]
    pager = clients.executions.list_executions(run_v2.ListExecutionsRequest(parent=created.name, page_size=2))
    assert [[e.name for e in page.executions] for page in pager.pages] == [[ran[2], ran[1]], [ran[0]]]


def test_ten_thousand_tasks_are_accepted_and_listed(clients: Clients) -> None:
    created = clients.create("huge", SLEEP, task_count=10_000, parallelism=1)
    execution = clients.run(created.name).metadata.name  # each task takes a minute, so none is waited for
    request = run_v2.ListTasksRequest(parent=execution, page_size=1000)
    assert [task.index for task in clients.tasks.list_tasks(request)] == list(range(10_000))
    clients.executions.cancel_execution(name=execution).result(timeout=20)
    assert clients.finished(execution).cancelled_count == 10_000


def test_logs_are_bounded_and_keep_the_newest_output(own_server: RunJobsServer) -> None:
    own_server.options += ["--max-log-bytes", "20000"]
    own_server.start()
    with own_server.clients() as clients:
        created = clients.create("chatty", "for i in range(40000): print(i)")
        clients.ran(created.name)
    (log,) = list_logs(own_server.state_dir)
    lines = read_log(log).split()
    assert 20_000 < log.size <= 2 * 65_536 + 20_000
    assert lines[-1] == b"39999"
    assert len(lines) < 40_000


def test_quotas_answer_resource_exhausted(own_server: RunJobsServer) -> None:
    own_server.options += ["--gpu-quota", "3", "--starts-per-minute", "4"]
    own_server.start()
    with own_server.clients() as clients:
        gpu_job = clients.create("gpu", SLEEP, gpus=1)
        cpu_job = clients.create("cpu", "pass")
        two = clients.run(gpu_job.name, task_count=2).metadata.name
        with pytest.raises(exceptions.ResourceExhausted, match="GPUs"):
            clients.run(gpu_job.name, task_count=2)
        clients.run(gpu_job.name)
        clients.executions.cancel_execution(name=two).result(timeout=20)
        clients.run(gpu_job.name, task_count=2)  # the two are free again
        clients.run(cpu_job.name)
        with pytest.raises(exceptions.ResourceExhausted, match="per minute"):
            clients.run(cpu_job.name)


def test_cpus_and_memory_of_all_executions_together_have_a_quota(own_server: RunJobsServer) -> None:
    own_server.options += ["--cpu-quota", "20", "--memory-quota-gib", "40"]
    own_server.start()
    with own_server.clients() as clients:
        large = clients.create("large", SLEEP, limits={"cpu": "5", "memory": "8Gi"})
        clients.run(large.name, task_count=3)
        with pytest.raises(exceptions.ResourceExhausted) as refused:
            clients.run(large.name, task_count=2)
        assert "Quota violated:\nCpuAllocPerProjectRegion requested: 25000 allowed: 20000" in refused.value.message
        assert "MemAlloc" not in refused.value.message
        wide = clients.create("wide", SLEEP, limits={"cpu": "500m", "memory": "20Gi"})
        with pytest.raises(exceptions.ResourceExhausted) as refused:
            clients.run(wide.name)
        assert "MemAllocPerProjectRegion requested: 47244640256 allowed: 42949672960" in refused.value.message
        clients.run(large.name)


def test_the_gpu_quota_changes_while_the_server_runs(own_server: RunJobsServer) -> None:
    own_server.options += ["--gpu-quota", "1"]
    own_server.start()
    quotas = own_server.state_dir / "quotas.json"
    with own_server.clients() as clients:
        gpu_job = clients.create("gpu", "pass", gpus=1)
        quotas.write_text('{"gpus": 0}')
        with pytest.raises(exceptions.ResourceExhausted) as refused:
            clients.run(gpu_job.name)
        assert "Quota exceeded for total allowable count of GPUs per project per region." in refused.value.message
        assert "NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion requested: 1 allowed: 0" in refused.value.message
        assert clients.ran(clients.create("cpu", "pass").name).succeeded_count == 1
        quotas.write_text('{"gpus": 1}')
        assert clients.ran(gpu_job.name).succeeded_count == 1
        quotas.write_text('{"gpu": 1}')
        with pytest.raises(exceptions.FailedPrecondition, match="expected a JSON object with some of: gpus"):
            clients.run(gpu_job.name)


def test_an_execution_beyond_the_gpu_quota_fails_before_it_starts(own_server: RunJobsServer) -> None:
    own_server.options += ["--gpu-quota", "0", "--gpu-refusal", "execution"]
    own_server.start()
    with own_server.clients() as clients:
        operation = clients.run(clients.create("gpu", "pass", gpus=1).name)
        failed = clients.finished(operation.metadata.name)
        with pytest.raises(exceptions.Unknown, match="count of GPUs"):
            operation.result(timeout=10)
    assert not failed.start_time
    assert (failed.running_count, failed.succeeded_count, failed.failed_count) == (0, 0, 0)
    conditions = {condition.type_: condition for condition in failed.conditions}
    assert conditions["Completed"].state == State.CONDITION_FAILED
    assert conditions["ResourcesAvailable"].state == State.CONDITION_FAILED
    assert "count of GPUs per project per region" in conditions["ResourcesAvailable"].message


def test_the_gpus_of_another_region_do_not_count(own_server: RunJobsServer) -> None:
    own_server.options += ["--gpu-quota", "1"]
    own_server.start()
    elsewhere = "projects/local/locations/elsewhere"
    with own_server.clients() as clients:
        here = clients.create("here", SLEEP, gpus=1)
        request = run_v2.CreateJobRequest(parent=elsewhere, job_id="there", job=job(SLEEP, gpus=1))
        there = clients.jobs.create_job(request).result(timeout=10)
        clients.run(here.name)
        clients.run(there.name)
        with pytest.raises(exceptions.ResourceExhausted, match="requested: 2 allowed: 1"):
            clients.run(there.name)


def test_tasks_beyond_max_running_tasks_wait(own_server: RunJobsServer) -> None:
    own_server.options += ["--max-running-tasks", "2"]
    own_server.start()
    with own_server.clients() as clients:
        created = clients.create("many", "pass", task_count=5)
        assert clients.ran(created.name).succeeded_count == 5
