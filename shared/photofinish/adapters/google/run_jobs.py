"""JobLauncher on Cloud Run Jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import grpc
from google.api_core import exceptions
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcTransport
from google.cloud.run_v2.services.jobs.transports import JobsGrpcTransport

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.errors import GpuRefused

_TIMEOUT_S = 30.0
CONTAINER = "analyze"
"""The job's container that analyses; the other one is a proxy to the database."""


def jobs_client(emulator_host: str | None) -> run_v2.JobsClient:
    """Return the official client, for the cloud or for a server without TLS at `emulator_host` (host:port)."""
    if emulator_host is None:
        return run_v2.JobsClient()
    return run_v2.JobsClient(transport=JobsGrpcTransport(channel=grpc.insecure_channel(emulator_host)))


def executions_client(emulator_host: str | None) -> run_v2.ExecutionsClient:
    """As :func:`jobs_client`."""
    if emulator_host is None:
        return run_v2.ExecutionsClient()
    return run_v2.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=grpc.insecure_channel(emulator_host)))


def is_gpu_quota(message: str) -> bool:
    """Whether Cloud Run says that GPUs are refused for quota.

    Known sentences are "Quota exceeded for total allowable count of GPUs per project per region." (of a condition;
    https://github.com/GoogleCloudPlatform/magic-modules/pull/17149); "You do not have quota for using GPUs without
    zonal redundancy." and "Max instances must be set to 3 or fewer in order to set GPU requirements. Quota violated:
    …" (of refused deployments); and "The request failed because the project exceeded its quota limit for
    run.googleapis.com/nvidia_l4_gpu_allocation_no_zonal_redundancy" (of a service's log).
    """
    return (
        re.search("quota", message, re.IGNORECASE) is not None
        and re.search(r"(?<![a-z])gpu", message, re.IGNORECASE) is not None
    )


class CloudRunJobLauncher:
    """Starts executions of one job."""

    def __init__(
        self,
        jobs: run_v2.JobsClient,
        executions: run_v2.ExecutionsClient,
        project: str,
        region: str,
        job: str,
    ) -> None:
        self._jobs = jobs
        self._executions = executions
        self._job = jobs.job_path(project, region, job)

    @unavailable_when_transient
    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        overrides = run_v2.RunJobRequest.Overrides(
            task_count=task_count,
            container_overrides=[
                run_v2.RunJobRequest.Overrides.ContainerOverride(
                    name=CONTAINER,  # required where a job has several containers
                    env=[run_v2.EnvVar(name=name, value=value) for name, value in env.items()],
                )
            ],
        )
        try:
            operation = self._jobs.run_job(
                request=run_v2.RunJobRequest(name=self._job, overrides=overrides), timeout=_TIMEOUT_S
            )
        # The first is documented for exhausted quotas; refused deployments answer the second.
        except (exceptions.TooManyRequests, exceptions.BadRequest) as error:
            if is_gpu_quota(error.message):
                raise GpuRefused(error.message) from error
            raise
        execution: str = operation.metadata.name
        return execution

    @unavailable_when_transient
    def refusal(self, execution: str) -> str | None:
        try:
            found = self._executions.get_execution(name=execution, timeout=_TIMEOUT_S)
        except exceptions.NotFound:
            return "The execution was deleted before a task started."
        reasons = [
            condition.message
            for condition in found.conditions
            if condition.state == run_v2.Condition.State.CONDITION_FAILED and is_gpu_quota(condition.message)
        ]
        return reasons[0] if reasons else None

    @unavailable_when_transient
    def cancel(self, execution: str) -> None:
        try:
            self._executions.cancel_execution(name=execution, timeout=_TIMEOUT_S)
        except (exceptions.NotFound, exceptions.FailedPrecondition):
            return  # it has ended
