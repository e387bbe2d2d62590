"""What Terraform sets up is what the code needs: topics, functions, buckets, settings, log lines."""

from __future__ import annotations

import inspect
import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from photofinish.adapters.google.run_jobs import CONTAINER
from photofinish.adapters.postgres.database import Database
from photofinish.application.dead_letters import record_given_up
from photofinish.domain.lanes import Lane
from photofinish.logs import JsonFormatter
from photofinish.settings import (
    DatabaseSettings,
    JobSettings,
    ModelEnvironment,
    RetentionSettings,
    Settings,
    WebhookSettings,
    all_settings,
)
from photofinish_cli.local_access import SECRETS, applied
from photofinish_emulators.stack import StackSpec
from photofinish_functions.events import Message, is_full_run
from photofinish_functions.function_specs import FUNCTIONS, READY_PATH, FunctionSpec
from support import terraform_config as terraform
from support.pipeline import MemoryCloud, toy_photo

ROOT = terraform.ROOT
FRAMEWORK_VARIABLES = {"LD_LIBRARY_PATH"}
BY_ENTRY_POINT = {spec.entry_point: spec for spec in FUNCTIONS}


def default_of(settings: type[Settings], field: str) -> str:
    return str(settings.model_fields[field].default)


def required(*settings: type[BaseSettings]) -> set[str]:
    return {
        str(field.validation_alias) for kind in settings for field in kind.model_fields.values() if field.is_required()
    }


def known(*settings: type[BaseSettings]) -> set[str]:
    return {str(field.validation_alias) for kind in settings for field in kind.model_fields.values()}


# --- topics, functions and buckets ---


def test_every_topic_that_the_code_publishes_to_exists() -> None:
    published = {default_of(Settings, f"{name}_topic") for name in ("work", "bulk", "results", "retention")}
    assert published <= set(terraform.topic_names().values())


def test_the_cloud_has_the_topics_of_the_local_cloud(local: StackSpec) -> None:
    assert set(terraform.topic_names().values()) == {topic.name for topic in local.topics}


def test_terraform_sets_up_the_listed_functions() -> None:
    in_cloud = {(service.name, service.target, service.signature) for service in terraform.services().values()}
    assert in_cloud == {(spec.name, spec.entry_point, spec.signature) for spec in FUNCTIONS}


def test_subscriptions_push_what_the_local_cloud_pushes(local: StackSpec) -> None:
    in_cloud = {
        name: (
            service.name,
            subscription["topic"],
            subscription.get("dead_letter_topic"),
            int(subscription.get("retention_s", 604800)) == 600,
        )
        for service in terraform.services().values()
        for name, subscription in service.subscriptions.items()
    }
    here = {
        subscription.name: (
            subscription.push_to,
            subscription.topic,
            subscription.dead_letter.topic if subscription.dead_letter else None,
            subscription.retention_s == 600,
        )
        for subscription in local.subscriptions
        if subscription.push_to
    }
    assert in_cloud == here


def test_messages_are_delivered_as_often_here_as_in_the_cloud(local: StackSpec) -> None:
    in_cloud = {
        int(terraform.attribute_default(module, variable, "max_delivery_attempts"))
        for module, variable in (("event-function", "subscriptions"), ("gpu-job", "work"))
    }
    here = {
        subscription.dead_letter.max_delivery_attempts
        for subscription in local.subscriptions
        if subscription.dead_letter
    }
    assert in_cloud == here
    assert min(here) >= 20


def test_schedules_publish_what_the_local_cloud_does_and_the_code_accepts(local: StackSpec) -> None:
    in_cloud = {
        name: (terraform.topic_of(schedule["topic"]), schedule.get("body", "{}"))
        for name, schedule in terraform.modules()["operations"]["schedules"].items()
        if name != "__is_block__"
    }
    assert in_cloud == {schedule.name: (schedule.topic, schedule.body) for schedule in local.schedules}
    full = {
        name: is_full_run(Message(data=body.encode(), attributes={}, publish_time=datetime.now(UTC)))
        for name, (topic, body) in in_cloud.items()
        if topic == "photo-reconcile"
    }
    assert full == {"photofinish-reconcile": False, "photofinish-reconcile-all": True}


def test_the_queue_matches_the_local_cloud(local: StackSpec) -> None:
    pulled = {subscription.name: subscription for subscription in local.subscriptions if not subscription.push_to}
    work = terraform.modules()["gpu_job"]["work"]
    lanes = {lane: work["lanes"][lane] for lane in work["lanes"] if lane != "__is_block__"}
    assert set(lanes) == set(Lane)
    for lane, name in ((Lane.PROMPT, "work"), (Lane.BULK, "bulk")):
        subscription = pulled.pop(default_of(Settings, f"{name}_subscription"))
        assert terraform.topic_of(lanes[lane]["topic"]) == subscription.topic == default_of(Settings, f"{name}_topic")
        assert subscription.dead_letter is not None
        assert terraform.topic_of(work["dead_letter_topic"]) == subscription.dead_letter.topic
        variable = Settings.variables()[f"{name}_subscription"]
        assert lanes[lane]["subscription"] == f"${{local.env.{variable}}}"
        assert terraform.root("locals")["env"][variable] == subscription.name
    assert not pulled, "tasks pull from no other subscription"


def test_the_job_name_matches_the_code(local: StackSpec) -> None:
    assert terraform.root("variable")["job_name"]["default"] == default_of(Settings, "job") == local.jobs[0].name


def test_local_buckets_send_the_events_of_terraforms(local: StackSpec) -> None:
    """Whether they keep versions decides between OBJECT_ARCHIVE and OBJECT_DELETE."""
    found = {}
    for name, bucket, notifications in (
        ("photo-bucket", "photos", ("uploads", "deletions")),
        ("photo-bucket", "derived", ()),
        ("enrolment-bucket", "enrolments", ("uploads",)),
        ("terraform", "audit", ()),
    ):
        of_module = {
            (resource.type, resource.name): resource.body
            for resource in terraform.resources()
            if resource.file.parent.name == name
        }
        versioned = of_module["google_storage_bucket", bucket]["versioning"][0]["enabled"]
        events = [of_module["google_storage_notification", each]["event_types"] for each in notifications]
        found[bucket] = (versioned, sorted(map(sorted, events)))
    assert {
        bucket.name: (bucket.versioned, sorted(sorted(each.events) for each in bucket.notifications))
        for bucket in local.buckets
    } == found


# --- settings ---


@pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)
def test_every_function_has_the_settings_it_needs_and_no_others(spec: FunctionSpec) -> None:
    service = terraform.services()[spec.entry_point]
    given = service.env | service.secret_env
    missing = required(*spec.settings) - given
    assert not missing, f"Terraform does not set {sorted(missing)}"
    unread = given - known(*spec.settings)
    assert not unread, f"{spec.name} does not read {sorted(unread)}"


def test_only_functions_with_database_settings_get_the_database_url() -> None:
    database_url = "DATABASE_URL"
    given = {service.name for service in terraform.services().values() if database_url in service.env}
    assert given == {spec.name for spec in FUNCTIONS if DatabaseSettings in spec.settings}
    assert given == {
        "api",
        "live",
        "rekognition",
        "cluster-people",
        "record-events",
        "deliver-webhooks",
        "on-enrolment-finalized",
        "rescore-bibs",
        "expire",
    }
    assert database_url not in terraform.root("locals")["env"]


def test_everything_with_a_database_waits_for_its_network() -> None:
    assert float(terraform.root("locals")["database_wait_s"]) >= 90
    assert "PHOTOFINISH_DATABASE_WAIT_S" in terraform.environment_of(terraform.modules()["gpu_job"]["env"])
    probe = next(
        resource.body["template"][0]["containers"][0]["startup_probe"][0]
        for resource in terraform.resources()
        if resource.type == "google_cloud_run_v2_service"
    )
    assert probe["http_get"][0]["path"] == READY_PATH


def test_migrations_grant_every_function_what_its_settings_say_it_does() -> None:
    """By the plan that terraform/tables/applied.json was made from."""
    by_name = {"api": "administration", "rekognition": "api", "live": "live"}
    rights_of = {RetentionSettings: "retention", WebhookSettings: "webhooks"}
    needed = {
        f"fn-{spec.name}": (
            by_name[spec.name]
            if spec.name in by_name
            else next((rights for kind, rights in rights_of.items() if kind in spec.settings), "data")
        )
        for spec in FUNCTIONS
        if DatabaseSettings in spec.settings
    }
    assert applied()["database"]["rights"] == needed


def test_the_migration_has_the_settings_it_needs() -> None:
    [migrate] = [resource for resource in terraform.resources() if resource.name == "migrate"]
    [container] = [
        container
        for container in migrate.body["template"][0]["template"][0]["containers"]
        if container["name"] == "migrate"
    ]
    given = terraform.environment_of(container["dynamic"][0]["env"]["for_each"])
    given |= terraform.environment_of(terraform.modules()["vector_database"]["migration"]["env"])
    # `photofinish` takes an environment with a bucket for a deployment.
    needs = known(DatabaseSettings) | {"PHOTOFINISH_PHOTO_BUCKET"}
    assert needs <= given, f"Terraform does not set {sorted(needs - given)}"


def test_the_job_has_the_settings_it_needs() -> None:
    [job_locals] = terraform.parsed(terraform.TERRAFORM / "modules/gpu-job/main.tf")["locals"]
    given = terraform.environment_of(terraform.modules()["gpu_job"]["env"]) | terraform.environment_of(
        job_locals["env"]
    )
    assert "PHOTOFINISH_ONNX_PROVIDERS" in given, "the job's own variables were not found"
    classes = (Settings, DatabaseSettings, JobSettings, ModelEnvironment)
    lacking = required(*classes) - given
    assert not lacking, f"the job lacks {sorted(lacking)}"
    unknown = given - known(*classes) - FRAMEWORK_VARIABLES
    assert not unknown, f"nothing reads {sorted(unknown)}, which Terraform gives to the job"


def test_the_launcher_overrides_the_container_that_analyses(local: StackSpec) -> None:
    [job] = [
        resource
        for resource in terraform.resources()
        if (resource.type, resource.name) == ("google_cloud_run_v2_job", "analyze")
    ]
    containers = job.body["template"][0]["template"][0]["containers"]
    # The first one decides when a task ends.
    assert containers[0]["name"] == CONTAINER
    assert local.jobs[0].name == CONTAINER, "the local cloud names a container as its job"


def test_every_choice_of_models_reaches_the_job() -> None:
    [job_locals] = terraform.parsed(terraform.TERRAFORM / "modules/gpu-job/main.tf")["locals"]
    missing = known(ModelEnvironment) - terraform.environment_of(job_locals["env"])
    assert missing == {"PHOTOFINISH_MODELS_DIR"}, "Terraform chooses models; their folder is set by the image"


def test_all_functions_with_models_use_the_same_embedding_space() -> None:
    pack = {"PHOTOFINISH_FACE_PACK", "PHOTOFINISH_ACCEPT_NONCOMMERCIAL"}
    for target, service in terraform.services().items():
        assert (pack <= service.env) == (ModelEnvironment in BY_ENTRY_POINT[target].settings), target


def test_own_models_are_at_their_path_in_the_images() -> None:
    for folder in ("functions", "gpu_jobs"):
        text = (ROOT / folder / "Dockerfile").read_text(encoding="utf-8")
        assert f"COPY own_models {terraform.root('locals')['own_models']}" in text
        assert "!own_models" in (ROOT / folder / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    user = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "gpu_jobs/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    [job] = [
        resource
        for resource in terraform.resources()
        if resource.type == "google_cloud_run_v2_job" and resource.name == "analyze"
    ]
    assert f"uid={user[0][0]}" in str(job.body), "the image's user may write TensorRT's engines"
    assert f"gid={user[0][1]}" in str(job.body)


def test_secrets_are_not_plain_environment_variables() -> None:
    secret = {
        str(field.validation_alias)
        for settings in all_settings()
        for field in settings.model_fields.values()
        if "Secret" in str(field.annotation)
    }
    assert {*SECRETS, "PHOTOFINISH_LINK_KEY", "DATABASE_URL"} <= secret
    secret.remove("DATABASE_URL")  # of the database's users, who have no passwords
    for service in terraform.services().values():
        assert not secret & service.env, f"{service.name} has a secret as plain text"


def test_defaults_of_terraform_match_the_code() -> None:
    analysis = terraform.optional_defaults("analysis")
    assert float(analysis["max_tasks"]) == Settings.model_fields["max_gpu_tasks"].default
    assert float(analysis["photos_per_task"]) == Settings.model_fields["photos_per_task"].default
    assert float(analysis["batch_size"]) == JobSettings.model_fields["batch_size"].default
    assert float(analysis["idle_exit_s"]) == JobSettings.model_fields["idle_exit_s"].default


def test_terraform_counts_the_connections_of_a_process_as_the_code_opens_them() -> None:
    pool = inspect.signature(Database).parameters["max_connections"].default
    assert int(terraform.root("locals")["pool_size"]) == pool


# --- log lines ---


@pytest.fixture
def log_entries(caplog: pytest.LogCaptureFixture) -> dict[str, dict[str, Any]]:
    """Log entries of a queued, a committed, a rejected and a failed photo, by message."""
    caplog.set_level(logging.INFO)
    cloud = MemoryCloud()
    cloud.drop("race/1.jpg", toy_photo())
    cloud.worker().run()
    cloud.drop("race/empty.jpg", b"")
    failed = cloud.drop("race/2.jpg", toy_photo()).ref
    record_given_up(failed, attempts="5", documents=cloud.documents, events=cloud.events)
    entries = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    return {entry["message"]: entry for entry in entries}


def logging_metrics() -> dict[str, dict[str, Any]]:
    return {
        resource.name: resource.body for resource in terraform.resources() if resource.type == "google_logging_metric"
    }


def test_metrics_count_log_lines_that_are_written(log_entries: dict[str, dict[str, Any]]) -> None:
    [metrics] = terraform.parsed(terraform.TERRAFORM / "modules/operations/metrics.tf")["locals"]
    outcomes = set(metrics["outcomes"]) - {"__is_block__"}
    assert len(outcomes) == 4
    for outcome in outcomes:
        assert "photo_id" in log_entries.get(outcome, {}), f"no log line {outcome!r} has a photo_id"


def test_the_time_from_upload_to_result_is_where_the_metric_looks(log_entries: dict[str, dict[str, Any]]) -> None:
    metric = logging_metrics()["upload_to_result"]
    [extracted] = re.findall(r"^EXTRACT\(jsonPayload\.(\w+)\)$", metric["value_extractor"])
    [message] = re.findall(r'jsonPayload\.message = \\?"(\w+)\\?"', metric["filter"])
    assert isinstance(log_entries[message][extracted], float)
