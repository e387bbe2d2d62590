"""The promises of GpuStates, kept by every implementation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.cloud.firestore import Client as FirestoreClient

from photofinish.adapters.google.gpu_states import FirestoreGpuStates
from photofinish.adapters.memory.work import MemoryGpuStates
from photofinish.domain.gpu_quota import GpuLaunch, GpuState
from photofinish.ports import GpuStates

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "firestore"])
def states(request: pytest.FixtureRequest) -> GpuStates:
    if request.param == "memory":
        return MemoryGpuStates()
    client: FirestoreClient = request.getfixturevalue("firestore_client")
    return FirestoreGpuStates(client)


def test_before_anything_is_known_there_are_gpus(states: GpuStates) -> None:
    assert states.read() == GpuState()
    assert states.read().may_try(NOW)


def test_a_state_is_read_as_it_was_written(states: GpuStates) -> None:
    launch = GpuLaunch(execution="e", launch_id="one", task_count=2, launched_at=NOW)
    written = replace(
        GpuState().confirmed("zero").refused("no quota", NOW, first_retry_s=60).launched(launch), launch=launch
    )
    assert states.update(lambda _: written) == written
    assert states.read() == written


def test_updates_at_the_same_time_are_all_kept(states: GpuStates) -> None:
    def refuse(_: int) -> None:
        states.update(lambda state: state.refused("no quota", NOW, first_retry_s=1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(refuse, range(8)))
    refusal = states.read().refusal
    assert refusal is not None
    assert refusal.refusals == 8
