"""Settings from environment variables; read once, by the caller, never at import.

Terraform, the local cloud and the README of `shared/` use the same variables. No default fits only one of them: what a
deployment must decide is required, and all missing variables are reported at once.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from platformdirs import user_cache_path
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from photofinish.domain.access import RateLimit
from photofinish.errors import Misconfigured

_Rate = Annotated[
    RateLimit, NoDecode, BeforeValidator(lambda value: RateLimit.parse(value) if isinstance(value, str) else value)
]

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(part.strip().rstrip("/").lower() for part in value.split(",") if part.strip())
    if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
        raise ValueError(f"an origin is https://host or https://host:port, without path or wildcard, not {wrong[0]!r}")
    return origins


_Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)]


class _FromEnv(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=False)

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment.

        Raises:
            Misconfigured: lists every variable that is missing or wrong, without values.
        """
        try:
            return cls()
        except ValidationError as error:
            problems = "; ".join(
                f"{str(problem['loc'][0]).upper()}: {'is not set' if problem['type'] == 'missing' else problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            raise Misconfigured(f"Environment variables are missing or wrong: {problems}") from None


class Settings(_FromEnv):
    """The parts of a deployment, for functions, jobs and the command."""

    project: str = Field(validation_alias="GOOGLE_CLOUD_PROJECT")
    region: str = Field(validation_alias="PHOTOFINISH_REGION")
    photo_bucket: str = Field(validation_alias="PHOTOFINISH_PHOTO_BUCKET")
    derived_bucket: str = Field(validation_alias="PHOTOFINISH_DERIVED_BUCKET")
    enrolment_bucket: str | None = Field(None, validation_alias="PHOTOFINISH_ENROLMENT_BUCKET")
    """Bucket for enrolment pictures; None: people cannot be enrolled by upload."""
    work_topic: str = Field("photo-work", validation_alias="PHOTOFINISH_WORK_TOPIC")
    work_subscription: str = Field("photo-work-tasks", validation_alias="PHOTOFINISH_WORK_SUBSCRIPTION")
    results_topic: str = Field("photo-results", validation_alias="PHOTOFINISH_RESULTS_TOPIC")
    job: str = Field("analyze", validation_alias="PHOTOFINISH_JOB")
    run_emulator_host: str | None = Field(None, validation_alias="RUN_EMULATOR_HOST")
    """host:port of a Cloud Run Admin server without TLS; the client library has no variable for it."""

    max_gpu_tasks: int = Field(3, ge=1, validation_alias="PHOTOFINISH_MAX_GPU_TASKS")
    """How many GPU tasks may run at once: the share of the region's GPU quota for this deployment."""
    photos_per_task: int = Field(200, ge=1, validation_alias="PHOTOFINISH_PHOTOS_PER_TASK")
    """Backlog that justifies one more task: starting it costs about as much as analysing so many photos."""
    launch_lease_s: float = Field(180, gt=0, validation_alias="PHOTOFINISH_LAUNCH_LEASE_S")
    """How long a started task may take until its first heartbeat: instance start, image, models."""
    stale_after_s: float = Field(6 * 3600, gt=0, validation_alias="PHOTOFINISH_STALE_AFTER_S")
    """reconcile queues photos again that are queued or processing for longer; set it well above an album's backlog."""


class DatabaseSettings(_FromEnv):
    """The database of the index; only code that searches, indexes or migrates needs it and has access."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")


class JobSettings(_FromEnv):
    """How an analysis task processes the queue."""

    batch_size: int = Field(8, ge=1, le=256, validation_alias="PHOTOFINISH_BATCH_SIZE")
    idle_exit_s: float = Field(30, ge=0, validation_alias="PHOTOFINISH_IDLE_EXIT_S")
    task_timeout_s: float = Field(3600, gt=0, validation_alias="PHOTOFINISH_TASK_TIMEOUT_S")
    """The job's task timeout; a task stops pulling well before it."""
    ack_deadline_s: int = Field(60, ge=10, le=600, validation_alias="PHOTOFINISH_ACK_DEADLINE_S")
    heartbeat_s: float = Field(10, gt=0, validation_alias="PHOTOFINISH_HEARTBEAT_S")


class ModelEnvironment(_FromEnv):
    """Where the models are and what they run on; the analysis needs no other settings."""

    models_dir: Path = Field(
        default_factory=lambda: user_cache_path("photofinish") / "models", validation_alias="PHOTOFINISH_MODELS_DIR"
    )
    providers: str = Field("CPUExecutionProvider", validation_alias="PHOTOFINISH_ONNX_PROVIDERS")
    """ONNX Runtime execution providers, comma separated, in order of preference; an unavailable one is an error."""
    threads: int = Field(2, ge=1, validation_alias="PHOTOFINISH_THREADS")
    tensorrt_cache_dir: Path | None = Field(None, validation_alias="PHOTOFINISH_TENSORRT_CACHE_DIR")
    """Where TensorRT stores the engines that it builds; only TensorrtExecutionProvider needs it."""
    fp16: bool = Field(True, validation_alias="PHOTOFINISH_FP16")
    """Whether TensorRT computes in half precision."""
    bib_detector: Path | None = Field(None, validation_alias="PHOTOFINISH_BIB_DETECTOR")
    """ONNX file of a bib detector; None: bibs are searched for below faces only."""
    face_pack: Path | None = Field(None, validation_alias="PHOTOFINISH_FACE_PACK")
    """Folder of an InsightFace pack (buffalo_l, …), used for faces instead of the catalogue's models."""
    accept_noncommercial: bool = Field(False, validation_alias="PHOTOFINISH_ACCEPT_NONCOMMERCIAL")
    """Whether the operator accepts licences that forbid commercial use; InsightFace's packs require it."""
    text_engine: Literal["onnx", "paddleocr"] = Field("onnx", validation_alias="PHOTOFINISH_TEXT_ENGINE")
    """Reader of text: the catalogue's models, or the paddleocr package, which is not installed by default."""
    paddle_models: Path | None = Field(None, validation_alias="PHOTOFINISH_PADDLE_MODELS")
    """Folder with paddleocr's models `det` and `rec`."""


class ApiClientSettings(_FromEnv):
    """How the command reaches the API."""

    api_url: str = Field(validation_alias="PHOTOFINISH_API_URL")
    """Address of the API, without `/v1`."""
    api_key: SecretStr = Field(validation_alias="PHOTOFINISH_API_KEY")


class KeySettings(_FromEnv):
    """The secret that AWS credentials of API keys are derived from."""

    key_secret: SecretStr = Field(min_length=32, validation_alias="PHOTOFINISH_KEY_SECRET")
    """With it anyone can sign as any key. A new value invalidates all AWS credentials; API keys stay valid."""


class AccessSettings(KeySettings):
    """Authentication and rate limits. A rate is ``requests per second/burst``."""

    firebase_project: str | None = Field(None, validation_alias="PHOTOFINISH_FIREBASE_PROJECT")
    """Firebase project whose users may authenticate with ID tokens; None: API keys only."""
    firebase_keys_url: str = Field(
        "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        validation_alias="PHOTOFINISH_FIREBASE_KEYS_URL",
    )
    search_rate: _Rate = Field(RateLimit(per_second=20, burst=60), validation_alias="PHOTOFINISH_SEARCH_RATE")
    """Of each key with scope `search` that has no rate of its own."""
    write_rate: _Rate = Field(RateLimit(per_second=20, burst=100), validation_alias="PHOTOFINISH_WRITE_RATE")
    """Of each key with scope `write` that has no rate of its own."""
    admin_rate: _Rate = Field(RateLimit(per_second=50, burst=200), validation_alias="PHOTOFINISH_ADMIN_RATE")
    """Of each key with scope `admin` that has no rate of its own."""
    user_rate: _Rate = Field(RateLimit(per_second=1, burst=20), validation_alias="PHOTOFINISH_USER_RATE")
    """Of each signed-in user."""
    failure_rate: _Rate = Field(RateLimit(per_second=0.2, burst=20), validation_alias="PHOTOFINISH_FAILURE_RATE")
    """Of failed authentications from one network address; above it they are answered with 429."""
    proxy_hops: int = Field(0, ge=0, validation_alias="PHOTOFINISH_PROXY_HOPS")
    """How many of our proxies append to X-Forwarded-For: 0 locally, 1 on Cloud Run, 2 with a load balancer."""


class LinkSettings(_FromEnv):
    """How links to renditions are signed."""

    link_key: SecretStr | None = Field(None, validation_alias="PHOTOFINISH_LINK_KEY")
    """``ACCESS_ID:SECRET``: HMAC key of Cloud Storage, of a service account that may read the derived bucket.

    None: links are signed with the service account's key, or by Google's IAM with one request per link."""


class ApiSettings(_FromEnv):
    """How browsers may call the API."""

    cors_origins: _Origins = Field((), validation_alias="PHOTOFINISH_CORS_ORIGINS")
    """Origins whose pages may call it (`https://photos.example.org`), comma separated; none by default."""


class RetentionSettings(_FromEnv):
    """How long records about requests are kept."""

    audit_retention_days: int = Field(400, ge=1, validation_alias="PHOTOFINISH_AUDIT_RETENTION_DAYS")


class RekognitionClientSettings(_FromEnv):
    """How the command reaches the function `rekognition`; `photofinish keys create --aws` creates the credentials."""

    rekognition_url: str = Field(validation_alias="PHOTOFINISH_REKOGNITION_URL")
    access_key_id: str = Field(validation_alias="PHOTOFINISH_AWS_ACCESS_KEY_ID")
    secret_access_key: SecretStr = Field(validation_alias="PHOTOFINISH_AWS_SECRET_ACCESS_KEY")
