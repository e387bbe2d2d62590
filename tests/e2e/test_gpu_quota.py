"""Photos are analysed while GPUs are refused for quota, and with GPUs again when there are some.

GPUs are simulated: tasks that ask for one run on the CPU. What is tested is who is launched when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc
import pytest
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcTransport

from e2e.conftest import LocalCloud, wait_for
from photofinish_cli.sample_album import SampleAlbum
from photofinish_emulators.stack.layout import VARIABLES

pytestmark = pytest.mark.timeout(600)
SETTINGS = {
    "PHOTOFINISH_PROCESSOR": "auto",
    "PHOTOFINISH_SIMULATE_GPU": "true",
    "PHOTOFINISH_GPU_QUOTA": "0",
    "PHOTOFINISH_GPU_RETRY_S": "0.1",
    "PHOTOFINISH_IDLE_EXIT_S": "0",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud of its own, without GPU quota, in which the launcher may do what Terraform permits it."""
    state_dir = tmp_path_factory.mktemp("gpu-quota") / "state"
    made = LocalCloud(state_dir, {})
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES.values():  # of the local cloud that other tests share: this one has its own servers
            patch.delenv(name, raising=False)
        made.command("up", "--detach", "--strict-iam", "--json", env=SETTINGS)
        try:
            environment = made.json("env")
            for name, value in environment.items():
                patch.setenv(name, value)
            yield LocalCloud(state_dir, environment)
        finally:
            made.command("down")


def executions(cloud: LocalCloud, job: str) -> list[run_v2.Execution]:
    """All of a job, the newest first."""
    parent = f"projects/{cloud.environment['GOOGLE_CLOUD_PROJECT']}/locations/local/jobs/{job}"
    with grpc.insecure_channel(cloud.environment["RUN_EMULATOR_HOST"]) as channel:
        client = run_v2.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))
        return list(client.list_executions(parent=parent))


def analysed(cloud: LocalCloud, name: str, content: bytes) -> None:
    """Upload a photo, wait for its result and for the end of the task."""
    [fields] = cloud.final_documents([cloud.upload(name, content)])
    assert fields["status"] == "done", fields
    wait_for(
        lambda: all(one.completion_time for job in ("analyze", "analyze-cpu") for one in executions(cloud, job)),
        "the tasks to end",
        timeout_s=60,
    )


def set_quota(cloud: LocalCloud, **quota: object) -> None:
    (cloud.state_dir / "run-jobs" / "quotas.json").write_text(json.dumps(quota), encoding="utf-8")


def test_without_gpu_quota_photos_are_analysed_and_with_quota_gpus_are_back(
    cloud: LocalCloud, sample_album: SampleAlbum
) -> None:
    photos = iter([photo.path.read_bytes() for photo in sample_album.photos])

    analysed(cloud, "race/1.jpg", next(photos))
    assert executions(cloud, "analyze") == []
    assert [one.succeeded_count for one in executions(cloud, "analyze-cpu")] == [1]
    said = cloud.json("status", "race")["gpu_refused"]
    assert said["reason"].startswith("Quota exceeded for total allowable count of GPUs per project per region.")
    assert "analysed without GPU since" in cloud.command("status", "race").stdout
    assert "GPUs are refused; tasks start without" in cloud.command("logs", "--service", "launch-workers").stdout

    set_quota(cloud, gpus=0, gpu_refusal="execution")
    analysed(cloud, "race/2.jpg", next(photos))
    assert [one.succeeded_count for one in executions(cloud, "analyze")] == [0], "it got no GPU"
    assert [one.succeeded_count for one in executions(cloud, "analyze-cpu")] == [1, 1]

    set_quota(cloud, gpus=1)
    analysed(cloud, "race/3.jpg", next(photos))
    assert [one.succeeded_count for one in executions(cloud, "analyze")] == [1, 0]
    assert len(executions(cloud, "analyze-cpu")) == 2
    assert cloud.json("status", "race")["gpu_refused"] is None
