"""The deployment on one machine: what Terraform sets up in the cloud, as a description for the local cloud."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from photofinish.domain.access import AwsCredentials, PresentedKey
from photofinish.errors import Misconfigured
from photofinish_emulators import stack
from photofinish_emulators.stack import (
    Bucket,
    Command,
    DeadLetter,
    Function,
    Job,
    RetryPolicy,
    Schedule,
    StackSpec,
    Subscription,
    Topic,
)
from photofinish_functions.function_specs import FUNCTIONS

PROJECT = "photofinish-local"
REGION = "local"
PHOTO_BUCKET = "photos"
DERIVED_BUCKET = "derived"
ENROLMENT_BUCKET = "enrolments"
API_KEY_FILE = "api_key"
KEY_SECRET_FILE = "key_secret"  # noqa: S105 - its name
API_KEY_RATE = "1000/5000"  # this key is only readable by the user who owns the machine
SIGNING_KEY_FILE = "service_account.json"
LINK_KEY_FILE = "link_key"
_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
BATCH_SIZE = 4  # a CPU gains nothing from larger ones, and results appear sooner
IDLE_EXIT_S = 20
# A killed task's photos are delivered again after this; the network that the cloud's longer one allows for is not here.
ACK_DEADLINE_S = 20
# Pub/Sub waits at least 10 s before it redelivers; on one machine no shared service needs that pause.
RETRY = RetryPolicy(minimum_backoff_s=1, maximum_backoff_s=60)
MAX_DELIVERY_ATTEMPTS = 5
HEARTBEAT_S = 5
PUSH_ACK_DEADLINE_S = 60
CLUSTERING_ACK_DEADLINE_S = 600
_NAMES = {
    "PHOTOFINISH_REGION": REGION,
    "PHOTOFINISH_PHOTO_BUCKET": PHOTO_BUCKET,
    "PHOTOFINISH_DERIVED_BUCKET": DERIVED_BUCKET,
    "PHOTOFINISH_ENROLMENT_BUCKET": ENROLMENT_BUCKET,
}
# As in the cloud: many search at once, so the API has a process for each core, with one thread for its models.
_SERVING = {"api": {"WORKERS": str(os.cpu_count() or 1), "THREADS": "8", "PHOTOFINISH_THREADS": "1"}}


def local_deployment(state_dir: Path, *, models_dir: Path | None = None) -> StackSpec:
    """Everything photofinish consists of, on one machine; its state lies in `state_dir`.

    Raises:
        Misconfigured: a file of the project is missing.
    """
    source = _module_file("photofinish_functions.entry_points")
    env = _NAMES | {
        # A GPU here or none: one task uses all there is, and a second would only halve it.
        "PHOTOFINISH_MAX_GPU_TASKS": os.environ.get("PHOTOFINISH_MAX_GPU_TASKS", "1"),
        "PHOTOFINISH_THREADS": str(os.cpu_count() or 1),
        "PHOTOFINISH_KEY_SECRET": key_secret(state_dir),
        "PHOTOFINISH_LINK_KEY": _kept_secret(state_dir / LINK_KEY_FILE, lambda: f"LOCAL:{secrets.token_hex(20)}"),
    }
    env[_CREDENTIALS] = _signing_credentials(state_dir)
    if models_dir is not None:
        env["PHOTOFINISH_MODELS_DIR"] = str(models_dir)
    topics = (
        "photo-uploads",
        "photo-work",
        "photo-results",
        "photo-dead",
        "photo-sweep",
        "photo-reconcile",
        "photo-retention",
        "photo-enrolments",
        "people-sweep",
    )
    dead = DeadLetter(topic="photo-dead", max_delivery_attempts=MAX_DELIVERY_ATTEMPTS)
    return StackSpec(
        project=PROJECT,
        location=REGION,
        buckets=(
            Bucket(name=PHOTO_BUCKET, notify="photo-uploads"),
            Bucket(name=DERIVED_BUCKET),
            Bucket(name=ENROLMENT_BUCKET, notify="photo-enrolments"),
        ),
        topics=tuple(Topic(name=name) for name in topics),
        subscriptions=(
            _push("on-object-finalized", "photo-uploads", dead_letter=dead),
            Subscription(
                name="photo-work-tasks",
                topic="photo-work",
                exactly_once=True,
                ack_deadline_s=ACK_DEADLINE_S,
                retry=RETRY,
                dead_letter=dead,
            ),
            # News of work is stale after some minutes: the sweep looks anyway.
            _push("launch-workers", "photo-work", retention_s=600),
            _push("on-dead-letter", "photo-dead"),
            _push("launch-workers", "photo-sweep", name="launch-workers-sweep", retention_s=600),
            _push("reconcile", "photo-reconcile", retention_s=600),
            _push("expire", "photo-retention", retention_s=600),
            # A large album takes a minute; meanwhile others are told that it is being done.
            _push("cluster-people", "photo-results", ack_deadline_s=CLUSTERING_ACK_DEADLINE_S),
            _push(
                "cluster-people",
                "people-sweep",
                name="cluster-people-sweep",
                retention_s=600,
                ack_deadline_s=CLUSTERING_ACK_DEADLINE_S,
            ),
            _push("on-enrolment-finalized", "photo-enrolments"),
            _push("on-enrolment-finalized", "people-sweep", name="on-enrolment-finalized-sweep", retention_s=600),
        ),
        functions=tuple(
            Function(
                name=spec.name,
                source=source,
                target=spec.entry_point,
                signature=spec.signature,
                gunicorn_config="python:photofinish_functions.gunicorn_config",
                env=_SERVING.get(spec.name, {}),
            )
            for spec in FUNCTIONS
        ),
        jobs=(
            Job(
                name="analyze",
                command=(sys.executable, "-m", "photofinish_jobs"),
                task_timeout_s=3600,
                max_retries=3,
                env={
                    "PHOTOFINISH_IDLE_EXIT_S": str(IDLE_EXIT_S),
                    "PHOTOFINISH_BATCH_SIZE": str(BATCH_SIZE),
                    "PHOTOFINISH_ACK_DEADLINE_S": str(ACK_DEADLINE_S),
                    "PHOTOFINISH_HEARTBEAT_S": str(HEARTBEAT_S),
                },
            ),
        ),
        schedules=(
            Schedule(name="sweep", interval_s=30, topic="photo-sweep", body="{}"),
            Schedule(name="reconcile", interval_s=600, topic="photo-reconcile", body="{}"),
            Schedule(name="reconcile-all", interval_s=24 * 3600, topic="photo-reconcile", body='{"full": true}'),
            Schedule(name="people-sweep", interval_s=60, topic="people-sweep", body="{}"),
            Schedule(name="people-sweep-all", interval_s=24 * 3600, topic="people-sweep", body='{"full": true}'),
            Schedule(name="retention", interval_s=24 * 3600, topic="photo-retention", body="{}"),
        ),
        firestore_indexes=_indexes_file(),
        postgres_database="photofinish",
        after_postgres=(
            Command(name="migrate", argv=(sys.executable, "-m", "photofinish_cli", "migrate")),
            _register_key(api_key(state_dir)),
        ),
        env=env,
    )


def local_environment(state_dir: Path) -> dict[str, str]:
    """The variables by which commands, tests and apps reach the local cloud of `state_dir`; contains secrets."""
    pieces = stack.pieces(state_dir)
    urls = {
        variable: pieces[function].address
        for variable, function in (("PHOTOFINISH_API_URL", "api"), ("PHOTOFINISH_REKOGNITION_URL", "rekognition"))
        if function in pieces
    }
    # Not AWS_ACCESS_KEY_ID: users who migrate from AWS need their AWS credentials at the same time.
    aws = AwsCredentials.of(api_key(state_dir).key_id, key_secret(state_dir).encode())
    return (
        stack.environment(state_dir)
        | _NAMES
        | urls
        | {
            "PHOTOFINISH_API_KEY": api_key(state_dir).text,
            "PHOTOFINISH_KEY_SECRET": key_secret(state_dir),
            "PHOTOFINISH_AWS_ACCESS_KEY_ID": aws.access_key_id,
            "PHOTOFINISH_AWS_SECRET_ACCESS_KEY": aws.secret_access_key,
        }
    )


def api_key(state_dir: Path) -> PresentedKey:
    """The key of this local cloud that may do everything, made on first use; only its owner can read the file.

    Raises:
        Misconfigured: the file holds something else, such as a key of a version whose keys had no id.
    """
    path = state_dir / API_KEY_FILE
    key = PresentedKey.parse(_kept_secret(path, lambda: PresentedKey.generate().text))
    if key is None:
        raise Misconfigured(
            f"{path} holds a key of an earlier version, or none: delete the file, and `photofinish up` makes a new key"
        )
    return key


def key_secret(state_dir: Path) -> str:
    """What this local cloud derives AWS credentials from, kept as its API key is."""
    return _kept_secret(state_dir / KEY_SECRET_FILE, lambda: secrets.token_hex(32))


def _signing_credentials(state_dir: Path) -> str:
    """A file like a service account's key, made on first use, to sign links with; no cloud knows the account."""
    path = state_dir / SIGNING_KEY_FILE
    _kept_secret(path, _service_account_key)
    return str(path)


def _service_account_key() -> str:
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    email = f"photofinish@{PROJECT}.iam.gserviceaccount.com"
    return json.dumps(
        {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": secrets.token_hex(20),
            "private_key": pem.decode("ascii"),
            "client_email": email,
            "client_id": "0",
            "token_uri": "http://127.0.0.1:9/no-tokens-are-needed-here",
        }
    )


def _kept_secret(path: Path, make: Callable[[], str]) -> str:
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = make()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    return secret


def _register_key(key: PresentedKey) -> Command:
    """Make the local cloud's key known to its database; only the hash is in the command line."""
    hashed = f"{key.key_id}:{key.secret_sha256.hex()}"
    arguments = ("--label", "local cloud", "--all-albums", "--scope", "admin", "--expires", "never")
    return Command(
        name="api-key",
        argv=(
            *(sys.executable, "-m", "photofinish_cli", "keys", "create"),
            *arguments,
            *("--rate", API_KEY_RATE, "--hash", hashed),
        ),
    )


def _push(
    function: str,
    topic: str,
    *,
    name: str | None = None,
    dead_letter: DeadLetter | None = None,
    retention_s: int = 7 * 24 * 3600,
    ack_deadline_s: int = PUSH_ACK_DEADLINE_S,
) -> Subscription:
    return Subscription(
        name=name or function,
        topic=topic,
        push_to=function,
        ack_deadline_s=ack_deadline_s,
        retry=RETRY,
        dead_letter=dead_letter,
        retention_s=retention_s,
    )


def _module_file(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Misconfigured(f"the module {name} is not installed: install photofinish whole")
    return Path(spec.origin)


def _indexes_file() -> Path:
    path = Path(__file__).parents[2] / "terraform" / "firestore" / "firestore.indexes.json"
    if not path.exists():
        raise Misconfigured(f"{path} is missing: the local cloud runs from a clone of the project")
    return path
