"""Storage through the unmodified google-cloud-storage client, with notifications to our Pub/Sub."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1, storage

from support.local_stack import PROJECT, LocalStack, small_spec
from support.waiting import wait_until


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Storage, Pub/Sub, Firestore and Run Jobs, without Postgres and functions."""
    folder = tmp_path_factory.mktemp("small")
    stack = LocalStack(small_spec(folder), folder / "state")
    stack.start()
    yield stack
    stack.stop()


def notifications(count: int, subscription: str = "uploads-pull") -> list[tuple[str, str, dict[str, str]]]:
    """The next ``count`` notifications: event type, object and its metadata; acknowledged."""
    name = f"projects/{PROJECT}/subscriptions/{subscription}"
    found: list[tuple[str, str, dict[str, str]]] = []
    with pubsub_v1.SubscriberClient() as client:

        def enough() -> bool:
            response = client.pull(subscription=name, max_messages=10, timeout=10)
            for received in response.received_messages:
                attributes = received.message.attributes
                found.append((attributes["eventType"], attributes["objectId"], json.loads(received.message.data)))
            if response.received_messages:
                client.acknowledge(subscription=name, ack_ids=[r.ack_id for r in response.received_messages])
            return len(found) >= count

        wait_until(enough, f"{count} notifications")
    return found


def test_every_bucket_has_its_own_topic_for_notifications(servers: LocalStack) -> None:
    with servers.as_environment():
        for bucket in ("portraits", "derived", "photos"):
            storage.Client().bucket(bucket).blob(f"in-{bucket}").upload_from_string(b"x")
        assert [name for _, name, _ in notifications(1, "portrait-uploads-pull")] == ["in-portraits"]
        assert [name for _, name, _ in notifications(1)] == ["in-photos"]
        storage.Client().bucket("portraits").blob("in-portraits").delete()
        assert [(event, name) for event, name, _ in notifications(1, "portrait-uploads-pull")] == [
            ("OBJECT_DELETE", "in-portraits")
        ]


def test_objects_have_generations_and_notifications(servers: LocalStack) -> None:
    with servers.as_environment():
        photo = storage.Client().bucket("photos").blob("race/1.jpg")
        photo.upload_from_string(b"first", content_type="image/jpeg")
        first = photo.generation
        photo.upload_from_string(b"second", content_type="image/jpeg")
        assert photo.generation > first
        assert photo.download_as_bytes() == b"second"
        storage.Client().bucket("derived").blob("without-notification").upload_from_string(b"x")
        photo.delete()
        events = notifications(4)
    # In any order, as in the cloud; overwriting an object also deletes its former generation.
    assert sorted((event, data["generation"]) for event, _, data in events) == [
        ("OBJECT_DELETE", str(first)),
        ("OBJECT_DELETE", str(photo.generation)),
        ("OBJECT_FINALIZE", str(first)),
        ("OBJECT_FINALIZE", str(photo.generation)),
    ]
    assert {name for _, name, _ in events} == {"race/1.jpg"}
    assert {data["contentType"] for event, _, data in events if event == "OBJECT_FINALIZE"} == {"image/jpeg"}


def test_an_upload_with_generation_0_is_refused_if_the_object_exists(servers: LocalStack) -> None:
    with servers.as_environment():
        sidecar = storage.Client().bucket("derived").blob("sidecars/1.json")
        sidecar.upload_from_string(b"{}", if_generation_match=0)
        with pytest.raises(exceptions.PreconditionFailed):
            sidecar.upload_from_string(b"{}", if_generation_match=0)


def test_objects_survive_kill_9_at_the_same_address(servers: LocalStack) -> None:
    with servers.as_environment():
        bucket = storage.Client().bucket("derived")
        bucket.blob("kept").upload_from_string(b"kept")
        killed = servers.pid("storage")
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: servers.pieces["storage"].pid not in (None, killed), "storage runs again")
        wait_until(lambda: servers.pieces["storage"].state == "ready", "storage is ready again")
        assert bucket.blob("kept").download_as_bytes() == b"kept"
    assert servers.pieces["storage"].restarts == 1


def test_two_stacks_run_independently(servers: LocalStack, tmp_path: Path) -> None:
    other = LocalStack(small_spec(tmp_path), tmp_path / "state")
    other.start()
    try:
        assert not set(other.environment.values()) & {v for k, v in servers.environment.items() if k.endswith("HOST")}
        with other.as_environment():
            storage.Client().bucket("photos").blob("theirs").upload_from_string(b"x")
        with servers.as_environment():
            assert not storage.Client().bucket("photos").blob("theirs").exists()
    finally:
        other.stop()


def test_servers_named_by_the_callers_environment_are_used_instead(servers: LocalStack, tmp_path: Path) -> None:
    other = LocalStack(small_spec(tmp_path), tmp_path / "state")
    external = {name: servers.environment[name] for name in ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST")}
    other.start(**external)
    try:
        assert {name: other.environment[name] for name in external} == external
        assert other.pieces["pubsub"].state == other.pieces["firestore"].state == "external"
        assert other.pieces["pubsub"].pid is None
        with other.as_environment():
            storage.Client().bucket("photos").blob("through-theirs").upload_from_string(b"x")
        with servers.as_environment():
            assert notifications(1)[0][1] == "through-theirs"
    finally:
        other.stop()


def test_its_own_variables_in_the_callers_environment_are_ignored(servers: LocalStack) -> None:
    environment = servers.environment
    servers.stop()
    servers.start(**environment)
    assert servers.environment == environment
    assert servers.pieces["pubsub"].state == "ready"
