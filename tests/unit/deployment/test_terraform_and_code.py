"""What Terraform sets up is what the code asks for: topics, functions, settings, queries, rights."""

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

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.task_leases import FirestoreTaskLeases
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.logs import JsonFormatter
from photofinish.settings import (
    AccessSettings,
    ApiSettings,
    DatabaseSettings,
    JobSettings,
    LinkSettings,
    ModelEnvironment,
    RetentionSettings,
    Settings,
)
from photofinish_cli.local_deployment import local_deployment
from photofinish_emulators.stack import StackSpec
from photofinish_functions.events import Message, is_full_run
from support import terraform_config as terraform
from support.firestore_server import FirestoreServer, emulator_environment

ROOT = terraform.ROOT
INDEXES = terraform.TERRAFORM / "firestore" / "firestore.indexes.json"
FRAMEWORK_VARIABLES = {"LD_LIBRARY_PATH"}
PUBLIC = {"terraform/modules/http-function/main.tf: google_cloud_run_v2_service_iam_member.invoker"}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> StackSpec:
    return local_deployment(tmp_path_factory.mktemp("local-cloud"))


def default_of(settings: type[Settings], field: str) -> str:
    return str(settings.model_fields[field].default)


def required(*settings: type[Any]) -> set[str]:
    return {
        str(field.validation_alias) for kind in settings for field in kind.model_fields.values() if field.is_required()
    }


def known(*settings: type[Any]) -> set[str]:
    return {str(field.validation_alias) for kind in settings for field in kind.model_fields.values()}


def all_targets() -> list[str]:
    tree = ast.parse((ROOT / "functions" / "main.py").read_text(encoding="utf-8"))
    names = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    targets: list[str] = ast.literal_eval(names[0])
    return targets


def names_in(*nodes: ast.AST) -> set[str]:
    walked = [node for top in nodes for node in ast.walk(top)]
    return {node.id for node in walked if isinstance(node, ast.Name)} | {
        node.attr for node in walked if isinstance(node, ast.Attribute)
    }


def named_by(target: str) -> set[str]:
    """Names in an entry point and its package, in the helpers it calls, and in the parts of `wiring.App` it uses."""
    tree = ast.parse((ROOT / "functions/photofinish_functions/entry_points.py").read_text(encoding="utf-8"))
    functions = {node.name: names_in(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert target in functions, f"entry_points.py has no function {target}"
    followed = {name: named for name, named in functions.items() if name.startswith("_")} | APP
    package = ROOT / "functions/photofinish_functions" / target
    source = "".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    named = functions[target] | set(re.findall(r"\b(?:cloud|services)\.(\w+)", source))
    while more := set().union(*(followed[name] for name in named & followed.keys())) - named:
        named |= more
    return named


def names_by_property() -> dict[str, set[str]]:
    """What the body of each property of `wiring.App` names."""
    tree = ast.parse((ROOT / "shared/photofinish/wiring.py").read_text(encoding="utf-8"))
    [app] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {method.name: names_in(*method.body) for method in app.body if isinstance(method, ast.FunctionDef)}


APP = names_by_property()
ON_DATABASE = {name for name, named in APP.items() if "database" in named}
DOCUMENTS = {"documents", "people_documents", "leases"}
PARTS = {"store", "queue", "events", "launcher", "links", "enrolment_pictures"} | DOCUMENTS | ON_DATABASE


def parts_used_by(target: str) -> set[str]:
    """The adapters of `wiring.App` that an entry point uses."""
    return named_by(target) & PARTS


def settings_of(target: str) -> list[type[Any]]:
    """The classes of settings that an entry point reads, itself or through `wiring`."""
    readers = {
        "app": Settings,
        "ApiSettings": ApiSettings,
        "RetentionSettings": RetentionSettings,
        "model_settings": ModelEnvironment,
        "AccessSettings": AccessSettings,
        "LinkSettings": LinkSettings,
    }
    named = named_by(target)
    found: list[type[Any]] = [settings for name, settings in readers.items() if name in named]
    if named & ON_DATABASE:
        found.append(DatabaseSettings)
    return found


# --- topics and functions ---


def test_every_topic_that_the_code_publishes_to_exists() -> None:
    published = {default_of(Settings, "work_topic"), default_of(Settings, "results_topic")}
    assert published <= set(terraform.topic_names().values())


def test_the_cloud_has_the_topics_of_the_local_cloud(local: StackSpec) -> None:
    assert set(terraform.topic_names().values()) == {topic.name for topic in local.topics}


def test_every_function_is_set_up_and_every_target_exists() -> None:
    assert sorted(terraform.services()) == sorted(all_targets())


def test_services_have_the_local_clouds_names(local: StackSpec) -> None:
    in_cloud = {service.name: service.target for service in terraform.services().values()}
    assert in_cloud == {function.name: function.target for function in local.functions}


def test_subscriptions_push_what_the_local_cloud_pushes(local: StackSpec) -> None:
    in_cloud = {
        name: (
            service.name,
            terraform.topic_of(subscription["topic"]),
            terraform.topic_of(subscription["dead_letter_topic"]) if "dead_letter_topic" in subscription else None,
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


def test_schedules_publish_what_the_local_clouds_do_and_the_code_understands(local: StackSpec) -> None:
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


def test_the_queue_is_the_local_clouds(local: StackSpec) -> None:
    [pulled] = [subscription for subscription in local.subscriptions if not subscription.push_to]
    work = terraform.modules()["gpu_job"]["work"]
    assert terraform.topic_of(work["topic"]) == pulled.topic == default_of(Settings, "work_topic")
    assert pulled.dead_letter is not None
    assert terraform.topic_of(work["dead_letter_topic"]) == pulled.dead_letter.topic
    name = terraform.root_locals()["env"]["PHOTOFINISH_WORK_SUBSCRIPTION"]
    assert name == pulled.name == default_of(Settings, "work_subscription")


def test_the_job_has_the_codes_name(local: StackSpec) -> None:
    [variable] = [
        block["job_name"]
        for block in terraform.parsed(terraform.TERRAFORM / "variables.tf")["variable"]
        if "job_name" in block
    ]
    assert variable["default"] == default_of(Settings, "job") == local.jobs[0].name


# --- settings ---


@pytest.mark.parametrize("target", all_targets())
def test_every_function_has_the_settings_it_needs_and_no_others(target: str) -> None:
    service = terraform.services()[target]
    given = set(service.env) | service.secret_env
    classes = settings_of(target)
    assert Settings in classes, f"{target} does not reach its deployment: was the entry point found?"
    lacking = required(*classes) - given
    assert not lacking, f"{target} lacks {sorted(lacking)}"
    unknown = given - known(*classes)
    assert not unknown, f"{target} does not read {sorted(unknown)}, which Terraform gives to it"


def test_only_what_searches_indexes_or_migrates_knows_the_database() -> None:
    [database_url] = known(DatabaseSettings)
    knows = {target for target, service in terraform.services().items() if database_url in service.env}
    assert knows == {"api", "rekognition", "cluster_people", "on_enrolment_finalized", "expire"}
    assert database_url not in terraform.root_locals()["env"]


def test_the_migration_has_the_settings_it_needs() -> None:
    [migrate] = [resource for resource in terraform.resources() if resource.name == "migrate"]
    [container] = [
        container
        for container in migrate.body["template"][0]["template"][0]["containers"]
        if container["name"] == "migrate"
    ]
    given = terraform.environment_of(container["dynamic"][0]["env"]["for_each"])
    given |= terraform.environment_of(terraform.modules()["vector_database"]["migration"]["env"])
    # By the bucket `photofinish` knows that the environment names a deployment.
    needs = required(DatabaseSettings) | {"PHOTOFINISH_PHOTO_BUCKET"}
    assert needs <= set(given), f"the migration lacks {sorted(needs - set(given))}"


def test_the_job_has_the_settings_it_needs() -> None:
    [job_locals] = terraform.parsed(terraform.TERRAFORM / "modules/gpu-job/main.tf")["locals"]
    given = set(terraform.environment_of(terraform.modules()["gpu_job"]["env"]))
    given |= set(terraform.environment_of(job_locals["env"]))
    assert "PHOTOFINISH_ONNX_PROVIDERS" in given, "the job's own variables were not found"
    classes = (Settings, DatabaseSettings, JobSettings, ModelEnvironment)
    lacking = required(*classes) - given
    assert not lacking, f"the job lacks {sorted(lacking)}"
    unknown = given - known(*classes) - FRAMEWORK_VARIABLES
    assert not unknown, f"nothing reads {sorted(unknown)}, which Terraform gives to the job"


def test_every_choice_of_models_reaches_the_job() -> None:
    [job_locals] = terraform.parsed(terraform.TERRAFORM / "modules/gpu-job/main.tf")["locals"]
    lacking = known(ModelEnvironment) - set(terraform.environment_of(job_locals["env"]))
    assert lacking == {"PHOTOFINISH_MODELS_DIR"}, "Terraform can say which models; where they lie, the image says"


def test_all_who_know_embedding_spaces_compare_faces_in_the_same_one() -> None:
    pack = {"PHOTOFINISH_FACE_PACK", "PHOTOFINISH_ACCEPT_NONCOMMERCIAL"}
    services = terraform.services()
    for target in all_targets():
        assert (pack <= set(services[target].env)) == (ModelEnvironment in settings_of(target)), target


def test_own_models_are_where_the_images_have_them() -> None:
    for folder in ("functions", "gpu_jobs"):
        text = (ROOT / folder / "Dockerfile").read_text(encoding="utf-8")
        assert f"COPY own_models {terraform.root_locals()['own_models']}" in text
        assert "!own_models" in (ROOT / folder / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    user = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "gpu_jobs/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    [job] = [
        resource
        for resource in terraform.resources()
        if resource.type == "google_cloud_run_v2_job" and resource.name == "analyze"
    ]
    assert f"uid={user[0][0]}" in str(job.body), "whom the image runs as may write TensorRT's engines"
    assert f"gid={user[0][1]}" in str(job.body)


def test_secrets_come_as_secrets() -> None:
    secret = {
        str(field.validation_alias)
        for field in AccessSettings.model_fields.values()
        if "SecretStr" in str(field.annotation)
    }
    for service in terraform.services().values():
        assert not secret & set(service.env), f"{service.name} has a secret as plain text"


def test_defaults_of_terraform_are_the_codes() -> None:
    analysis = terraform.optional_defaults("analysis")
    assert float(analysis["max_tasks"]) == Settings.model_fields["max_gpu_tasks"].default
    assert float(analysis["photos_per_task"]) == Settings.model_fields["photos_per_task"].default
    assert float(analysis["batch_size"]) == JobSettings.model_fields["batch_size"].default
    assert float(analysis["idle_exit_s"]) == JobSettings.model_fields["idle_exit_s"].default


# --- log lines ---


def log_lines() -> dict[str, set[str]]:
    """Messages of `log.info("…", extra=fields(…))` and the like in the product → the fields they have."""
    lines: dict[str, set[str]] = {}
    for file in [file for folder in ("functions", "gpu_jobs", "shared") for file in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")):
                continue
            extra = next((keyword.value for keyword in node.keywords if keyword.arg == "extra"), None)
            if isinstance(extra, ast.Call) and isinstance(node.args[0], ast.Constant):
                fields_ = {keyword.arg for keyword in extra.keywords if keyword.arg}
                message = str(node.args[0].value)
                lines[message] = lines.get(message, fields_) & fields_
    return lines


def logging_metrics() -> dict[str, dict[str, Any]]:
    return {
        resource.name: resource.body for resource in terraform.resources() if resource.type == "google_logging_metric"
    }


def test_metrics_count_log_lines_that_are_written() -> None:
    [metrics] = terraform.parsed(terraform.TERRAFORM / "modules/operations/metrics.tf")["locals"]
    outcomes = set(metrics["outcomes"]) - {"__is_block__"}
    assert len(outcomes) == 4
    for outcome in outcomes:
        assert "photo_id" in log_lines().get(outcome, set()), f"no log line {outcome!r} tells a photo_id"


def test_the_time_from_upload_to_result_is_where_the_metric_looks() -> None:
    metric = logging_metrics()["upload_to_result"]
    [extracted] = re.findall(r"^EXTRACT\(jsonPayload\.(\w+)\)$", metric["value_extractor"])
    [message] = re.findall(r'jsonPayload\.message = \\?"(\w+)\\?"', metric["filter"])
    assert extracted in log_lines()[message]
    record = logging.LogRecord("job", logging.INFO, __file__, 1, message, None, None)
    record.fields = {extracted: 12.345}
    entry = json.loads(JsonFormatter().format(record))
    assert (entry["message"], entry[extracted]) == (message, 12.345), "Cloud Logging finds it in jsonPayload"


# --- rights ---


def is_among(target: str, members: dict[str, str]) -> bool:
    """Whether a function's account is one of the IAM `members` of a module call."""
    return bool({f"${{module.{target}.member}}", f'${{module.http["{target}"].member}}'} & set(members.values()))


@pytest.mark.parametrize("target", all_targets())
def test_a_function_may_do_what_its_code_does_and_no_more(target: str) -> None:
    used = parts_used_by(target)
    service = terraform.services()[target]
    topics = {"queue": "photo-work", "events": "photo-results"}
    assert service.publishes_to == {topic for part, topic in topics.items() if part in used}
    assert ("roles/datastore.user" in service.project_roles) == bool(used & DOCUMENTS)
    assert service.uses_database == bool(used & ON_DATABASE)
    assert service.signs_links == ("links" in used)
    bucket, enrolments = terraform.modules()["photo_bucket"], terraform.modules()["enrolment_bucket"]
    assert is_among(target, bucket["readers"]) == ("store" in used)
    assert is_among(target, bucket["derived_readers"]) == ("links" in used)
    assert is_among(target, enrolments["uploaders"]) == ("links" in used)
    assert is_among(target, enrolments["readers"]) == ("enrolment_pictures" in used)
    launchers = terraform.modules()["gpu_job"]["launchers"]
    assert (f"${{module.{target}.member}}" in launchers.values()) == ("launcher" in used)


def test_nobody_has_a_basic_role() -> None:
    roles = re.compile(r"roles/(owner|editor|viewer)\b")
    for resource in terraform.resources():
        assert not roles.search(str(resource.body)), f"{resource} gives a basic role"
    for name, module in terraform.modules().items():
        assert not roles.search(str(module)), f"module {name} gives a basic role"


def test_rights_are_added_and_none_is_taken_over() -> None:
    for resource in terraform.resources():
        assert not resource.type.endswith(("_iam_policy", "_iam_binding")), f"{resource} would remove others' rights"


def test_nothing_is_public_unless_listed() -> None:
    everybody = {str(resource) for resource in terraform.resources() if "allUsers" in str(resource.body)}
    assert everybody == PUBLIC
    for resource in terraform.resources():
        assert "allAuthenticatedUsers" not in str(resource.body), f"{resource} is open to every Google account"
        if resource.type == "google_storage_bucket":
            assert resource.body["public_access_prevention"] == "enforced", f"{resource} may become public"
            assert resource.body["uniform_bucket_level_access"] is True, f"{resource} has rights object by object"
        if resource.type == "google_sql_database_instance":
            assert resource.body["settings"][0]["ip_configuration"][0]["ipv4_enabled"] is False


def test_no_key_of_an_account_is_made() -> None:
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


def test_no_query_was_forgotten_here() -> None:
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
