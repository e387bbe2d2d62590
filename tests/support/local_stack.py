"""A small local cloud with its own function and job, run by a real supervisor process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import psutil

from photofinish_emulators import stack
from photofinish_emulators.stack import (
    Bucket,
    Command,
    DeadLetter,
    Event,
    Function,
    Job,
    Notification,
    RetryPolicy,
    Schedule,
    StackSpec,
    Subscription,
    Topic,
)

PROJECT = "tiny"
JOB = f"projects/{PROJECT}/locations/local/jobs/tiny-job"
WAITING_JOB = f"projects/{PROJECT}/locations/local/jobs/waiting-job"

# Records notifications about objects in Postgres; a repeated one changes nothing. Fails while the file REFUSE exists.
FUNCTION = """
import base64, json, os
import functions_framework
import psycopg

@functions_framework.cloud_event
def record(event):
    if os.path.exists(os.environ["REFUSE"]):
        raise RuntimeError("refused by the test")
    data = json.loads(base64.b64decode(event.data["message"]["data"]))
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute(
            "INSERT INTO seen (name, generation) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (data["name"], data["generation"]),
        )

@functions_framework.http
def hello(request):
    return os.environ["GREETING"]
"""

MIGRATION = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    connection.execute("CREATE TABLE IF NOT EXISTS seen (name text, generation bigint, PRIMARY KEY (name, generation))")
"""

# Copies the object named in its arguments to the second bucket, and writes a Firestore document about it.
TASK = """
import os, sys
from google.cloud import firestore, storage
content = storage.Client().bucket("photos").blob(sys.argv[1]).download_as_bytes()
storage.Client().bucket("derived").blob(sys.argv[1]).upload_from_string(content.upper())
firestore.Client().document("copies", sys.argv[1]).set({"size": len(content)})
"""

# Waits until the file named in its arguments exists.
WAIT = """
import pathlib, sys, time
print("waiting", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""

EMULATOR_VARIABLES = (
    "DATABASE_URL",
    "FIRESTORE_EMULATOR_HOST",
    "PUBSUB_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "RUN_EMULATOR_HOST",
    "GOOGLE_CLOUD_PROJECT",
)


def tiny_spec(folder: Path) -> StackSpec:
    """Bucket ▸ topic ▸ function ▸ Postgres, and a job from bucket to bucket and Firestore; its files in ``folder``."""
    source = folder / "main.py"
    source.write_text(FUNCTION)
    return StackSpec(
        project=PROJECT,
        buckets=(
            Bucket(name="photos", notifications=(Notification(topic="uploads"),)),
            Bucket(
                name="portraits",
                notifications=(
                    Notification(topic="portrait-uploads", events=("OBJECT_FINALIZE",)),
                    Notification(topic="portrait-deletions", events=("OBJECT_ARCHIVE",)),
                ),
                versioned=True,
            ),
            Bucket(name="derived"),
        ),
        topics=(
            Topic(name="uploads"),
            Topic(name="portrait-uploads"),
            Topic(name="portrait-deletions"),
            Topic(name="dead"),
            Topic(name="ticks"),
        ),
        subscriptions=(
            Subscription(
                name="uploads-record",
                topic="uploads",
                push_to="record",
                retry=RetryPolicy(minimum_backoff_s=1, maximum_backoff_s=5),
                dead_letter=DeadLetter(topic="dead", max_delivery_attempts=10),
            ),
            Subscription(name="uploads-pull", topic="uploads"),
            Subscription(name="portrait-uploads-pull", topic="portrait-uploads"),
            Subscription(name="portrait-deletions-pull", topic="portrait-deletions"),
            Subscription(name="ticks-pull", topic="ticks"),
        ),
        functions=(
            Function(
                name="record",
                source=source,
                target="record",
                signature="cloudevent",
                env={"REFUSE": str(folder / "refuse")},
            ),
            Function(name="hello", source=source, target="hello", env={"GREETING": "hello there"}),
        ),
        jobs=(
            Job(name="tiny-job", command=(sys.executable, "-c", TASK), args=("a.txt",), max_retries=1),
            Job(name="waiting-job", command=(sys.executable, "-c", WAIT), args=(str(folder / "go"),)),
        ),
        schedules=(Schedule(name="tick", interval_s=5, topic="ticks", body="tock"),),
        postgres_database="tiny",
        after_postgres=(Command(name="migrate", argv=(sys.executable, "-c", MIGRATION)),),
    )


def small_spec(folder: Path) -> StackSpec:
    """Only the servers, without Postgres and functions, which starts faster."""
    whole = tiny_spec(folder)
    subscriptions = tuple(replace(subscription, push_to=None) for subscription in whole.subscriptions)
    return replace(
        whole, functions=(), schedules=(), subscriptions=subscriptions, postgres_database=None, after_postgres=()
    )


class LocalStack:
    """A stack in a separate process, which tests can kill and restart."""

    def __init__(self, spec: StackSpec, state_dir: Path) -> None:
        self.spec = spec
        self.state_dir = state_dir
        self.events: list[Event] = []

    def start(self, **environ: str) -> None:
        """Start it with this process's environment and ``environ``, but without other variables of emulators."""
        clean = {name: value for name, value in os.environ.items() if name not in EMULATOR_VARIABLES}
        stack.start_detached(self.spec, self.state_dir, on_event=self.events.append, environ=clean | environ)

    def stop(self) -> None:
        stack.stop(self.state_dir)

    @property
    def environment(self) -> dict[str, str]:
        return stack.environment(self.state_dir)

    @property
    def pieces(self) -> dict[str, stack.PieceStatus]:
        return stack.pieces(self.state_dir)

    def pid(self, name: str) -> int:
        pid = self.pieces[name].pid
        assert pid is not None, f"{name} has no process: {self.pieces[name]}"
        return pid

    def processes(self) -> list[psutil.Process]:
        """All processes of all pieces."""
        roots = [psutil.Process(piece.pid) for piece in self.pieces.values() if piece.pid is not None]
        return [process for root in roots for process in (root, *root.children(recursive=True))]

    @contextmanager
    def as_environment(self) -> Iterator[None]:
        """Set the variables with which the official clients find this stack."""
        with mock.patch.dict(os.environ, self.environment):
            yield
