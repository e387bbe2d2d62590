"""Settings from environment variables; read once, by the caller, never at import.

Terraform, the local cloud and the README of `shared/` use the same variables. No default fits only one of them: what a
deployment must decide is required, and all missing variables are reported at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from platformdirs import user_cache_path
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from photofinish.domain.access import RateLimit
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.video_names import MAX_VIDEO_BYTES, MAX_VIDEO_S
from photofinish.errors import Misconfigured

_Rate = Annotated[
    RateLimit, NoDecode, BeforeValidator(lambda value: RateLimit.parse(value) if isinstance(value, str) else value)
]

_SecretVersions = Annotated[
    SecretVersions,
    NoDecode,
    BeforeValidator(lambda value: SecretVersions.parse(value) if isinstance(value, str) else value),
]

_CHANNELS = ("email", "fcm", "webhook")
_MAIL_ADDRESS = re.compile(r"(?:[^<>@\r\n]{0,60} )?<?[!-;=?-~]{1,64}@[A-Za-z0-9.-]{1,253}>?")


def _channels(value: object) -> object:
    if not isinstance(value, str):
        return value
    channels = tuple(part.strip() for part in value.split(",") if part.strip())
    if wrong := [channel for channel in channels if channel not in _CHANNELS]:
        raise ValueError(f"names channels of {', '.join(_CHANNELS)}, with commas between them; not {wrong[0]!r}")
    return channels


_Channels = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_channels)]
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?|http://(localhost|127\.0\.0\.1|\[::1\]):(\*|[0-9]+)")


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(part.strip().rstrip("/").lower() for part in value.split(",") if part.strip())
    if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
        raise ValueError(
            "an origin is https://host or https://host:port, without path; only of this machine may the port be any: "
            f"http://localhost:*; not {wrong[0]!r}"
        )
    return origins


_Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)]


class EnvironmentSettings(BaseSettings):
    """Settings that are read from environment variables."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=False)

    @classmethod
    def from_env(cls, **given: str) -> Self:
        """Read the environment; the variables in `given` are taken from there instead.

        Raises:
            Misconfigured: lists every variable that is missing or wrong, without values.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            problems = "; ".join(
                ": ".join([*(str(part).upper() for part in problem["loc"][:1]), _what(problem)])
                for problem in error.errors(include_input=False, include_url=False)
            )
            raise Misconfigured(f"Environment variables are missing or wrong: {problems}") from None

    @classmethod
    def variables(cls) -> dict[str, str]:
        """The environment variable of each setting, by the setting's name."""
        return {name: str(field.validation_alias) for name, field in cls.model_fields.items()}

    @classmethod
    def secret_variables(cls) -> list[str]:
        """The environment variables of its secrets."""
        variables = cls.variables()
        return [
            variables[name]
            for name, field in cls.model_fields.items()
            if {SecretVersions, SecretStr} & {field.annotation, *get_args(field.annotation)}
        ]


def _what(problem: ErrorDetails) -> str:
    return "is not set" if problem["type"] == "missing" else problem["msg"]


class Settings(EnvironmentSettings):
    """The parts of a deployment, for functions, jobs and the command."""

    project: str = Field(validation_alias="GOOGLE_CLOUD_PROJECT")
    region: str = Field(validation_alias="PHOTOFINISH_REGION")
    photo_bucket: str = Field(validation_alias="PHOTOFINISH_PHOTO_BUCKET")
    derived_bucket: str = Field(validation_alias="PHOTOFINISH_DERIVED_BUCKET")
    enrolment_bucket: str | None = Field(None, validation_alias="PHOTOFINISH_ENROLMENT_BUCKET")
    """Bucket for enrolment pictures; None: people cannot be enrolled by upload."""
    work_topic: str = Field("photo-work", validation_alias="PHOTOFINISH_WORK_TOPIC")
    work_subscription: str = Field("photo-work-tasks", validation_alias="PHOTOFINISH_WORK_SUBSCRIPTION")
    bulk_topic: str = Field("photo-work-bulk", validation_alias="PHOTOFINISH_BULK_TOPIC")
    """The queue's second lane: photos of albums that have many in the first."""
    bulk_subscription: str = Field("photo-work-bulk-tasks", validation_alias="PHOTOFINISH_BULK_SUBSCRIPTION")
    results_topic: str = Field("photo-results", validation_alias="PHOTOFINISH_RESULTS_TOPIC")
    retention_topic: str = Field("photo-retention", validation_alias="PHOTOFINISH_RETENTION_TOPIC")
    webhooks_topic: str = Field("webhook-deliveries", validation_alias="PHOTOFINISH_WEBHOOKS_TOPIC")
    processor: Literal["gpu", "cpu", "auto"] = Field("gpu", validation_alias="PHOTOFINISH_PROCESSOR")
    """What tasks run on. `auto`: on GPUs, and while Cloud Run refuses these for quota, on CPUs."""
    job: str = Field("analyze", validation_alias="PHOTOFINISH_JOB")
    """The analysis job: its tasks have GPUs unless `processor` is cpu."""
    cpu_job: str = Field("analyze-cpu", validation_alias="PHOTOFINISH_CPU_JOB")
    """The job without GPU that there is in addition if `processor` is auto."""
    gpu_retry_s: float = Field(300, gt=0, validation_alias="PHOTOFINISH_GPU_RETRY_S")
    """With `processor` auto: pause before GPUs are tried again after a first refusal; it doubles, up to an hour."""
    run_emulator_host: str | None = Field(None, validation_alias="RUN_EMULATOR_HOST")
    """host:port of a Cloud Run Admin server without TLS; the client library has no variable for it."""

    max_gpu_tasks: int = Field(1, ge=1, validation_alias="PHOTOFINISH_MAX_GPU_TASKS")
    """How many analysis tasks may run at once: what the region's quotas of GPUs, CPU and memory allow."""
    photos_per_task: int = Field(200, ge=1, validation_alias="PHOTOFINISH_PHOTOS_PER_TASK")
    """Backlog that justifies one more task: starting it costs about as much as analysing so many photos."""
    launch_lease_s: float = Field(180, gt=0, validation_alias="PHOTOFINISH_LAUNCH_LEASE_S")
    """How long a started task may take until its first heartbeat: instance start, image, models."""
    max_video_bytes: int = Field(MAX_VIDEO_BYTES, ge=1, validation_alias="PHOTOFINISH_MAX_VIDEO_BYTES")
    max_video_s: float = Field(MAX_VIDEO_S, gt=0, validation_alias="PHOTOFINISH_MAX_VIDEO_S")
    """Videos that are larger or longer are rejected."""
    stale_after_s: float = Field(6 * 3600, gt=0, validation_alias="PHOTOFINISH_STALE_AFTER_S")
    """reconcile queues photos again that are queued or processing for longer; set it well above an album's backlog."""


class DatabaseSettings(EnvironmentSettings):
    """The database of the index; only code that searches, indexes or migrates needs it and has access."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    database_wait_s: float = Field(10, ge=0, validation_alias="PHOTOFINISH_DATABASE_WAIT_S")
    """How long the first connection may take. Terraform sets 90: the network of an instance may need a minute."""


class JobSettings(EnvironmentSettings):
    """How an analysis task processes the queue."""

    batch_size: int = Field(8, ge=1, le=256, validation_alias="PHOTOFINISH_BATCH_SIZE")
    idle_exit_s: float = Field(30, ge=0, validation_alias="PHOTOFINISH_IDLE_EXIT_S")
    task_timeout_s: float = Field(3600, gt=0, validation_alias="PHOTOFINISH_TASK_TIMEOUT_S")
    """The job's task timeout; a task stops pulling well before it."""
    ack_deadline_s: int = Field(60, ge=10, le=600, validation_alias="PHOTOFINISH_ACK_DEADLINE_S")
    heartbeat_s: float = Field(10, gt=0, validation_alias="PHOTOFINISH_HEARTBEAT_S")


class ModelEnvironment(EnvironmentSettings):
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
    label_search: bool = Field(False, validation_alias="PHOTOFINISH_LABEL_SEARCH")
    """Whether new photos can be searched for what they show (docs/label-search.md); it costs tasks a few percent."""
    picture_pair: Path | None = Field(None, validation_alias="PHOTOFINISH_PICTURE_PAIR")
    """Folder of a pair of models for pictures and texts, such as CLIP, which takes the place of label search."""


class LocalCloudSettings(EnvironmentSettings):
    """What only `photofinish up` reads."""

    simulate_gpu: bool = Field(False, validation_alias="PHOTOFINISH_SIMULATE_GPU")
    """Whether tasks that ask for a GPU run on the CPU, to try out what happens around GPUs on a machine without one."""
    gpu_quota: int | None = Field(None, ge=0, validation_alias="PHOTOFINISH_GPU_QUOTA")
    """GPUs that the local Cloud Run Jobs server gives to all tasks together; None: no limit."""
    cpu_quota: float | None = Field(None, ge=0, validation_alias="PHOTOFINISH_CPU_QUOTA")
    """The same for CPUs. A task counts with the CPUs that Terraform gives it, whatever this machine has."""
    memory_quota_gib: float | None = Field(None, ge=0, validation_alias="PHOTOFINISH_MEMORY_QUOTA_GIB")
    """The same for memory."""


class ApiClientSettings(EnvironmentSettings):
    """How the command reaches the API."""

    api_url: str = Field(validation_alias="PHOTOFINISH_API_URL")
    """Address of the API, without `/v1`."""
    api_key: SecretStr = Field(validation_alias="PHOTOFINISH_API_KEY")


class AwsKeySettings(EnvironmentSettings):
    """The secret that AWS credentials of API keys are derived from."""

    aws_key_secret: _SecretVersions = Field(validation_alias="PHOTOFINISH_AWS_KEY_SECRET")
    """With it anyone can sign as any key."""


class AdmissionSettings(EnvironmentSettings):
    """Authentication and rate limits. A rate is ``requests per second/burst``."""

    pepper: _SecretVersions = Field(validation_alias="PHOTOFINISH_PEPPER")
    """Keys the hashes of network addresses and searches, the noise of redacted faces, and tickets of live streams."""
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
    share_rate: _Rate = Field(RateLimit(per_second=20, burst=200), validation_alias="PHOTOFINISH_SHARE_RATE")
    """Of all visitors of one share link from one network, which may be a whole venue's."""
    sign_in_rate: _Rate = Field(RateLimit(per_second=5, burst=300), validation_alias="PHOTOFINISH_SIGN_IN_RATE")
    """Of share links opened and sign-ins from one network."""
    failure_rate: _Rate = Field(RateLimit(per_second=0.2, burst=20), validation_alias="PHOTOFINISH_FAILURE_RATE")
    """Of failed authentications from one network address; above it they are answered with 429."""
    proxy_hops: int = Field(0, ge=0, validation_alias="PHOTOFINISH_PROXY_HOPS")
    """How many of our proxies append to X-Forwarded-For: 0 locally, 1 on Cloud Run, 2 with a load balancer."""


class AccessSettings(AdmissionSettings):
    """What the API and the Rekognition API need in addition."""

    token_secret: _SecretVersions = Field(validation_alias="PHOTOFINISH_TOKEN_SECRET")
    """Signs page tokens and links to pictures."""


class SignedAccessSettings(AccessSettings, AwsKeySettings):
    """What admits requests that are signed with AWS credentials needs in addition; only that has the secret."""


class LinkSettings(EnvironmentSettings):
    """How links to renditions are signed."""

    link_key: SecretStr | None = Field(None, validation_alias="PHOTOFINISH_LINK_KEY")
    """``ACCESS_ID:SECRET``: HMAC key of Cloud Storage, of a service account that may read the derived bucket.

    None: links are signed with the service account's key, or by Google's IAM with one request per link."""


class ApiSettings(EnvironmentSettings):
    """How browsers may call the API."""

    cors_origins: _Origins = Field((), validation_alias="PHOTOFINISH_CORS_ORIGINS")
    """Origins whose pages may call it (`https://photos.example.org`), comma separated; none by default.

    `http://localhost:*` means every port of that host; only loopback hosts may be written so."""


class PageSettings(EnvironmentSettings):
    """What the pages for people use beside the API."""

    live_url: str | None = Field(None, pattern=r"^https?://[^/\s;,]+$", validation_alias="PHOTOFINISH_LIVE_URL")
    """Address of live streams, `https://find-me.example.org`. The console follows albums by them; else it asks every
    few seconds."""


class ReceiptSettings(EnvironmentSettings):
    """How receipts of erasures are signed; only what erases needs it and has access."""

    receipt_key: SecretStr = Field(min_length=32, validation_alias="PHOTOFINISH_RECEIPT_KEY")
    """32 random bytes in Base64. After a new value, earlier receipts are verified by their own public key as before."""


class WebhookSettings(EnvironmentSettings):
    """How messages to webhooks are signed, and where they may go."""

    webhook_key: _SecretVersions = Field(validation_alias="PHOTOFINISH_WEBHOOK_KEY")
    """Secrets of webhooks are derived from it: with it anyone can sign as this deployment."""
    webhook_loopback: bool = Field(False, validation_alias="PHOTOFINISH_WEBHOOK_LOOPBACK")
    """Whether webhooks may be `http://localhost:PORT`, on the machine that delivers."""


class NotificationSettings(EnvironmentSettings):
    """Whether and how people may be told of new photos of theirs."""

    channels: _Channels = Field((), validation_alias="PHOTOFINISH_NOTIFICATION_CHANNELS")
    """`email`, `fcm`, `webhook`, with commas between them; none by default."""
    public_url: str | None = Field(None, validation_alias="PHOTOFINISH_PUBLIC_URL")
    """Address of the pages and the API for people, `https://photos.example.org`: links in messages begin with it."""
    subscription_days: int = Field(90, ge=1, le=730, validation_alias="PHOTOFINISH_SUBSCRIPTION_DAYS")
    """How long a subscription lasts at most; the end of its album ends it before."""

    @model_validator(mode="after")
    def _has_links(self) -> Self:
        if self.channels and self.public_url is None:
            raise ValueError("PHOTOFINISH_PUBLIC_URL is not set: messages need it for their links")
        if self.public_url is not None and not _ORIGIN.fullmatch(self.public_url):
            raise ValueError("PHOTOFINISH_PUBLIC_URL is https://host, without a path and a slash at its end")
        return self


class NotifyingSettings(NotificationSettings):
    """Through which servers messages are sent; only the function that sends needs it and has the password."""

    fcm_project: str | None = Field(None, validation_alias="PHOTOFINISH_FCM_PROJECT")
    """Firebase project whose apps get push messages; None: the deployment's project."""
    fcm_url: str = Field("https://fcm.googleapis.com", validation_alias="PHOTOFINISH_FCM_URL")
    smtp_host: str | None = Field(None, validation_alias="PHOTOFINISH_SMTP_HOST")
    smtp_port: int = Field(587, ge=1, le=65535, validation_alias="PHOTOFINISH_SMTP_PORT")
    smtp_security: Literal["starttls", "tls"] = Field("starttls", validation_alias="PHOTOFINISH_SMTP_SECURITY")
    smtp_user: str | None = Field(None, validation_alias="PHOTOFINISH_SMTP_USER")
    smtp_password: SecretStr | None = Field(None, validation_alias="PHOTOFINISH_SMTP_PASSWORD")
    mail_from: str | None = Field(None, validation_alias="PHOTOFINISH_MAIL_FROM")
    """Address that e-mail comes from, also as `Photos <photos@example.org>`."""

    @model_validator(mode="after")
    def _can_mail(self) -> Self:
        if "email" in self.channels and (self.smtp_host is None or self.mail_from is None):
            raise ValueError("PHOTOFINISH_SMTP_HOST and PHOTOFINISH_MAIL_FROM are not set: e-mail needs both")
        if self.mail_from is not None and not _MAIL_ADDRESS.fullmatch(self.mail_from):
            raise ValueError("PHOTOFINISH_MAIL_FROM is an address such as photos@example.org")
        return self


class EventRetentionSettings(EnvironmentSettings):
    """How long the event log keeps events."""

    event_retention_days: int = Field(400, ge=31, validation_alias="PHOTOFINISH_EVENT_RETENTION_DAYS")


class RetentionSettings(EventRetentionSettings):
    """How long records about requests, events and deliveries are kept, and where the hashes of requests are."""

    audit_retention_days: int = Field(400, ge=1, validation_alias="PHOTOFINISH_AUDIT_RETENTION_DAYS")
    webhook_retention_days: int = Field(30, ge=4, validation_alias="PHOTOFINISH_WEBHOOK_RETENTION_DAYS")
    """Of deliveries and what was answered to them; an attempt may follow for three and a half days."""
    audit_bucket: str = Field(validation_alias="PHOTOFINISH_AUDIT_BUCKET")
    """Bucket for the anchors of the audit."""


class RekognitionClientSettings(EnvironmentSettings):
    """How the command reaches the function `rekognition`; `photofinish keys create --aws` creates the credentials."""

    rekognition_url: str = Field(validation_alias="PHOTOFINISH_REKOGNITION_URL")
    access_key_id: str = Field(validation_alias="PHOTOFINISH_AWS_ACCESS_KEY_ID")
    secret_access_key: SecretStr = Field(validation_alias="PHOTOFINISH_AWS_SECRET_ACCESS_KEY")


def check_secrets_differ(classes: Iterable[type[EnvironmentSettings]], environ: Mapping[str, str]) -> None:
    """Check that no two secrets of a process have a value in common: one that leaks must not open what others protect.

    Raises:
        Misconfigured: names two variables, without values.
    """
    used: dict[str, str] = {}
    for variable in sorted({variable for settings in classes for variable in settings.secret_variables()}):
        for value in filter(None, map(str.strip, environ.get(variable, "").split(","))):
            if (other := used.setdefault(value, variable)) != variable:
                raise Misconfigured(
                    f"{other} and {variable} have a value in common: each secret of a deployment needs its own"
                )


def all_settings() -> tuple[type[EnvironmentSettings], ...]:
    """Every class of settings."""
    return (
        Settings,
        DatabaseSettings,
        JobSettings,
        ModelEnvironment,
        LocalCloudSettings,
        ApiClientSettings,
        SignedAccessSettings,
        LinkSettings,
        ApiSettings,
        PageSettings,
        ReceiptSettings,
        WebhookSettings,
        NotifyingSettings,
        RetentionSettings,
        RekognitionClientSettings,
    )
