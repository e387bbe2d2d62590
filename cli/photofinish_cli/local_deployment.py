"""The deployment on one machine: what Terraform sets up in the cloud, as a description for the local cloud."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from photofinish.domain.access import AwsCredentials, PresentedKey
from photofinish.domain.secret_versions import SecretVersions
from photofinish.errors import Misconfigured
from photofinish.settings import LocalCloudSettings
from photofinish_cli import local_messaging
from photofinish_cli.local_access import ANALYZE_ACCOUNT, SECRETS, function_account, terraform_access
from photofinish_cli.local_jobs import local_jobs, migration_job
from photofinish_cli.local_secrets import (
    PROJECT,
    api_key,
    aws_key_secret,
    link_key,
    pepper,
    receipt_key,
    signing_credentials,
    token_secret,
    webhook_key,
)
from photofinish_cli.local_settings import check_settings, chosen_settings, usual_settings
from photofinish_cli.terraform_tables import applied
from photofinish_emulators import stack
from photofinish_emulators.stack import Command, Function, StackSpec
from photofinish_functions.function_specs import FUNCTIONS, READY_PATH, FunctionSpec

REGION = "local"
PHOTO_BUCKET = "photos"
DERIVED_BUCKET = "derived"
ENROLMENT_BUCKET = "enrolments"
AUDIT_BUCKET = "audit"
API_KEY_RATE = "1000/5000"  # this key is only readable by the user who owns the machine
# A quota of Cloud Run that every project has: https://docs.cloud.google.com/run/quotas.
JOB_STARTS_PER_MINUTE = 60
_NAMES = {
    "PHOTOFINISH_REGION": REGION,
    "PHOTOFINISH_PHOTO_BUCKET": PHOTO_BUCKET,
    "PHOTOFINISH_DERIVED_BUCKET": DERIVED_BUCKET,
    "PHOTOFINISH_ENROLMENT_BUCKET": ENROLMENT_BUCKET,
    "PHOTOFINISH_AUDIT_BUCKET": AUDIT_BUCKET,
}
# As in the cloud: many search at once, so the API has a process for each core, with one thread for its models.
# Connections are kept for longer than Node's `fetch` keeps idle ones (4 s): none is used while it is being closed.
_SERVING = {"api": {"WORKERS": str(os.cpu_count() or 1), "THREADS": "8", "KEEP_ALIVE_S": "5"}}
_URLS = {
    "PHOTOFINISH_API_URL": "api",
    "PHOTOFINISH_LIVE_URL": "live",
    "PHOTOFINISH_REKOGNITION_URL": "rekognition",
}
_SERVING_SETTINGS = {"api": {"PHOTOFINISH_THREADS": "1"}}
_ADDRESSES = {"api": {"PHOTOFINISH_LIVE_URL": "live"}}


def local_deployment(
    state_dir: Path, environ: Mapping[str, str] = os.environ, *, strict_iam: bool = False
) -> StackSpec:
    """Everything photofinish consists of, on one machine; its state lies in `state_dir`.

    Settings in `environ` apply, but for those that the local cloud decides itself (`local_settings.DECIDED`). With
    `strict_iam`, every function and job may do only what Terraform permits its service account.

    Raises:
        Misconfigured: a file of the project is missing, or a setting is wrong.
    """
    source = _module_file("photofinish_functions.entry_points")
    chosen = chosen_settings(environ)
    env = (
        usual_settings(environ)
        | chosen
        | _NAMES
        | {
            "PHOTOFINISH_LINK_KEY": link_key(state_dir),
            "GOOGLE_APPLICATION_CREDENTIALS": signing_credentials(state_dir),
        }
    )
    secrets = {
        "PHOTOFINISH_AWS_KEY_SECRET": aws_key_secret(state_dir),
        "PHOTOFINISH_TOKEN_SECRET": token_secret(state_dir),
        "PHOTOFINISH_PEPPER": pepper(state_dir),
        "PHOTOFINISH_RECEIPT_KEY": receipt_key(state_dir),
        "PHOTOFINISH_WEBHOOK_KEY": webhook_key(state_dir),
    }
    check_settings(env | secrets | {"GOOGLE_CLOUD_PROJECT": PROJECT})
    local = LocalCloudSettings.from_env(**environ)
    plan = applied()
    migrate = ("migrate", *(_grants() if strict_iam else ()))
    return StackSpec(
        project=PROJECT,
        location=REGION,
        buckets=local_messaging.buckets(plan, PHOTO_BUCKET, DERIVED_BUCKET, ENROLMENT_BUCKET, AUDIT_BUCKET),
        topics=local_messaging.topics(plan),
        subscriptions=local_messaging.subscriptions(plan, queue_ack_deadline_s=int(env["PHOTOFINISH_ACK_DEADLINE_S"])),
        functions=tuple(
            Function(
                name=spec.name,
                source=source,
                target=spec.entry_point,
                signature=spec.signature,
                gunicorn_config="python:photofinish_functions.gunicorn_config",
                ready_path=READY_PATH,
                env=_SERVING.get(spec.name, {})
                | _SERVING_SETTINGS.get(spec.name, {})
                | chosen
                | {variable: secrets[variable] for variable in _secrets_of(spec)},
                addresses=_ADDRESSES.get(spec.name, {}),
                service_account=function_account(spec.name),
                secrets=tuple(SECRETS[variable] for variable in _secrets_of(spec)),
            )
            for spec in FUNCTIONS
        ),
        jobs=(*local_jobs(env, local, plan["jobs"]["analyze"]), migration_job(migrate)),
        gpu_quota=local.gpu_quota,
        cpu_quota=local.cpu_quota,
        memory_quota_gib=local.memory_quota_gib,
        job_starts_per_minute=JOB_STARTS_PER_MINUTE,
        schedules=local_messaging.schedules(plan),
        firestore_indexes=_deployed_file("firestore.indexes.json"),
        firestore_rules=rules_file(),
        page_origins=tuple(filter(None, map(str.strip, env["PHOTOFINISH_CORS_ORIGINS"].split(",")))),
        postgres_database="photofinish",
        postgres_max_connections=plan["database"]["max_connections"],
        after_postgres=(
            Command(
                name="migrate",
                argv=(sys.executable, "-m", "photofinish_cli", *migrate),
                service_account=ANALYZE_ACCOUNT,
            ),
            _register_key(api_key(state_dir)),
        ),
        env=env,
        access=terraform_access() if strict_iam else None,
    )


def local_environment(state_dir: Path) -> dict[str, str]:
    """The variables by which commands, tests and apps reach the local cloud of `state_dir`; contains secrets."""
    pieces = stack.pieces(state_dir)
    urls = {variable: pieces[function].address for variable, function in _URLS.items() if function in pieces}
    # Not AWS_ACCESS_KEY_ID: users who migrate from AWS need their AWS credentials at the same time.
    aws = AwsCredentials.of(api_key(state_dir).key_id, SecretVersions.parse(aws_key_secret(state_dir)).current)
    return (
        stack.environment(state_dir)
        | _NAMES
        | urls
        | {
            "PHOTOFINISH_API_KEY": api_key(state_dir).text,
            "PHOTOFINISH_AWS_KEY_SECRET": aws_key_secret(state_dir),
            "PHOTOFINISH_RECEIPT_KEY": receipt_key(state_dir),
            "PHOTOFINISH_AWS_ACCESS_KEY_ID": aws.access_key_id,
            "PHOTOFINISH_AWS_SECRET_ACCESS_KEY": aws.secret_access_key,
        }
    )


def _secrets_of(spec: FunctionSpec) -> list[str]:
    """The variables of the secrets that a function reads."""
    read = {variable for settings in spec.settings for variable in settings.variables().values()}
    return [variable for variable in SECRETS if variable in read]


def _grants() -> tuple[str, ...]:
    """What the job `migrate` of the Terraform configuration grants to the database users of functions."""
    rights = applied()["database"]["rights"]
    return tuple(f"--grant={granted}:{account}@{PROJECT}.iam" for account, granted in rights.items())


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
        service_account=ANALYZE_ACCOUNT,
    )


def _module_file(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Misconfigured(f"the module {name} is not installed: install photofinish whole")
    return Path(spec.origin)


def rules_file() -> Path:
    """The security rules of Firestore, as Terraform deploys them."""
    return _deployed_file("firestore.rules")


def _deployed_file(name: str) -> Path:
    path = Path(__file__).parents[2] / "terraform" / "firestore" / name
    if not path.exists():
        raise Misconfigured(f"{path} is missing: the local cloud runs from a clone of the project")
    return path
