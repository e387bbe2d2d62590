"""JobLauncher on Cloud Run Jobs."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.cloud import run_v2
from google.cloud.run_v2.services.jobs.transports import JobsGrpcTransport

from photofinish.adapters.google.errors import unavailable_when_transient

_TIMEOUT_S = 30.0


def jobs_client(emulator_host: str | None) -> run_v2.JobsClient:
    """Return the official client, for the cloud or for a server without TLS at `emulator_host` (host:port)."""
    if emulator_host is None:
        return run_v2.JobsClient()
    return run_v2.JobsClient(transport=JobsGrpcTransport(channel=grpc.insecure_channel(emulator_host)))


class CloudRunJobLauncher:
    """Starts executions of one job."""

    def __init__(self, client: run_v2.JobsClient, project: str, region: str, job: str) -> None:
        self._client = client
        self._job = client.job_path(project, region, job)

    @unavailable_when_transient
    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        overrides = run_v2.RunJobRequest.Overrides(
            task_count=task_count,
            container_overrides=[
                run_v2.RunJobRequest.Overrides.ContainerOverride(
                    env=[run_v2.EnvVar(name=name, value=value) for name, value in env.items()]
                )
            ],
        )
        operation = self._client.run_job(
            request=run_v2.RunJobRequest(name=self._job, overrides=overrides), timeout=_TIMEOUT_S
        )
        execution: str = operation.metadata.name
        return execution
