"""The function `rekognition` as deployed, on its own database and bucket, with boto3 clients."""

from __future__ import annotations

import functools
import itertools
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import cv2
import psycopg
import pytest
from botocore.config import Config
from google.cloud import pubsub_v1
from google.cloud.storage import Client as StorageClient
from psycopg.conninfo import make_conninfo

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.migrating import migrate
from photofinish.analysis.models.catalogue import model_for
from photofinish.domain.access import AwsCredentials, RateLimit, Scope
from photofinish_functions.rekognition.answers import face_model_version
from support.access import SECRETS, aws_credentials, new_key
from support.firestore_server import FirestoreServer
from support.pictures import BgrImage, astronaut, encode, group
from support.ports import free_port
from support.postgres import postgres_server
from support.pubsub_server import PubsubServer, ack, pull
from support.rekognition_model import check_answer

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

START_TIMEOUT_S = 60
UNLIMITED = RateLimit(per_second=10_000, burst=10_000)
PHOTO_BUCKET = "rekognition-photos"
MODEL_VERSION = face_model_version(model_for("face_embedding").embedding_space or "")
_FUNCTIONS = Path(__file__).parents[2] / "functions" / "main.py"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class PublishedMessages:
    """What is published on a topic."""

    subscriber: pubsub_v1.SubscriberClient
    subscription: str

    def take(self) -> int:
        """How many messages came since the last call."""
        count = 0
        while received := pull(self.subscriber, self.subscription):
            ack(self.subscriber, self.subscription, *received)
            count += len(received)
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class RekognitionServer:
    """A running server."""

    url: str
    conninfo: str
    access: PgAccessStore
    storage: StorageClient
    log: Path
    relay_runs: PublishedMessages
    """Asked for by requests that changed something."""

    def credentials(self, scope: Scope = Scope.ADMIN, **changes: Any) -> AwsCredentials:
        """The AWS pair of a new key."""
        return aws_credentials(new_key(self.access, scope=scope, **{"rate": UNLIMITED} | changes))

    def client(
        self,
        scope: Scope = Scope.ADMIN,
        *,
        credentials: AwsCredentials | None = None,
        attempts: int = 5,
        **changes: Any,
    ) -> RekognitionClient:
        """A boto3 client, with a new key unless `credentials` are given; each answer is checked against the model."""
        pair = credentials or self.credentials(scope, **changes)
        client = boto3.client(
            "rekognition",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id=pair.access_key_id,
            aws_secret_access_key=pair.secret_access_key,
            config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, max_pool_connections=20),
        )
        client.meta.events.register("before-parse.rekognition", check_answer)
        return client

    def upload(self, name: str, content: bytes) -> int:
        """Upload a photo to the deployment's bucket; returns its generation."""
        blob = self.storage.bucket(PHOTO_BUCKET).blob(name)
        blob.upload_from_string(content, content_type="image/jpeg")
        return int(blob.generation)


@contextmanager
def rekognition_server(folder: Path, storage: StorageClient) -> Iterator[RekognitionServer]:
    with FirestoreServer(folder / "firestore") as firestore, PubsubServer(folder / "pubsub") as pubsub:
        yield from _rekognition_server(folder, storage, firestore.address, pubsub)


def _messages(server: PubsubServer) -> PublishedMessages:
    topic, subscription = "projects/test/topics/webhook-deliveries", "projects/test/subscriptions/relay"
    server.publisher().create_topic(name=topic)
    subscriber = server.subscriber()
    subscriber.create_subscription(name=subscription, topic=topic)
    return PublishedMessages(subscriber, subscription)


def _rekognition_server(
    folder: Path, storage: StorageClient, firestore: str, pubsub: PubsubServer
) -> Iterator[RekognitionServer]:
    messages = _messages(pubsub)
    conninfo = _new_database()
    if storage.lookup_bucket(PHOTO_BUCKET) is None:
        storage.create_bucket(PHOTO_BUCKET)
    port, log = free_port(), folder / "rekognition.log"
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "gunicorn", "--config", "python:photofinish_functions.gunicorn_config"]
    with log.open("w") as output:
        process = subprocess.Popen(
            argv,
            env={key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GOOGLE_"))}
            | {
                "FUNCTION_TARGET": "rekognition",
                "FUNCTION_SIGNATURE_TYPE": "http",
                "FUNCTION_SOURCE": str(_FUNCTIONS),
                "HOST": "127.0.0.1",
                "PORT": str(port),
                "GOOGLE_CLOUD_PROJECT": "test",
                "PHOTOFINISH_REGION": "test-region",
                "PHOTOFINISH_PHOTO_BUCKET": PHOTO_BUCKET,
                "PHOTOFINISH_DERIVED_BUCKET": "rekognition-derived",
                **SECRETS,
                "PHOTOFINISH_FAILURE_RATE": "1000/10000",
                "DATABASE_URL": conninfo,
                "STORAGE_EMULATOR_HOST": storage._connection.API_BASE_URL,
                "FIRESTORE_EMULATOR_HOST": firestore,
                "PUBSUB_EMULATOR_HOST": pubsub.address,
            },
            stdout=output,
            stderr=output,
        )
    database = Database(conninfo)
    try:
        _wait_until_up(url, process, log)
        yield RekognitionServer(
            url=url,
            conninfo=conninfo,
            access=PgAccessStore(database),
            storage=storage,
            log=log,
            relay_runs=messages,
        )
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)
        database.close()


def collection_name() -> str:
    """A name that no other test uses."""
    return f"collection-{os.getpid()}-{next(_numbers)}"


@functools.cache
def astronaut_jpeg() -> bytes:
    """One person."""
    return encode(astronaut())


@functools.cache
def other_astronaut_jpeg() -> bytes:
    """The same person in another picture: mirrored, smaller, darker."""
    smaller = cv2.resize(astronaut()[20:420, 60:420], None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    return encode(cv2.convertScaleAbs(cv2.flip(smaller, 1), alpha=0.9).astype("uint8"))


@functools.cache
def group_jpeg() -> bytes:
    """Six people, none of them the astronaut."""
    return encode(group())


@functools.cache
def landscape_jpeg() -> bytes:
    """No person."""
    return encode(_landscape())


def _landscape() -> BgrImage:
    image = astronaut()
    image[:] = (200, 150, 90)
    image[256:] = (60, 120, 60)
    return image


def assert_code(caught: pytest.ExceptionInfo[Any], code: str) -> None:
    assert caught.value.response["Error"]["Code"] == code, caught.value


def _new_database() -> str:
    name = f"rekognition_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_server(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    conninfo = make_conninfo(postgres_server(), dbname=name)
    migrate(conninfo)
    return conninfo


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        assert process.poll() is None, f"the function did not start: {log.read_text()}"
        assert time.monotonic() < deadline, f"the function does not answer after {START_TIMEOUT_S} s: {log.read_text()}"
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            return  # it answers: GET is an unknown operation
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
