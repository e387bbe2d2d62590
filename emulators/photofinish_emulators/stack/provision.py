"""Makes sure that topics, subscriptions, buckets and jobs exist as described; doing it again changes nothing.

A process of its own (``python -m photofinish_emulators.stack.provision STATE_DIR``), so that the supervisor stays
without the client libraries: their threads would make forking unsafe, and their memory would be its own for good.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import grpc
from google.api_core.exceptions import AlreadyExists, Conflict
from google.cloud import run_v2
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.cloud.run_v2.services.jobs.transports import JobsGrpcTransport
from google.cloud.storage import Client as StorageClient
from google.protobuf import duration_pb2, field_mask_pb2

from photofinish_emulators.stack import state
from photofinish_emulators.stack.spec import Job, StackSpec, Subscription

SPEC_FILE = "spec.json"
TIMEOUT_S = 30.0
# What can be changed of a subscription that exists already.
CHANGEABLE = (
    "push_config",
    "ack_deadline_seconds",
    "retry_policy",
    "dead_letter_policy",
    "message_retention_duration",
    "enable_exactly_once_delivery",
)


def provision(spec: StackSpec, environment: dict[str, str], function_urls: dict[str, str]) -> None:
    """Create what is missing, and update what can be changed. The addresses come from this process' environment."""
    create_topics(spec)
    for subscription in spec.subscriptions:
        put_subscription(spec.project, subscription, function_urls)
    create_buckets(spec)
    with grpc.insecure_channel(environment["RUN_EMULATOR_HOST"]) as channel:
        client = run_v2.JobsClient(transport=JobsGrpcTransport(channel=channel))
        for job in spec.jobs:
            put_job(client, spec, job, environment)


def create_topics(spec: StackSpec) -> None:
    publisher = PublisherClient()
    for topic in spec.topics:
        try:
            publisher.create_topic(name=_topic(spec.project, topic.name), timeout=TIMEOUT_S)
        except AlreadyExists:
            continue


def put_subscription(project: str, wanted: Subscription, function_urls: dict[str, str]) -> None:
    client = SubscriberClient()
    push = types.PushConfig()
    if wanted.push_to is not None:
        push.push_endpoint = function_urls[wanted.push_to]
        push.attributes["x-emulator-push-format"] = wanted.push_format
    request = types.Subscription(
        name=f"projects/{project}/subscriptions/{wanted.name}",
        topic=_topic(project, wanted.topic),
        push_config=push,
        ack_deadline_seconds=wanted.ack_deadline_s,
        message_retention_duration=_duration(wanted.retention_s),
        enable_message_ordering=wanted.ordered,
        enable_exactly_once_delivery=wanted.exactly_once,
        filter=wanted.filter,
        expiration_policy=types.ExpirationPolicy(),  # never
    )
    if wanted.retry is not None:
        request.retry_policy = types.RetryPolicy(
            minimum_backoff=_duration(wanted.retry.minimum_backoff_s),
            maximum_backoff=_duration(wanted.retry.maximum_backoff_s),
        )
    if wanted.dead_letter is not None:
        request.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=_topic(project, wanted.dead_letter.topic),
            max_delivery_attempts=wanted.dead_letter.max_delivery_attempts,
        )
    with client:
        try:
            client.create_subscription(request=request, timeout=TIMEOUT_S)
        except AlreadyExists:
            existing = client.get_subscription(subscription=request.name, timeout=TIMEOUT_S)
            for name in ("topic", "filter", "enable_message_ordering"):
                if getattr(existing, name) != getattr(request, name):
                    raise SystemExit(
                        f"subscription {wanted.name}: its {name} is {getattr(existing, name)!r} and cannot be changed "
                        f"to {getattr(request, name)!r}: delete the subscription, or give the new one another name"
                    ) from None
            mask = field_mask_pb2.FieldMask(paths=CHANGEABLE)
            client.update_subscription(request={"subscription": request, "update_mask": mask}, timeout=TIMEOUT_S)


def create_buckets(spec: StackSpec) -> None:
    if spec.buckets:
        client = StorageClient(project=spec.project)
        for bucket in spec.buckets:
            try:
                client.create_bucket(bucket.name, timeout=TIMEOUT_S)
            except Conflict:
                continue


def put_job(client: run_v2.JobsClient, spec: StackSpec, wanted: Job, environment: dict[str, str]) -> None:
    env = environment | dict(spec.env) | dict(wanted.env)
    container = run_v2.Container(
        image="local",
        command=list(wanted.command),
        args=list(wanted.args),
        env=[run_v2.EnvVar(name=name, value=value) for name, value in env.items()],
    )
    if wanted.gpus:
        container.resources = run_v2.ResourceRequirements(limits={"nvidia.com/gpu": str(wanted.gpus)})
    task = run_v2.TaskTemplate(
        containers=[container], max_retries=wanted.max_retries, timeout=_duration(wanted.task_timeout_s)
    )
    template = run_v2.ExecutionTemplate(template=task, task_count=wanted.task_count, parallelism=wanted.parallelism)
    name = f"projects/{spec.project}/locations/{spec.location}/jobs/{wanted.name}"
    request = run_v2.UpdateJobRequest(job=run_v2.Job(name=name, template=template), allow_missing=True)
    operation: Any = client.update_job(request, timeout=TIMEOUT_S)
    operation.result(timeout=TIMEOUT_S)


def _topic(project: str, name: str) -> str:
    return f"projects/{project}/topics/{name}"


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration


def main(state_dir: Path) -> None:
    spec = StackSpec.from_json((state_dir / SPEC_FILE).read_text())
    status = state.read(state_dir)
    assert status is not None  # its supervisor started this process
    urls = {function.name: status.pieces[function.name].address for function in spec.functions}
    provision(spec, status.environment, urls)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
