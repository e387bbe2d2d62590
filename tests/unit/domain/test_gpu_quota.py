"""When GPUs are tried again after Cloud Run refused them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.gpu_quota import LONGEST_RETRY, GpuLaunch, GpuState

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LAUNCH = GpuLaunch(execution="e", launch_id="one", task_count=2, launched_at=NOW)


@given(st.integers(1, 2000), st.floats(0.1, 7200))
def test_pauses_double_up_to_an_hour(refusals: int, first_retry_s: float) -> None:
    state, pauses = GpuState(), []
    now = NOW
    for _ in range(min(refusals, 40)):
        assert state.may_try(now)
        state = state.refused("no\n  quota", now, first_retry_s=first_retry_s)
        assert state.refusal is not None
        pauses.append(state.refusal.retry_at - now)
        assert not state.may_try(state.refusal.retry_at - timedelta(microseconds=1))
        now = state.refusal.retry_at
    assert pauses[0] == min(LONGEST_RETRY, timedelta(seconds=first_retry_s))
    for before, after in itertools.pairwise(pauses):
        assert after == LONGEST_RETRY or abs(after - 2 * before) <= timedelta(microseconds=2)
    assert state.refusal is not None
    assert (state.refusal.since, state.refusal.reason) == (NOW, "no quota")


def test_an_accepted_launch_is_no_proof_but_a_task_that_runs_is() -> None:
    refused = GpuState().refused("no quota", NOW, first_retry_s=60)
    launched = refused.launched(LAUNCH)
    assert (launched.refusal, launched.launch) == (refused.refusal, LAUNCH)
    assert launched.confirmed("one") == GpuState(confirmed_launch="one")


def test_a_task_of_an_earlier_launch_proves_that_there_are_gpus_but_not_for_the_latest_launch() -> None:
    launched = GpuState().refused("no quota", NOW, first_retry_s=60).launched(LAUNCH)
    assert launched.confirmed("zero") == GpuState(launch=LAUNCH, confirmed_launch="zero")


def test_a_task_may_report_before_its_launch_is_recorded() -> None:
    assert GpuState().confirmed("one").launched(LAUNCH) == GpuState(confirmed_launch="one")
