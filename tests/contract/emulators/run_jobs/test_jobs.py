"""Jobs and RunJob, through the unmodified google-cloud-run clients."""

from __future__ import annotations

import json

import pytest
from google.api_core import exceptions
from google.cloud import run_v2
from google.longrunning import operations_pb2

from photofinish_emulators.run_jobs.task_logs import list_logs, read_log
from support.run_jobs_server import PARENT, Clients, RunJobsServer, job

PRINT = "import json, os, sys; print(json.dumps({'env': dict(os.environ), 'args': sys.argv[1:]}))"


def printed(server: RunJobsServer, execution: str) -> list[dict[str, dict[str, str]]]:
    """The output of an execution of PRINT, one entry per task."""
    logs = list_logs(server.state_dir, execution=execution.rsplit("/", 1)[1])
    return [json.loads(read_log(log)) for log in sorted(logs, key=lambda log: log.task_index)]


def test_a_created_job_is_read_back_with_the_documented_defaults(clients: Clients) -> None:
    template = run_v2.TaskTemplate(containers=[run_v2.Container(image="i", command=["true"])])
    requested = run_v2.Job(template=run_v2.ExecutionTemplate(template=template), labels={"team": "race"})
    created = clients.jobs.create_job(parent=PARENT, job=requested, job_id="defaults").result(timeout=10)
    assert clients.jobs.get_job(name=f"{PARENT}/jobs/defaults") == created
    assert created.template.task_count == 1
    assert created.template.template.max_retries == 3
    assert created.template.template.timeout.total_seconds() == 600
    assert created.labels == {"team": "race"}
    assert created.generation == created.observed_generation == 1
    assert created.terminal_condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED
    assert created.uid
    assert created.etag


def test_a_name_is_used_once(clients: Clients) -> None:
    clients.create("twice", "")
    with pytest.raises(exceptions.AlreadyExists):
        clients.create("twice", "")


@pytest.mark.parametrize(
    ("job_id", "changed", "named"),
    [
        ("Upper", {}, "job_id"),
        ("too-many", {"task_count": 10_001}, "task_count"),
        ("retries", {"max_retries": 11}, "max_retries"),
        ("gpu-timeout", {"gpus": 1, "timeout_s": 12 * 3600 + 1}, "timeout"),
        ("reserved", {"env": {"CLOUD_RUN_TASK_INDEX": "7"}}, "CLOUD_RUN_TASK_INDEX"),
    ],
)
def test_documented_limits_are_enforced(clients: Clients, job_id: str, changed: dict[str, object], named: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=named):
        clients.create(job_id, "", **changed)
    with pytest.raises(exceptions.NotFound):
        clients.jobs.get_job(name=f"{PARENT}/jobs/{job_id}")


def test_a_task_with_a_gpu_may_take_twelve_hours(clients: Clients) -> None:
    """As a preview, which `analysis.task_timeout_s` in terraform/ can ask for."""
    created = clients.create("long-gpu", "", gpus=1, timeout_s=12 * 3600)
    assert created.template.template.timeout.total_seconds() == 12 * 3600


def test_a_container_without_a_command_is_refused_with_the_reason(clients: Clients) -> None:
    template = run_v2.TaskTemplate(containers=[run_v2.Container(image="some/image")])
    requested = run_v2.Job(template=run_v2.ExecutionTemplate(template=template))
    with pytest.raises(exceptions.InvalidArgument, match="command"):
        clients.jobs.create_job(parent=PARENT, job=requested, job_id="image-only")


def test_validate_only_changes_nothing(clients: Clients) -> None:
    request = run_v2.CreateJobRequest(parent=PARENT, job=job(""), job_id="only-checked", validate_only=True)
    assert clients.jobs.create_job(request).result(timeout=10).name.endswith("/only-checked")
    with pytest.raises(exceptions.NotFound):
        clients.jobs.get_job(name=f"{PARENT}/jobs/only-checked")


def test_update_replaces_the_job_and_counts_generations(clients: Clients) -> None:
    before = clients.create("changing", "print(1)")
    changed = job("print(2)")
    changed.name = before.name
    after = clients.jobs.update_job(job=changed).result(timeout=10)
    assert (after.generation, after.uid, after.create_time) == (2, before.uid, before.create_time)
    assert after.template.template.containers[0].command[-1] == "print(2)"
    changed.etag = before.etag
    with pytest.raises(exceptions.Aborted, match="version"):
        clients.jobs.update_job(job=changed)


def test_update_creates_a_missing_job_only_with_allow_missing(clients: Clients) -> None:
    missing = job("print(1)")
    missing.name = f"{PARENT}/jobs/upserted"
    with pytest.raises(exceptions.NotFound):
        clients.jobs.update_job(job=missing)
    clients.jobs.update_job(run_v2.UpdateJobRequest(job=missing, allow_missing=True)).result(timeout=10)
    assert clients.jobs.get_job(name=missing.name).generation == 1


def test_pages_of_a_list_contain_every_job_once(clients: Clients) -> None:
    parent = "projects/paging/locations/here"
    for number in range(5):
        clients.jobs.create_job(parent=parent, job=job("pass"), job_id=f"job-{number}").result(timeout=10)
    pager = clients.jobs.list_jobs(run_v2.ListJobsRequest(parent=parent, page_size=2))
    pages = [[found.name.rsplit("/", 1)[1] for found in page.jobs] for page in pager.pages]
    assert pages == [["job-0", "job-1"], ["job-2", "job-3"], ["job-4"]]
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        clients.jobs.list_jobs(run_v2.ListJobsRequest(parent=parent, page_token="nonsense"))


def test_tasks_have_the_documented_environment_and_not_the_servers(clients: Clients, server: RunJobsServer) -> None:
    created = clients.create("environment", PRINT, args=["--batch", "8"], env={"COLOUR": "red"}, task_count=2)
    execution = clients.ran(created.name)
    first, second = printed(server, execution.name)
    own = {name: value for name, value in second["env"].items() if name.startswith("CLOUD_RUN_")}
    assert own == {
        "CLOUD_RUN_JOB": "environment",
        "CLOUD_RUN_EXECUTION": execution.name.rsplit("/", 1)[1],
        "CLOUD_RUN_TASK_INDEX": "1",
        "CLOUD_RUN_TASK_COUNT": "2",
        "CLOUD_RUN_TASK_ATTEMPT": "0",
    }
    assert first["env"]["COLOUR"] == "red"
    assert first["args"] == ["--batch", "8"]
    assert "PYTEST_CURRENT_TEST" not in first["env"]  # it is in the server's environment


def test_overrides_change_the_execution_and_not_the_job(clients: Clients, server: RunJobsServer) -> None:
    created = clients.create("overridden", PRINT, args=["old"], env={"KEPT": "1", "CHANGED": "old"})
    override = {"args": ["new"], "env": [run_v2.EnvVar(name="CHANGED", value="new")]}
    execution = clients.ran(created.name, container_overrides=[override], task_count=3, timeout={"seconds": 33})
    assert (execution.task_count, execution.succeeded_count) == (3, 3)
    assert execution.template.timeout.total_seconds() == 33
    outputs = printed(server, execution.name)
    assert [output["args"] for output in outputs] == [["new"]] * 3
    assert (outputs[0]["env"]["KEPT"], outputs[0]["env"]["CHANGED"]) == ("1", "new")
    assert clients.jobs.get_job(name=created.name).template == created.template


def test_clear_args_runs_without_arguments(clients: Clients, server: RunJobsServer) -> None:
    created = clients.create("cleared", PRINT, args=["old"])
    execution = clients.ran(created.name, container_overrides=[{"clear_args": True}])
    assert printed(server, execution.name)[0]["args"] == []


def test_a_job_names_its_latest_execution(clients: Clients) -> None:
    created = clients.create("latest", "pass")
    execution = clients.ran(created.name)
    now = clients.jobs.get_job(name=created.name)
    assert now.execution_count == 1
    assert now.latest_created_execution.name == execution.name
    succeeded = run_v2.ExecutionReference.CompletionStatus.EXECUTION_SUCCEEDED
    assert now.latest_created_execution.completion_status == succeeded


def waited(clients: Clients, name: str, timeout: dict[str, int]) -> operations_pb2.Operation:
    request = operations_pb2.WaitOperationRequest(name=name, timeout=timeout)
    # This client returns the response to WaitOperation as bytes.
    return operations_pb2.Operation.FromString(clients.jobs.wait_operation(request))


def test_operations_can_be_read_waited_for_listed_and_deleted(clients: Clients) -> None:
    created = clients.create("operated", "pass")
    name = clients.run(created.name).operation.name
    done = waited(clients, name, {"seconds": 20})
    assert done.done
    assert clients.jobs.get_operation(operations_pb2.GetOperationRequest(name=name)) == done
    listed = clients.jobs.list_operations(operations_pb2.ListOperationsRequest(name=PARENT))
    assert name in [operation.name for operation in listed.operations]
    clients.jobs.delete_operation(operations_pb2.DeleteOperationRequest(name=name))
    with pytest.raises(exceptions.NotFound):
        clients.jobs.get_operation(operations_pb2.GetOperationRequest(name=name))


def test_waiting_for_an_operation_ends_with_the_callers_timeout(clients: Clients) -> None:
    created = clients.create("slow-operation", "import time; time.sleep(60)")
    operation = clients.run(created.name)
    assert not waited(clients, operation.operation.name, {"nanos": 200_000_000}).done
    operation.cancel()
    assert clients.finished(operation.metadata.name).cancelled_count == 1


def test_deleting_a_job_ends_and_deletes_its_executions(clients: Clients, server: RunJobsServer) -> None:
    created = clients.create("deleted", "import time; time.sleep(60)")
    execution = clients.run(created.name).metadata.name
    assert clients.jobs.delete_job(name=created.name).result(timeout=10).name == created.name
    for call in (
        lambda: clients.jobs.get_job(name=created.name),
        lambda: clients.executions.get_execution(name=execution),
        lambda: clients.jobs.run_job(name=created.name),
    ):
        with pytest.raises(exceptions.NotFound):
            call()


def test_rpcs_that_are_not_served_are_unimplemented(clients: Clients) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        clients.jobs.get_iam_policy(request={"resource": f"{PARENT}/jobs/any"})
