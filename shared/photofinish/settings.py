"""What can be set, by environment variables; read once, at the edge, never at import.

Terraform, the local cloud and the README of `shared/` name the same variables. Nothing has a default that only fits one
of them: what a deployment must decide is required, and all gaps are reported at once.
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
        raise ValueError(f"an origin is https://host or https://host:port, without a path or a star: not {wrong[0]!r}")
    return origins


_Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)]


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
    enrolment_bucket: str | None = Field(None, validation_alias="PHOTOFINISH_ENROLMENT_BUCKET")
    """Where pictures to enrol people by are uploaded; None: nobody can be enrolled by upload."""
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
    tensorrt_cache_dir: Path | None = Field(None, validation_alias="PHOTOFINISH_TENSORRT_CACHE_DIR")
    """Where TensorRT keeps the engines that it builds; needed by TensorrtExecutionProvider alone."""
    fp16: bool = Field(True, validation_alias="PHOTOFINISH_FP16")
    """Whether TensorRT computes in half precision."""
    bib_detector: Path | None = Field(None, validation_alias="PHOTOFINISH_BIB_DETECTOR")
    """ONNX file of a bib detector; None: faces alone tell where bibs are."""
    face_pack: Path | None = Field(None, validation_alias="PHOTOFINISH_FACE_PACK")
    """Folder of an InsightFace pack (buffalo_l, …) to use for faces instead of the catalogue's models."""
    accept_noncommercial: bool = Field(False, validation_alias="PHOTOFINISH_ACCEPT_NONCOMMERCIAL")
    """Whether the operator accepts licences that allow no commercial use; InsightFace's packs need it."""
    text_engine: Literal["onnx", "paddleocr"] = Field("onnx", validation_alias="PHOTOFINISH_TEXT_ENGINE")
    """What reads text: the catalogue's models, or the paddleocr package, which is not installed by default."""
    paddle_models: Path | None = Field(None, validation_alias="PHOTOFINISH_PADDLE_MODELS")
    """Folder with the models `det` and `rec` for paddleocr."""


class ApiClientSettings(_FromEnv):
    """How the command reaches the API."""

    api_url: str = Field(validation_alias="PHOTOFINISH_API_URL")
    """Where the API is, without `/v1`."""
    api_key: SecretStr = Field(validation_alias="PHOTOFINISH_API_KEY")


class KeySettings(_FromEnv):
    """What AWS credentials of API keys are derived from."""

    key_secret: SecretStr = Field(min_length=32, validation_alias="PHOTOFINISH_KEY_SECRET")
    """Whoever knows it can sign as any key. Another value ends all AWS credentials; API keys themselves stay valid."""


class AccessSettings(KeySettings):
    """Who may search, and how often. A rate is ``requests per second/burst``."""

    firebase_project: str | None = Field(None, validation_alias="PHOTOFINISH_FIREBASE_PROJECT")
    """The project whose signed-in users may come with their ID tokens; None: keys only."""
    firebase_keys_url: str = Field(
        "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        validation_alias="PHOTOFINISH_FIREBASE_KEYS_URL",
    )
    search_rate: _Rate = Field(RateLimit(per_second=20, burst=60), validation_alias="PHOTOFINISH_SEARCH_RATE")
    """Of each key of scope `search` that has no rate of its own; the next two likewise."""
    write_rate: _Rate = Field(RateLimit(per_second=20, burst=100), validation_alias="PHOTOFINISH_WRITE_RATE")
    admin_rate: _Rate = Field(RateLimit(per_second=50, burst=200), validation_alias="PHOTOFINISH_ADMIN_RATE")
    user_rate: _Rate = Field(RateLimit(per_second=1, burst=20), validation_alias="PHOTOFINISH_USER_RATE")
    """Of each signed-in user."""
    failure_rate: _Rate = Field(RateLimit(per_second=0.2, burst=20), validation_alias="PHOTOFINISH_FAILURE_RATE")
    """Of requests from one address that nobody's key or token comes with; beyond it they are answered with 429."""
    proxy_hops: int = Field(0, ge=0, validation_alias="PHOTOFINISH_PROXY_HOPS")
    """How many proxies of ours add to X-Forwarded-For: 0 on one machine, 1 on Cloud Run, 2 with its load balancer."""


class LinkSettings(_FromEnv):
    """What links to renditions are signed with."""

    link_key: SecretStr | None = Field(None, validation_alias="PHOTOFINISH_LINK_KEY")
    """``ACCESS_ID:SECRET``, an HMAC key of Cloud Storage of a service account that may read the derived bucket.

    None: the service account's own key signs them, or Google's IAM, which is asked once for every link."""


class ApiSettings(_FromEnv):
    """How the API meets browsers."""

    cors_origins: _Origins = Field((), validation_alias="PHOTOFINISH_CORS_ORIGINS")
    """Pages of exactly these origins (`https://photos.example.org`), comma separated, may call it; none by default."""


class RetentionSettings(_FromEnv):
    """How long what is written about requests is kept."""

    audit_retention_days: int = Field(400, ge=1, validation_alias="PHOTOFINISH_AUDIT_RETENTION_DAYS")


class RekognitionClientSettings(_FromEnv):
    """How the command reaches the function `rekognition`: `photofinish keys create --aws` makes the pair."""

    rekognition_url: str = Field(validation_alias="PHOTOFINISH_REKOGNITION_URL")
    access_key_id: str = Field(validation_alias="PHOTOFINISH_AWS_ACCESS_KEY_ID")
    secret_access_key: SecretStr = Field(validation_alias="PHOTOFINISH_AWS_SECRET_ACCESS_KEY")
