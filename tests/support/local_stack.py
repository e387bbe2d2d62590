"""A small local cloud with a function and a job of the test's own, run by a real supervisor process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from photofinish_emulators.stack import (
    Bucket,
    Command,
    DeadLetter,
    Function,
    Job,
    RetryPolicy,
    StackSpec,
    Subscription,
    Topic,
)

PROJECT = "tiny"
JOB = f"projects/{PROJECT}/locations/local/jobs/tiny-job"

# Records in Postgres which objects were announced; the same announcement twice changes nothing.
FUNCTION = '''
import base64, json, os
import functions_framework
import psycopg

@functions_framework.cloud_event
def record(event):
    data = json.loads(base64.b64decode(event.data["message"]["data"]))
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute(
            "INSERT INTO seen (name, generation) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (data["name"], data["generation"]),
        )

@functions_framework.http
def hello(request):
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO calls (schedule) VALUES (%s)", (request.headers.get("X-CloudScheduler-JobName"),))
    return os.environ["GREETING"]
'''

MIGRATION = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    connection.execute("CREATE TABLE IF NOT EXISTS seen (name text, generation bigint, PRIMARY KEY (name, generation))")
    connection.execute("CREATE TABLE IF NOT EXISTS calls (id serial, schedule text)")
"""

# Copies the object named in its arguments to the second bucket, and leaves a Firestore document about it.
TASK = """
import os, sys
from google.cloud import firestore, storage
photos = storage.Client().bucket("photos")
content = photos.blob(sys.argv[1]).download_as_bytes()
storage.Client().bucket("derived").blob(sys.argv[1]).upload_from_string(content.upper())
firestore.Client().document("photos", sys.argv[1]).set({"size": len(content), "task": os.environ["CLOUD_RUN_TASK_INDEX"]})
print("copied", sys.argv[1])
"""


def tiny_spec(folder: Path) -> StackSpec:
    """Bucket ▸ topic ▸ function ▸ Postgres, and a job from bucket to bucket and Firestore; its files in ``folder``."""
    source = folder / "main.py"
    source.write_text(FUNCTION)
    return StackSpec(
        project=PROJECT,
        buckets=(Bucket(name="photos", notify="uploads"), Bucket(name="derived")),
        topics=(Topic(name="uploads"), Topic(name="dead")),
        subscriptions=(
            Subscription(
                name="uploads-record",
                topic="uploads",
                push_to="record",
                retry=RetryPolicy(minimum_backoff_s=1, maximum_backoff_s=5),
                dead_letter=DeadLetter(topic="dead", max_delivery_attempts=10),
            ),
            Subscription(name="uploads-pull", topic="uploads"),
        ),
        functions=(
            Function(name="record", source=source, target="record", signature="cloudevent"),
            Function(name="hello", source=source, target="hello", env={"GREETING": "hello there"}),
        ),
        jobs=(Job(name="tiny-job", command=(sys.executable, "-c", TASK), args=("a.txt",), max_retries=1),),
        postgres_database="tiny",
        after_postgres=(Command(name="migrate", argv=(sys.executable, "-c", MIGRATION)),),
    )


def small_spec(folder: Path) -> StackSpec:
    """The servers alone, without Postgres and functions: it starts faster."""
    whole = tiny_spec(folder)
    subscriptions = tuple(replace(subscription, push_to=None) for subscription in whole.subscriptions)
    return replace(whole, functions=(), subscriptions=subscriptions, postgres_database=None, after_postgres=())


def run_with(environment: dict[str, str], code: str, *arguments: str) -> str:
    """What Python ``code`` prints in a process that has ``environment`` on top of this one's.

    The official clients read their addresses from the environment, so each stack gets its own process.
    """
    import os

    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if result.returncode != 0:
        raise AssertionError(f"the client failed: {result.stderr[-2000:]}")
    return result.stdout.strip()
