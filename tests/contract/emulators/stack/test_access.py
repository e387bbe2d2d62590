"""The grants of the Terraform configuration, enforced by the local servers on the official clients and our adapters."""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, pubsub_v1, run_v2, storage
from google.oauth2 import service_account

from photofinish.adapters.google.run_jobs import CloudRunJobLauncher, executions_client, jobs_client
from photofinish_cli.local_access import DEPLOYER_ACCOUNT, terraform_access
from photofinish_cli.local_secrets import signing_credentials
from photofinish_cli.terraform_tables import TABLES
from photofinish_emulators import stack
from photofinish_emulators.stack import (
    Bucket,
    DeadLetter,
    Function,
    Job,
    RetryPolicy,
    StackSpec,
    Subscription,
    Topic,
)
from support.local_stack import LocalStack
from support.waiting import wait_until

PROJECT = "photofinish-local"
TOPICS = ("photo-uploads", "photo-work", "photo-results", "photo-reconcile", "photo-retention", "photo-dead")
# What a configuration without them looks like: account, resource, role.
REMOVED = (
    ("fn-on-object-finalized", "topic/photo-work", "roles/pubsub.publisher"),
    ("fn-on-dead-letter", "project", "roles/datastore.user"),
    ("fn-reconcile", "bucket/photos", "roles/storage.objectViewer"),
    ("fn-rescore-bibs", "bucket/derived", "roles/storage.objectViewer"),
    ("pubsub-agent", "subscription/photo-work-tasks", "roles/pubsub.subscriber"),
)


# Notes every event that it gets.
FUNCTION = """
import os
import functions_framework

@functions_framework.cloud_event
def record(event):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(event.data["subscription"].rsplit("/", 1)[-1] + "\\n")
"""


def description(tables: Path) -> StackSpec:
    """The servers, with the buckets, topics and the job of the product, and the accounts of the configuration."""
    access = terraform_access(tables)
    function, seen = tables.parent / "function.py", tables.parent / "seen"
    function.write_text(FUNCTION)
    seen.touch()
    accounts = tuple(account for account in access.grants if account.startswith(("fn-", "job-")))
    return StackSpec(
        project=PROJECT,
        buckets=(Bucket(name="photos"), Bucket(name="derived"), Bucket(name="enrolments")),
        topics=tuple(Topic(name=name) for name in TOPICS),
        subscriptions=(
            Subscription(
                name="photo-work-tasks",
                topic="photo-work",
                retry=RetryPolicy(minimum_backoff_s=0, maximum_backoff_s=0),
                dead_letter=DeadLetter(topic="photo-dead"),
            ),
            Subscription(name="dead", topic="photo-dead"),
            Subscription(name="reconcile", topic="photo-reconcile", push_to="reconcile", push_account="push-reconcile"),
            # An account that may not invoke it.
            Subscription(name="expire", topic="photo-retention", push_to="reconcile", push_account="push-expire"),
        ),
        functions=(
            Function(
                name="reconcile", source=function, target="record", signature="cloudevent", env={"SEEN": str(seen)}
            ),
        ),
        jobs=(Job(name="analyze", command=("true",)),),
        access=stack.Access(
            grants=access.grants,
            storage_agent=access.storage_agent,
            scheduler_agent=access.scheduler_agent,
            others=(*accounts, DEPLOYER_ACCOUNT),
        ),
    )


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """With the grants of the configuration, but for the `REMOVED` ones."""
    folder = tmp_path_factory.mktemp("access")
    tables = folder / "tables"
    shutil.copytree(TABLES, tables)
    applied = json.loads((tables / "applied.json").read_text())
    for account, on, role in REMOVED:
        applied["grants"][account][on].remove(role)
    (tables / "applied.json").write_text(json.dumps(applied))
    local = LocalStack(description(tables), folder / "state")
    local.start()
    with local.as_environment():
        for bucket in ("photos", "derived", "enrolments"):
            storage.Client(project=PROJECT).bucket(bucket).blob("there").upload_from_string(b"content")
    yield local
    local.stop()


@pytest.fixture
def run_as(servers: LocalStack) -> Callable[[str], mock._patch_dict]:
    def as_account(account: str) -> mock._patch_dict:
        return mock.patch.dict(os.environ, stack.account_environment(servers.state_dir, account))

    return as_account


@contextmanager
def lacks(permission: str, account: str) -> Iterator[None]:
    """The block's gRPC call is refused, and the error says whose permission is missing."""
    with pytest.raises(exceptions.PermissionDenied) as refused:
        yield
    [info] = refused.value.details
    assert (info.reason, info.domain) == ("IAM_PERMISSION_DENIED", "iam.googleapis.com")
    assert info.metadata["permission"] == permission
    assert info.metadata["account"] == f"{account}@{PROJECT}.iam.gserviceaccount.com"
    assert permission in str(refused.value)
    assert account in str(refused.value)


@contextmanager
def lacks_in_storage(permission: str, account: str) -> Iterator[None]:
    with pytest.raises(exceptions.Forbidden) as refused:
        yield
    assert f"{account}@{PROJECT}.iam.gserviceaccount.com does not have {permission} access" in str(refused.value)
    assert f"Permission '{permission}' denied on resource (or it may not exist)." in str(refused.value)


def bucket(name: str) -> storage.Bucket:
    return storage.Client(project=PROJECT, credentials=AnonymousCredentials()).bucket(name)


def publish(topic: str) -> str:
    published: str = pubsub_v1.PublisherClient().publish(f"projects/{PROJECT}/topics/{topic}", b"m").result(timeout=30)
    return published


SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/photo-work-tasks"


# --- Pub/Sub ---


def test_an_account_publishes_where_it_may_and_nowhere_else(run_as: Callable[[str], mock._patch_dict]) -> None:
    with run_as("fn-reconcile"):
        assert publish("photo-work")
        with lacks("pubsub.topics.publish", "fn-reconcile"):
            publish("photo-uploads")
    with run_as("fn-on-object-finalized"):
        assert publish("photo-results")
        with lacks("pubsub.topics.publish", "fn-on-object-finalized"):  # removed
            publish("photo-work")


def test_pulling_needs_a_role_on_the_subscription(run_as: Callable[[str], mock._patch_dict]) -> None:
    with run_as("job-analyze"), pubsub_v1.SubscriberClient() as subscriber:
        with run_as("fn-reconcile"):
            publish("photo-work")
        pulled = subscriber.pull(subscription=SUBSCRIPTION, max_messages=1, timeout=30)
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[pulled.received_messages[0].ack_id])
        with lacks("pubsub.subscriptions.delete", "job-analyze"):
            subscriber.delete_subscription(subscription=SUBSCRIPTION)
    with run_as("fn-api"), pubsub_v1.SubscriberClient() as subscriber:
        with lacks("pubsub.subscriptions.consume", "fn-api"):
            subscriber.pull(subscription=SUBSCRIPTION, max_messages=1, timeout=30)
        streaming = subscriber.subscribe(SUBSCRIPTION, lambda message: message.ack())
        with lacks("pubsub.subscriptions.consume", "fn-api"):
            streaming.result(timeout=30)


def test_no_dead_letter_is_forwarded_without_the_roles_of_pubsubs_account(
    run_as: Callable[[str], mock._patch_dict], servers: LocalStack
) -> None:
    log = servers.state_dir / "logs" / "pubsub.log"
    with run_as("job-analyze"), pubsub_v1.SubscriberClient() as subscriber:
        with run_as("fn-reconcile"):
            publish("photo-work")
        attempts: list[int] = []

        def failed_more_often_than_allowed() -> bool:
            pulled = subscriber.pull(subscription=SUBSCRIPTION, max_messages=1, timeout=30).received_messages
            attempts.extend(message.delivery_attempt for message in pulled)
            ids = [message.ack_id for message in pulled]
            if attempts[-1:] > [6]:
                subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ids)
                return True
            if ids:
                subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=ids, ack_deadline_seconds=0)
            return False

        wait_until(failed_more_often_than_allowed, "attempts beyond the five of the policy")
    missing = f"pubsub-agent@{PROJECT}.iam.gserviceaccount.com lacks pubsub.subscriptions.consume"
    wait_until(lambda: missing in log.read_text(), "the reason in the server's log")


# --- Firestore ---


def test_documents_need_a_role_on_the_project(run_as: Callable[[str], mock._patch_dict]) -> None:
    with run_as("fn-api"):
        client = firestore.Client(project=PROJECT)
        client.document("albums", "a").set({"x": 1})
        assert client.document("albums", "a").get().to_dict() == {"x": 1}
        assert len(client.collection("albums").get()) == 1
    with run_as("fn-on-dead-letter"):  # removed
        client = firestore.Client(project=PROJECT)
        with lacks("datastore.entities.get", "fn-on-dead-letter"):
            client.document("albums", "a").get()
        with lacks("datastore.entities.create", "fn-on-dead-letter"):
            client.document("albums", "b").set({"x": 1})
        with lacks("datastore.entities.delete", "fn-on-dead-letter"):
            client.document("albums", "a").delete()
        with lacks("datastore.databases.get", "fn-on-dead-letter"):
            client.transaction()._begin()


def test_listening_needs_a_role_too(run_as: Callable[[str], mock._patch_dict], servers: LocalStack) -> None:
    heard = threading.Event()
    with run_as("fn-api"):
        watch = firestore.Client(project=PROJECT).document("albums", "a").on_snapshot(lambda *_: heard.set())
        assert heard.wait(30)
        watch.unsubscribe()
    database = f"projects/{PROJECT}/databases/(default)"
    target = {"documents": {"documents": [f"{database}/documents/albums/a"]}, "target_id": 1}
    with run_as("fn-on-dead-letter"), lacks("datastore.entities.get", "fn-on-dead-letter"):  # removed
        client = firestore.Client(project=PROJECT)
        metadata = [("google-cloud-resource-prefix", database)]
        next(client._firestore_api.listen(iter([{"database": database, "add_target": target}]), metadata=metadata))
    log = servers.state_dir / "logs" / "firestore.log"
    refused = f"fn-on-dead-letter@{PROJECT}.iam.gserviceaccount.com lacks datastore.entities.get"
    wait_until(lambda: refused in log.read_text(), "the refusal in the server's log")


# --- Cloud Run Jobs ---


def test_starting_a_job_with_overrides_needs_its_own_role(run_as: Callable[[str], mock._patch_dict]) -> None:
    with run_as("fn-launch-workers"):
        address = os.environ["RUN_EMULATOR_HOST"]
        jobs, executions = jobs_client(address), executions_client(address)
        launcher = CloudRunJobLauncher(jobs, executions, PROJECT, "local", "analyze")
        execution = launcher.launch(task_count=1, env={})
        assert launcher.refusal(execution) is None
        with lacks("run.jobs.delete", "fn-launch-workers"):
            jobs.delete_job(name=f"projects/{PROJECT}/locations/local/jobs/analyze")
    with run_as("fn-api"), lacks("run.jobs.run", "fn-api"):
        jobs_client(os.environ["RUN_EMULATOR_HOST"]).run_job(
            run_v2.RunJobRequest(name=f"projects/{PROJECT}/locations/local/jobs/analyze")
        )


# --- Cloud Storage ---


def test_objects_are_read_and_written_where_a_role_allows(run_as: Callable[[str], mock._patch_dict]) -> None:
    with run_as("job-analyze"):
        photos, derived = bucket("photos"), bucket("derived")
        assert photos.blob("there").download_as_bytes() == b"content"
        assert "there" in [blob.name for blob in photos.list_blobs()]
        found = photos.get_blob("there")
        assert found is not None
        assert found.download_as_bytes() == b"content"  # by the address in the metadata
        with lacks_in_storage("storage.objects.create", "job-analyze"):
            photos.blob("new").upload_from_string(b"x")
        with lacks_in_storage("storage.objects.delete", "job-analyze"):
            photos.blob("there").delete()
        derived.blob("sidecar").upload_from_string(b"x", if_generation_match=0)
        with pytest.raises(exceptions.PreconditionFailed):  # not Forbidden: the role may overwrite
            derived.blob("sidecar").upload_from_string(b"x", if_generation_match=0)
        large = derived.blob("large", chunk_size=256 * 1024)  # a resumable upload of several requests
        large.upload_from_string(b"0123456789" * 60_000)
        assert large.download_as_bytes() == b"0123456789" * 60_000
    with run_as("fn-reconcile"), lacks_in_storage("storage.objects.list", "fn-reconcile"):  # removed
        list(bucket("photos").list_blobs())
    with run_as("fn-rescore-bibs"), lacks_in_storage("storage.objects.get", "fn-rescore-bibs"):  # removed
        bucket("derived").blob("there").download_as_bytes()


def test_a_creator_of_objects_overwrites_none(run_as: Callable[[str], mock._patch_dict]) -> None:
    with run_as(DEPLOYER_ACCOUNT):
        photos = bucket("photos")
        photos.blob("smoke-test/1.jpg").upload_from_string(b"x")
        with lacks_in_storage("storage.objects.create", DEPLOYER_ACCOUNT):  # its grant has a condition
            photos.blob("spring-10k/1.jpg").upload_from_string(b"x")
        with lacks_in_storage("storage.objects.delete", DEPLOYER_ACCOUNT):
            photos.blob("smoke-test/1.jpg").upload_from_string(b"y")
        with pytest.raises(exceptions.PreconditionFailed):  # it asks to overwrite nothing
            photos.blob("smoke-test/1.jpg").upload_from_string(b"y", if_generation_match=0)
        with lacks_in_storage("storage.objects.get", DEPLOYER_ACCOUNT):
            photos.blob("smoke-test/1.jpg").download_as_bytes()


def test_a_signed_link_grants_what_its_signer_may(run_as: Callable[[str], mock._patch_dict], tmp_path: Path) -> None:
    signer = service_account.Credentials.from_service_account_file(signing_credentials(tmp_path))

    def link(blob: storage.Blob, method: str) -> urllib.request.Request:
        url = blob.generate_signed_url(
            version="v4",
            expiration=timedelta(minutes=5),
            method=method,
            credentials=signer,
            api_access_endpoint=blob.client.api_endpoint,
        )
        return urllib.request.Request(url, method=method, data=b"picture" if method == "PUT" else None)

    with run_as("fn-api"):
        with urllib.request.urlopen(link(bucket("derived").blob("there"), "GET")) as answer:
            assert answer.read() == b"content"
        with urllib.request.urlopen(link(bucket("enrolments").blob("ada/1.jpg"), "PUT")) as answer:
            assert answer.status == 200
        for refused in (link(bucket("enrolments").blob("there"), "GET"), link(bucket("derived").blob("new"), "PUT")):
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(refused)
            assert error.value.code == 403
            assert f"fn-api@{PROJECT}.iam.gserviceaccount.com does not have" in error.value.read().decode()


def test_the_owner_may_do_everything(servers: LocalStack) -> None:
    with servers.as_environment():
        bucket("derived").blob("there").delete()
        assert publish("photo-uploads")
        firestore.Client(project=PROJECT).document("albums", "a").delete()


def test_preconditions_are_checked(run_as: Callable[[str], mock._patch_dict]) -> None:
    """Also those that fake-gcs-server ignores: of resumable uploads, reads and deletions."""
    with run_as("job-analyze"):
        derived = bucket("derived")
        chunk = 256 * 1024

        def resumable(name: str, **conditions: int) -> storage.Blob:
            blob = derived.blob(name, chunk_size=chunk)
            blob.upload_from_file(io.BytesIO(b"x" * (chunk + 1)), **conditions)
            return blob

        first = resumable("conditional", if_generation_match=0)
        for wrong in (0, 1):
            with pytest.raises(exceptions.PreconditionFailed, match="pre-conditions you specified did not hold"):
                resumable("conditional", if_generation_match=wrong)
        second = resumable("conditional", if_generation_match=first.generation)
        assert second.generation != first.generation
        with pytest.raises(exceptions.PreconditionFailed):
            derived.blob("conditional").download_as_bytes(if_generation_match=first.generation)
        with pytest.raises(exceptions.PreconditionFailed):
            derived.blob("conditional").delete(if_generation_match=first.generation)
        derived.blob("conditional").delete(if_generation_match=second.generation)
        with pytest.raises(exceptions.NotFound):
            derived.blob("conditional").delete(if_generation_match=second.generation)

        # They hold at the end of an upload, too.
        link = derived.blob("late").create_resumable_upload_session(
            size=1, content_type="text/plain", if_generation_match=0
        )
        derived.blob("late").upload_from_string(b"in between")
        late = urllib.request.Request(link, data=b"x", method="PUT")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(late, timeout=30)
        assert refused.value.code == 412
        assert derived.blob("late").download_as_bytes() == b"in between"
        with pytest.raises(exceptions.BadRequest, match="Disallowed unicode characters"):
            derived.blob("a\nb").upload_from_string(b"x")


# --- push requests ---


def test_a_push_needs_an_account_that_may_invoke_the_function(servers: LocalStack) -> None:
    seen = servers.state_dir.parent / "seen"
    with servers.as_environment():
        publish("photo-retention")
        publish("photo-reconcile")
        wait_until(lambda: "reconcile" in seen.read_text().split(), "the push")
    assert set(seen.read_text().split()) == {"reconcile"}, "push-expire may not invoke it"
    url = servers.pieces["reconcile"].address
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, data=b"{}", method="POST"), timeout=30)
    assert refused.value.code == 401
    wait_until(lambda: "push-expire" in (servers.state_dir / "logs" / "reconcile.log").read_text(), "the refusal")
