"""The cloud's adapters on real servers of the local cloud, one of each for the test session; import what you use."""

from __future__ import annotations

import itertools
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client as FirestoreClient
from google.cloud.storage import Client as StorageClient

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.photo_store import GcsPhotoStore
from photofinish.adapters.google.photo_uploads import GcsPhotoUploads
from photofinish.adapters.google.pubsub import LanePlace, PubSubWorkQueue
from photofinish.adapters.google.task_leases import FirestoreTaskLeases
from photofinish.domain.lanes import Lane
from photofinish_emulators.storage import Storage
from support.firestore_server import FirestoreServer, emulator_environment
from support.ports import free_port
from support.pubsub_server import PubsubServer
from support.waiting import wait_until

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def storage_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageClient]:
    storage = Storage(directory=tmp_path_factory.mktemp("storage"), port=free_port(), notify_project=None)
    process = subprocess.Popen(storage.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{storage.url}/_internal/healthcheck", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    try:
        wait_until(answers, "fake-gcs-server answers")
        yield StorageClient(
            project="test",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=storage.url),
        )
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def photo_bucket(storage_client: StorageClient) -> str:
    name = f"photos-{next(_numbers)}"
    storage_client.create_bucket(name)
    return name


@pytest.fixture
def gcs_store(storage_client: StorageClient, photo_bucket: str) -> GcsPhotoStore:
    derived = f"derived-{next(_numbers)}"
    storage_client.create_bucket(derived)
    return GcsPhotoStore(storage_client, photo_bucket, derived)


@pytest.fixture
def gcs_uploads(storage_client: StorageClient, photo_bucket: str) -> GcsPhotoUploads:
    return GcsPhotoUploads(storage_client, photo_bucket)


@pytest.fixture(scope="session")
def pubsub_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubsubServer]:
    with PubsubServer(tmp_path_factory.mktemp("pubsub") / "state") as server:
        yield server


@pytest.fixture
def pubsub_queue(pubsub_server: PubsubServer) -> PubSubWorkQueue:
    return _queue(pubsub_server, exactly_once=True)


@pytest.fixture
def at_least_once_queue(pubsub_server: PubsubServer) -> PubSubWorkQueue:
    return _queue(pubsub_server, exactly_once=False)


def _queue(pubsub_server: PubsubServer, *, exactly_once: bool) -> PubSubWorkQueue:
    publisher, subscriber = pubsub_server.publisher(), pubsub_server.subscriber()
    number = next(_numbers)
    places = {lane: LanePlace(f"work-{lane}-{number}", f"work-{lane}-{number}") for lane in Lane}
    for place in places.values():
        topic = publisher.topic_path("test", place.topic)
        publisher.create_topic(name=topic)
        subscriber.create_subscription(
            request={
                "name": subscriber.subscription_path("test", place.subscription),
                "topic": topic,
                "ack_deadline_seconds": 10,
                "enable_exactly_once_delivery": exactly_once,
            }
        )
    return PubSubWorkQueue(publisher, subscriber, "test", places, bucket="b")


@pytest.fixture(scope="session")
def firestore_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreServer]:
    indexes = Path(__file__).parents[2] / "terraform" / "firestore" / "firestore.indexes.json"
    with FirestoreServer(tmp_path_factory.mktemp("firestore") / "state", indexes=indexes) as server:
        yield server


@pytest.fixture
def firestore_client(firestore_server: FirestoreServer) -> FirestoreClient:
    """A client of a project of its own, so that tests do not see each other's documents."""
    with emulator_environment(firestore_server):
        return FirestoreClient(project=f"test-{next(_numbers)}")


@pytest.fixture
def firestore_documents(firestore_client: FirestoreClient) -> FirestoreDocuments:
    return FirestoreDocuments(firestore_client)


@pytest.fixture
def firestore_leases(firestore_client: FirestoreClient) -> FirestoreTaskLeases:
    return FirestoreTaskLeases(firestore_client)
