"""What Terraform sets up is what the code needs: topics, functions, settings, queries, IAM grants."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.firestore import Client
from pydantic_settings import BaseSettings

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.task_leases import FirestoreTaskLeases
from photofinish.application.dead_letters import record_given_up
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.logs import JsonFormatter
from photofinish.settings import (
    AccessSettings,
    DatabaseSettings,
    JobSettings,
    ModelEnvironment,
    Settings,
)
from photofinish_cli.local_deployment import local_deployment
from photofinish_emulators.stack import StackSpec
from photofinish_functions.events import Message, is_full_run
from photofinish_functions.function_specs import FUNCTIONS, FunctionSpec
from support import terraform_config as terraform
from support.firestore_server import FirestoreServer, emulator_environment
from support.function_use import function_environment, use_of
from support.pipeline import MemoryCloud, toy_photo

ROOT = terraform.ROOT
INDEXES = terraform.TERRAFORM / "firestore" / "firestore.indexes.json"
FRAMEWORK_VARIABLES = {"LD_LIBRARY_PATH"}
PUBLIC = {"terraform/modules/http-function/main.tf: google_cloud_run_v2_service_iam_member.invoker"}


BY_ENTRY_POINT = {spec.entry_point: spec for spec in FUNCTIONS}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> StackSpec:
    return local_deployment(tmp_path_factory.mktemp("local-cloud"))


def default_of(settings: type[Settings], field: str) -> str:
    return str(settings.model_fields[field].default)


def required(*settings: type[BaseSettings]) -> set[str]:
    return {
        str(field.validation_alias) for kind in settings for field in kind.model_fields.values() if field.is_required()
    }


def known(*settings: type[BaseSettings]) -> set[str]:
    return {str(field.validation_alias) for kind in settings for field in kind.model_fields.values()}


# --- topics and functions ---


def test_every_topic_that_the_code_publishes_to_exists() -> None:
    published = {default_of(Settings, "work_topic"), default_of(Settings, "results_topic")}
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


def test_schedules_publish_what_the_local_cloud_does_and_the_code_accepts(local: StackSpec) -> None:
    in_cloud = {
        name.removeprefix("photofinish-"): (terraform.topic_of(schedule["topic"]), schedule.get("body", "{}"))
        for name, schedule in terraform.modules()["operations"]["schedules"].items()
        if name != "__is_block__"
    }
    assert in_cloud == {schedule.name: (schedule.topic, schedule.body) for schedule in local.schedules}
    full = {
        name: is_full_run(Message(data=body.encode(), attributes={}, publish_time=datetime.now(UTC)))
        for name, (topic, body) in in_cloud.items()
        if topic == "photo-reconcile"
    }
    assert full == {"reconcile": False, "reconcile-all": True}


def test_the_queue_matches_the_local_cloud(local: StackSpec) -> None:
    [pulled] = [subscription for subscription in local.subscriptions if not subscription.push_to]
    work = terraform.modules()["gpu_job"]["work"]
    assert terraform.topic_of(work["topic"]) == pulled.topic == default_of(Settings, "work_topic")
    assert pulled.dead_letter is not None
    assert terraform.topic_of(work["dead_letter_topic"]) == pulled.dead_letter.topic
    name = terraform.root("locals")["env"]["PHOTOFINISH_WORK_SUBSCRIPTION"]
    assert name == pulled.name == default_of(Settings, "work_subscription")


def test_the_job_name_matches_the_code(local: StackSpec) -> None:
    assert terraform.root("variable")["job_name"]["default"] == default_of(Settings, "job") == local.jobs[0].name


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
    [database_url] = known(DatabaseSettings)
    given = {service.name for service in terraform.services().values() if database_url in service.env}
    assert given == {spec.name for spec in FUNCTIONS if DatabaseSettings in spec.settings}
    assert given == {"api", "rekognition", "cluster-people", "on-enrolment-finalized", "expire"}
    assert database_url not in terraform.root("locals")["env"]


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
    needs = required(DatabaseSettings) | {"PHOTOFINISH_PHOTO_BUCKET"}
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
        for field in AccessSettings.model_fields.values()
        if "SecretStr" in str(field.annotation)
    }
    for service in terraform.services().values():
        assert not secret & service.env, f"{service.name} has a secret as plain text"


def test_defaults_of_terraform_match_the_code() -> None:
    analysis = terraform.optional_defaults("analysis")
    assert float(analysis["max_tasks"]) == Settings.model_fields["max_gpu_tasks"].default
    assert float(analysis["photos_per_task"]) == Settings.model_fields["photos_per_task"].default
    assert float(analysis["batch_size"]) == JobSettings.model_fields["batch_size"].default
    assert float(analysis["idle_exit_s"]) == JobSettings.model_fields["idle_exit_s"].default


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


# --- IAM grants ---


@pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)
def test_a_function_may_do_what_its_code_does_and_no_more(
    spec: FunctionSpec, local: StackSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = use_of(spec.entry_point, function_environment(local), monkeypatch)
    service = terraform.services()[spec.entry_point]
    calls = terraform.modules()
    member = f'${{module.{"event" if spec.signature == "cloudevent" else "http"}_function["{spec.name}"].member}}'
    assert service.publishes_to == {
        topic for part, topic in {"queue": "photo-work", "events": "photo-results"}.items() if part in used.parts
    }
    assert ("firestore" in service.uses) == ("_firestore" in used.parts)
    assert ("database" in service.uses) == ("_database" in used.parts)
    assert ("signed_links" in service.uses) == ("links" in used.parts)
    for granted, part in (
        (calls["photo_bucket"]["readers"], "store"),
        (calls["photo_bucket"]["derived_readers"], "links"),
        (calls["enrolment_bucket"]["uploaders"], "links"),
        (calls["enrolment_bucket"]["readers"], "enrolment_pictures"),
        (calls["gpu_job"]["launchers"], "launcher"),
    ):
        assert (member in granted.values()) == (part in used.parts), f"{spec.name}: {part}"


def test_no_basic_role_is_granted() -> None:
    roles = re.compile(r"roles/(owner|editor|viewer)\b")
    for resource in terraform.resources():
        assert not roles.search(str(resource.body)), f"{resource} grants a basic role"
    for name, module in terraform.modules().items():
        assert not roles.search(str(module)), f"module {name} grants a basic role"


def test_grants_are_added_to_those_of_others() -> None:
    for resource in terraform.resources():
        assert not resource.type.endswith(("_iam_policy", "_iam_binding")), f"{resource} would remove other grants"


def test_nothing_is_public_unless_listed() -> None:
    public = {str(resource) for resource in terraform.resources() if "allUsers" in str(resource.body)}
    assert public == PUBLIC
    for resource in terraform.resources():
        assert "allAuthenticatedUsers" not in str(resource.body), f"{resource} is open to every Google account"
        if resource.type == "google_storage_bucket":
            assert resource.body["public_access_prevention"] == "enforced", f"{resource} may become public"
            assert resource.body["uniform_bucket_level_access"] is True, f"{resource} has permissions per object"
        if resource.type == "google_sql_database_instance":
            assert resource.body["settings"][0]["ip_configuration"][0]["ipv4_enabled"] is False


def test_no_service_account_key_is_created() -> None:
    assert not [str(r) for r in terraform.resources() if r.type in {"google_service_account_key", "random_password"}]


# --- queries ---


@pytest.fixture(scope="module")
def firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreServer]:
    with FirestoreServer(tmp_path_factory.mktemp("firestore") / "state", indexes=INDEXES) as server:
        yield server


def read_everything(client: Client) -> None:
    """Every query that the adapters make."""
    documents, leases = FirestoreDocuments(client), FirestoreTaskLeases(client)
    ref = PhotoRef(bucket="photos", name="spring-10k/a.jpg", generation=1)
    photo = StoredPhoto(ref=ref, size_bytes=1, content_type="image/jpeg", uploaded_at=datetime.now(UTC))
    documents.record_queued(photo, event_at=datetime.now(UTC), trace_id="t")
    documents.states([ref])
    documents.get("spring-10k", ref.photo_id)
    documents.counts("spring-10k")
    list(documents.list_photos("spring-10k"))
    list(documents.list_photos("spring-10k", status=PhotoStatus.DONE))
    documents.latest_final("spring-10k", limit=5)
    leases.live()
    assert len(documents.longest_outstanding("spring-10k", limit=5)) == 1
    assert documents.outstanding() == 1


def queries_of_the_adapter() -> set[str]:
    """Methods of FirestoreDocuments that filter or order, which is what indexes are for."""
    source = (ROOT / "shared/photofinish/adapters/google/documents.py").read_text(encoding="utf-8")
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return {
        method.name
        for kind in classes
        for method in kind.body
        if isinstance(method, ast.FunctionDef)
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and node.attr in {"where", "order_by", "collection_group"}
    }


def test_every_query_has_its_index(firestore: FirestoreServer) -> None:
    with emulator_environment(firestore):
        read_everything(Client(project="check"))


def test_every_query_of_the_adapter_is_tried() -> None:
    tried = {
        node.func.attr
        for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert queries_of_the_adapter() <= tried, "add the adapter's new queries to read_everything()"


def test_without_the_indexes_the_queries_fail(tmp_path: Path) -> None:
    empty = tmp_path / "firestore.indexes.json"
    empty.write_text('{"indexes": [], "fieldOverrides": []}', encoding="utf-8")
    with FirestoreServer(tmp_path / "state", indexes=empty) as server, emulator_environment(server):
        documents = FirestoreDocuments(Client(project="check"))
        for query in (documents.outstanding, lambda: documents.longest_outstanding("a", limit=1)):
            with pytest.raises(exceptions.FailedPrecondition, match="index"):
                query()
