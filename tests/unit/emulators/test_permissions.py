"""What each call needs: the tables name every method that a server has, and the requests of our clients."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud.firestore_v1.types import CommitRequest, Document, Precondition, Write, firestore
from google.cloud.pubsub_v1 import types as pubsub
from google.cloud.run_v2 import types as run
from google.iam.v1 import iam_policy_pb2

from photofinish_emulators.common.iam import Need, Policy
from photofinish_emulators.firestore import permissions as of_firestore
from photofinish_emulators.pubsub import permissions as of_pubsub
from photofinish_emulators.run_jobs import permissions as of_run_jobs
from photofinish_emulators.storage_access import permissions as of_storage
from support.client_rpcs import services

JOB = "projects/p/locations/r/jobs/analyze"


def short(needs: list[Need]) -> set[tuple[str, str]]:
    return {(need.permission, need.on) for need in needs}


# --- Pub/Sub ---


def test_every_method_of_pubsub_has_its_permissions() -> None:
    for service, methods in services("google.pubsub_v1").items():
        assert methods <= of_pubsub._NEEDS.keys(), service


def test_creating_a_subscription_needs_something_of_its_topic_too() -> None:
    request = pubsub.Subscription(name="projects/p/subscriptions/s", topic="projects/p/topics/t")
    assert short(of_pubsub.needs("CreateSubscription", request)) == {
        ("pubsub.subscriptions.create", "project"),
        ("pubsub.topics.attachSubscription", "topic/t"),
    }


def test_only_the_first_request_of_a_streaming_pull_names_a_resource() -> None:
    first = pubsub.StreamingPullRequest(subscription="projects/p/subscriptions/s")
    assert short(of_pubsub.needs("StreamingPull", first)) == {("pubsub.subscriptions.consume", "subscription/s")}
    assert of_pubsub.needs("StreamingPull", pubsub.StreamingPullRequest(ack_ids=["1"])) == []


def test_policies_of_topics_and_subscriptions() -> None:
    topic = iam_policy_pb2.GetIamPolicyRequest(resource="projects/p/topics/t")
    assert short(of_pubsub.needs("GetIamPolicy", topic)) == {("pubsub.topics.getIamPolicy", "topic/t")}
    subscription = iam_policy_pb2.SetIamPolicyRequest(resource="projects/p/subscriptions/s")
    assert short(of_pubsub.needs("SetIamPolicy", subscription)) == {
        ("pubsub.subscriptions.setIamPolicy", "subscription/s")
    }


# --- Firestore ---


def test_every_method_of_firestore_has_its_permissions() -> None:
    for method in services("google.cloud.firestore_v1")["Firestore"]:
        request = getattr(firestore, f"{method}Request")
        of_firestore.needs(method, request.pb()())


@pytest.mark.parametrize(
    ("write", "permissions"),
    [
        (Write(delete="d"), {"delete"}),
        (Write(update=Document(name="d")), {"create", "update"}),
        (Write(update=Document(name="d"), current_document=Precondition(exists=False)), {"create"}),
        (Write(update=Document(name="d"), current_document=Precondition(exists=True)), {"update"}),
        (Write(update=Document(name="d"), current_document=Precondition(update_time={"seconds": 1})), {"update"}),
    ],
)
def test_a_write_needs_what_it_may_do(write: Write, permissions: set[str]) -> None:
    request = CommitRequest.pb(CommitRequest(database="projects/p/databases/(default)", writes=[write]))
    assert short(of_firestore.needs("Commit", request)) == {
        (f"datastore.entities.{permission}", "project") for permission in permissions
    }


# --- Cloud Run Jobs ---


def test_every_method_of_run_jobs_has_its_permissions() -> None:
    for service in ("Jobs", "Executions", "Tasks"):
        assert services("google.cloud.run_v2")[service] - {"TestIamPermissions"} <= of_run_jobs._NEEDS.keys()


def test_a_start_with_overrides_needs_one_more_permission() -> None:
    plain = run.RunJobRequest.pb(run.RunJobRequest(name=JOB))
    assert short(of_run_jobs.needs("RunJob", plain)) == {("run.jobs.run", "job/analyze")}
    overrides = run.RunJobRequest.pb(run.RunJobRequest(name=JOB, overrides={"task_count": 2}))
    assert ("run.jobs.runWithOverrides", "job/analyze") in short(of_run_jobs.needs("RunJob", overrides))


# --- Cloud Storage ---


@pytest.mark.parametrize(
    ("method", "path", "query", "permissions"),
    [
        ("GET", "/storage/v1/b/photos/o", {}, {("storage.objects.list", "bucket/photos")}),
        ("GET", "/storage/v1/b/photos/o/a%2Fb.jpg", {"alt": "media"}, {("storage.objects.get", "bucket/photos")}),
        ("GET", "/download/storage/v1/b/photos/o/a.jpg", {}, {("storage.objects.get", "bucket/photos")}),
        ("PATCH", "/storage/v1/b/photos/o/a.jpg", {}, {("storage.objects.update", "bucket/photos")}),
        ("DELETE", "/storage/v1/b/photos/o/a.jpg", {}, {("storage.objects.delete", "bucket/photos")}),
        ("POST", "/upload/storage/v1/b/photos/o", {"name": "a"}, {("storage.objects.create", "bucket/photos")}),
        ("PUT", "/upload/storage/v1/b/photos/o", {"upload_id": "1"}, set()),
        ("GET", "/storage/v1/b/photos", {}, {("storage.buckets.get", "bucket/photos")}),
        ("POST", "/storage/v1/b", {}, {("storage.buckets.create", "project")}),
        ("GET", "/photos/spring/a.jpg", {}, {("storage.objects.get", "bucket/photos")}),
        ("PUT", "/photos/spring/a.jpg", {}, {("storage.objects.create", "bucket/photos")}),
        ("OPTIONS", "/photos/spring/a.jpg", {}, set()),
        (
            "POST",
            "/storage/v1/b/photos/o/a/rewriteTo/b/derived/o/b",
            {},
            {("storage.objects.get", "bucket/photos"), ("storage.objects.create", "bucket/derived")},
        ),
    ],
)
def test_a_request_to_storage_needs(
    method: str, path: str, query: dict[str, str], permissions: set[tuple[str, str]]
) -> None:
    assert short(of_storage.needs(method, path, query).permissions) == permissions


def test_an_upload_may_overwrite() -> None:
    assert of_storage.needs("PUT", "/photos/a%2Fb.jpg", {}).overwrites == ("photos", "a/b.jpg")
    assert of_storage.needs("POST", "/upload/storage/v1/b/photos/o", {}, "c.jpg").overwrites == ("photos", "c.jpg")


# --- policies ---


def test_a_grant_on_the_project_is_one_on_everything_in_it(tmp_path: Path) -> None:
    written = Policy("p", {"a": {"project": {"x.get"}, "topic/t": {"x.publish"}}})
    written.write(tmp_path / "iam.json")
    policy = Policy.read(tmp_path / "iam.json")
    assert policy.allows("a", "x.get", "topic/any")
    assert policy.allows("a", "x.publish", "topic/t")
    assert not policy.allows("a", "x.publish", "topic/other")
    assert not policy.allows("b", "x.get", "project")
    missing = policy.first_missing("a", [Need("x.get", "topic/t", "t"), Need("x.publish", "topic/u", "u")])
    assert missing is not None
    assert missing.resource == "u"
