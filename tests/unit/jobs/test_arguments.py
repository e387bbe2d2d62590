"""A task is started with nothing but its environment: overrides of its arguments make it end at once."""

from __future__ import annotations

import logging

import pytest

from photofinish.application.gpu_or_cpu import GPU_LAUNCH_ID
from photofinish.domain.prices import Processor
from photofinish_jobs import __main__ as job


@pytest.mark.parametrize("arguments", [["-c", "print(1)"], ["--help"], ["migrate"]])
def test_a_task_refuses_arguments(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job, "log_json", lambda: None)
    with caplog.at_level(logging.ERROR):
        assert job.main(arguments) == 3
    assert "takes no arguments" in caplog.text
    assert arguments[0] not in caplog.text, "they may be anything, so they are not logged"


@pytest.mark.parametrize(
    ("configured", "environ", "processor"),
    [
        ("gpu", {}, Processor.L4),
        ("cpu", {}, Processor.CPU),
        ("auto", {GPU_LAUNCH_ID: "launch"}, Processor.L4),
        ("auto", {}, Processor.CPU),
    ],
)
def test_a_task_knows_what_its_machine_is_paid_for(
    configured: str, environ: dict[str, str], processor: Processor
) -> None:
    assert job.processor_of(configured, environ) is processor
