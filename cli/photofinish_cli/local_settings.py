"""Which settings of the environment apply to the local cloud's functions and jobs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from photofinish.analysis.models.nvidia import CUDA, TENSORRT
from photofinish.analysis.models.settings import default_models_dir
from photofinish.errors import Misconfigured
from photofinish.settings import (
    ApiSettings,
    JobSettings,
    LinkSettings,
    ModelEnvironment,
    NotifyingSettings,
    ReceiptSettings,
    RetentionSettings,
    Settings,
    SignedAccessSettings,
    WebhookSettings,
    check_secrets_differ,
)

# What functions and jobs read, and the local cloud does not decide.
_CLASSES = (
    Settings,
    JobSettings,
    ModelEnvironment,
    SignedAccessSettings,
    LinkSettings,
    ApiSettings,
    ReceiptSettings,
    RetentionSettings,
    WebhookSettings,
    NotifyingSettings,
)
DECIDED = frozenset(
    {
        "GOOGLE_CLOUD_PROJECT",
        "PHOTOFINISH_REGION",
        "PHOTOFINISH_PHOTO_BUCKET",
        "PHOTOFINISH_DERIVED_BUCKET",
        "PHOTOFINISH_ENROLMENT_BUCKET",
        "PHOTOFINISH_AUDIT_BUCKET",
        "PHOTOFINISH_WORK_TOPIC",
        "PHOTOFINISH_WORK_SUBSCRIPTION",
        "PHOTOFINISH_BULK_TOPIC",
        "PHOTOFINISH_BULK_SUBSCRIPTION",
        "PHOTOFINISH_RESULTS_TOPIC",
        "PHOTOFINISH_RETENTION_TOPIC",
        "PHOTOFINISH_WEBHOOKS_TOPIC",
        "PHOTOFINISH_JOB",
        "PHOTOFINISH_CPU_JOB",
        "RUN_EMULATOR_HOST",
        "PHOTOFINISH_AWS_KEY_SECRET",
        "PHOTOFINISH_TOKEN_SECRET",
        "PHOTOFINISH_PEPPER",
        "PHOTOFINISH_LINK_KEY",
        "PHOTOFINISH_RECEIPT_KEY",
        "PHOTOFINISH_WEBHOOK_KEY",
        "PHOTOFINISH_API_URL",
        "PHOTOFINISH_API_KEY",
        "PHOTOFINISH_LIVE_URL",
        "PHOTOFINISH_REKOGNITION_URL",
        "PHOTOFINISH_AWS_ACCESS_KEY_ID",
        "PHOTOFINISH_AWS_SECRET_ACCESS_KEY",
    }
)
"""The names of its parts, its addresses and its secrets: the local cloud sets these itself."""


def names_a_gpu(providers: str) -> bool:
    """Whether one of these ONNX Runtime providers, comma separated, needs a GPU."""
    return bool({CUDA, TENSORRT} & {name.strip() for name in providers.split(",")})


def usual_settings(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the local cloud uses where `environ` says nothing, and a deployment on Google Cloud would differ."""
    return {
        # Tasks have a GPU if the models are to run on one.
        "PHOTOFINISH_PROCESSOR": "gpu" if names_a_gpu(environ.get("PHOTOFINISH_ONNX_PROVIDERS", "")) else "cpu",
        # A GPU here or none: one task uses all there is, and a second would only halve it.
        "PHOTOFINISH_MAX_GPU_TASKS": "1",
        "PHOTOFINISH_THREADS": str(os.cpu_count() or 1),
        "PHOTOFINISH_MODELS_DIR": str(default_models_dir()),
        # Pages that a developer serves on this machine may call the API; on Google Cloud, no page may unless named.
        "PHOTOFINISH_CORS_ORIGINS": "http://localhost:*,http://127.0.0.1:*,http://[::1]:*",
        # Webhooks of a developer are on this machine, too; on Google Cloud, none may be.
        "PHOTOFINISH_WEBHOOK_LOOPBACK": "true",
        # A CPU gains nothing from larger batches, and results appear sooner.
        "PHOTOFINISH_BATCH_SIZE": "4",
        "PHOTOFINISH_IDLE_EXIT_S": "20",
        # A killed task's photos are delivered again after this; the network that the cloud's longer one allows for is
        # not here.
        "PHOTOFINISH_ACK_DEADLINE_S": "20",
        "PHOTOFINISH_HEARTBEAT_S": "5",
        "PHOTOFINISH_TASK_TIMEOUT_S": "3600",
    }


def chosen_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings in `environ` that functions and jobs of the local cloud get. Paths become absolute."""
    chosen = {}
    for settings in _CLASSES:
        for name, variable in settings.variables().items():
            if variable in environ and variable not in DECIDED:
                is_path = "Path" in str(settings.model_fields[name].annotation)
                chosen[variable] = str(Path(environ[variable]).absolute()) if is_path else environ[variable]
    return chosen


def check_settings(variables: Mapping[str, str]) -> None:
    """Read all settings as functions and jobs will, so that a wrong one is reported before anything starts.

    Raises:
        Misconfigured: names each wrong variable.
    """
    problems = []
    for settings in _CLASSES:
        try:
            settings.from_env(**variables)
        except Misconfigured as error:
            problems.append(str(error))
    try:
        check_secrets_differ(_CLASSES, variables)
    except Misconfigured as error:
        problems.append(str(error))
    if problems:
        raise Misconfigured("\n".join(problems))
