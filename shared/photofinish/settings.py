"""What can be set, by environment variables; read once, at the edge, never at import.

Terraform, the local cloud and the README of `shared/` name the same variables. Nothing has a default that only fits one
of them: what a deployment must decide is required, and all gaps are reported at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from photofinish.errors import Misconfigured


class _FromEnv(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=False)

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment.

        Raises:
            Misconfigured: names every variable that is missing or wrong, without its value.
        """
        try:
            return cls()
        except ValidationError as error:
            problems = "; ".join(
                f"{str(problem['loc'][0]).upper()}: {'is not set' if problem['type'] == 'missing' else problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            raise Misconfigured(f"the environment is not complete: {problems}") from None


class Settings(_FromEnv):
    """What functions, jobs and the command need to reach a deployment."""

    project: str = Field(validation_alias="GOOGLE_CLOUD_PROJECT")
    region: str = Field(validation_alias="PHOTOFINISH_REGION")
    photo_bucket: str = Field(validation_alias="PHOTOFINISH_PHOTO_BUCKET")
    derived_bucket: str = Field(validation_alias="PHOTOFINISH_DERIVED_BUCKET")
    work_topic: str = Field("photo-work", validation_alias="PHOTOFINISH_WORK_TOPIC")
    work_subscription: str = Field("photo-work-tasks", validation_alias="PHOTOFINISH_WORK_SUBSCRIPTION")
    results_topic: str = Field("photo-results", validation_alias="PHOTOFINISH_RESULTS_TOPIC")
    job: str = Field("analyze", validation_alias="PHOTOFINISH_JOB")
    run_emulator_host: str | None = Field(None, validation_alias="RUN_EMULATOR_HOST")
    """host:port of a Cloud Run Admin server without TLS; the client library has no variable of its own for it."""

    max_gpu_tasks: int = Field(3, ge=1, validation_alias="PHOTOFINISH_MAX_GPU_TASKS")
    """The region's GPU quota that this deployment may use."""
    photos_per_task: int = Field(200, ge=1, validation_alias="PHOTOFINISH_PHOTOS_PER_TASK")
    """Backlog that is worth one more task: its start costs about as much as these photos."""
    launch_lease_s: float = Field(180, gt=0, validation_alias="PHOTOFINISH_LAUNCH_LEASE_S")
    """How long a started task may take to its first heartbeat: instance start, image and models."""
    stale_after_s: float = Field(6 * 3600, gt=0, validation_alias="PHOTOFINISH_STALE_AFTER_S")
    """reconcile queues a photo again that has been queued or processing for longer: well above an album's backlog."""


class DatabaseSettings(_FromEnv):
    """Where the faces are indexed; only what searches, indexes or migrates needs it, and has a right to it."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")


class JobSettings(_FromEnv):
    """How one analysis task works through the queue."""

    batch_size: int = Field(8, ge=1, le=256, validation_alias="PHOTOFINISH_BATCH_SIZE")
    idle_exit_s: float = Field(30, ge=0, validation_alias="PHOTOFINISH_IDLE_EXIT_S")
    task_timeout_s: float = Field(3600, gt=0, validation_alias="PHOTOFINISH_TASK_TIMEOUT_S")
    """The job's task timeout; the worker stops pulling well before it."""
    ack_deadline_s: int = Field(60, ge=10, le=600, validation_alias="PHOTOFINISH_ACK_DEADLINE_S")
    heartbeat_s: float = Field(10, gt=0, validation_alias="PHOTOFINISH_HEARTBEAT_S")


class ModelEnvironment(_FromEnv):
    """Where models lie and what they run on; the analysis alone needs nothing else."""

    models_dir: Path = Field(
        default_factory=lambda: user_cache_path("photofinish") / "models", validation_alias="PHOTOFINISH_MODELS_DIR"
    )
    providers: str = Field("CPUExecutionProvider", validation_alias="PHOTOFINISH_ONNX_PROVIDERS")
    """ONNX Runtime execution providers, comma separated, in order of preference; an absent one is an error."""
    threads: int = Field(2, ge=1, validation_alias="PHOTOFINISH_THREADS")


class SearchSettings(_FromEnv):
    """Who may search."""

    api_key_sha256s: SecretStr = Field(validation_alias="PHOTOFINISH_API_KEY_SHA256S")
    """Hexadecimal SHA-256 of every API key that may search, comma separated: the service never holds a key."""


class SearchClientSettings(_FromEnv):
    """How the command reaches the search functions."""

    find_by_selfie_url: str = Field(validation_alias="PHOTOFINISH_FIND_BY_SELFIE_URL")
    find_by_bib_url: str = Field(validation_alias="PHOTOFINISH_FIND_BY_BIB_URL")
    api_key: SecretStr = Field(validation_alias="PHOTOFINISH_API_KEY")
