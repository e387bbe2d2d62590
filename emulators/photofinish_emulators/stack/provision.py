"""Creates and updates topics, subscriptions, buckets and jobs as described; running it again changes nothing.

It is a separate process (``python -m photofinish_emulators.stack.provision STATE_DIR``), so that the supervisor does
not load the client libraries: their threads make forking unsafe, and their memory would never be released.
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

from photofinish_emulators.common.iam import Policy
from photofinish_emulators.stack import state
from photofinish_emulators.stack.spec import Job, StackSpec, Subscription

SPEC_FILE = "spec.json"
TIMEOUT_S = 30.0
# The fields of an existing subscription that can be changed.
CHANGEABLE = (
    "push_config",
    "ack_deadline_seconds",
    "retry_policy",
    "dead_letter_policy",
    "message_retention_duration",
    "enable_exactly_once_delivery",
)


def provision(
    spec: StackSpec,
    environment: dict[str, str],
    account_environments: dict[str, dict[str, str]],
    function_urls: dict[str, str],
) -> None:
    """Create what is missing and update what exists. The clients find the servers by this process's environment."""
    create_topics(spec)
    for subscription in spec.subscriptions:
        put_subscription(spec, subscription, function_urls)
    create_buckets(spec)
    with grpc.insecure_channel(environment["RUN_EMULATOR_HOST"]) as channel:
        client = run_v2.JobsClient(transport=JobsGrpcTransport(channel=channel))
        for job in spec.jobs:
            put_job(client, spec, job, account_environments.get(job.service_account, environment))


def create_topics(spec: StackSpec) -> None:
    publisher = PublisherClient()
    for topic in spec.topics:
        try:
            publisher.create_topic(name=_topic(spec.project, topic.name), timeout=TIMEOUT_S)
        except AlreadyExists:
            continue


def put_subscription(stack: StackSpec, spec: Subscription, function_urls: dict[str, str]) -> None:
    client, project = SubscriberClient(), stack.project
    push = types.PushConfig()
    if spec.push_to is not None:
        push.push_endpoint = function_urls[spec.push_to]
        push.attributes["x-emulator-push-format"] = spec.push_format
        if stack.access is not None and spec.push_account:
            email = Policy(project, stack.access.grants).email(spec.push_account)
            push.oidc_token.service_account_email = email
            push.oidc_token.audience = push.push_endpoint
    request = types.Subscription(
        name=f"projects/{project}/subscriptions/{spec.name}",
        topic=_topic(project, spec.topic),
        push_config=push,
        ack_deadline_seconds=spec.ack_deadline_s,
        message_retention_duration=_duration(spec.retention_s),
        enable_message_ordering=spec.ordered,
        enable_exactly_once_delivery=spec.exactly_once,
        filter=spec.filter,
        expiration_policy=types.ExpirationPolicy(),  # never
    )
    if spec.retry is not None:
        request.retry_policy = types.RetryPolicy(
            minimum_backoff=_duration(spec.retry.minimum_backoff_s),
            maximum_backoff=_duration(spec.retry.maximum_backoff_s),
        )
    if spec.dead_letter is not None:
        request.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=_topic(project, spec.dead_letter.topic),
            max_delivery_attempts=spec.dead_letter.max_delivery_attempts,
        )
    with client:
        try:
            client.create_subscription(request=request, timeout=TIMEOUT_S)
        except AlreadyExists:
            existing = client.get_subscription(subscription=request.name, timeout=TIMEOUT_S)
            for name in ("topic", "filter", "enable_message_ordering"):
                if getattr(existing, name) != getattr(request, name):
                    raise SystemExit(
                        f"subscription {spec.name}: its {name} is {getattr(existing, name)!r} and cannot be changed "
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


def put_job(client: run_v2.JobsClient, stack: StackSpec, spec: Job, environment: dict[str, str]) -> None:
    env = environment | dict(stack.env) | dict(spec.env)
    container = run_v2.Container(
        name=spec.container or spec.name,
        image="local",
        command=list(spec.command),
        args=list(spec.args),
        env=[run_v2.EnvVar(name=name, value=value) for name, value in env.items()],
    )
    limits = dict(spec.limits) | ({"nvidia.com/gpu": str(spec.gpus)} if spec.gpus else {})
    container.resources = run_v2.ResourceRequirements(limits=limits)
    task = run_v2.TaskTemplate(
        containers=[container], max_retries=spec.max_retries, timeout=_duration(spec.task_timeout_s)
    )
    template = run_v2.ExecutionTemplate(template=task, task_count=spec.task_count, parallelism=spec.parallelism)
    name = f"projects/{stack.project}/locations/{stack.location}/jobs/{spec.name}"
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
    assert status is not None  # the supervisor, which wrote it, started this process
    urls = {function.name: status.pieces[function.name].address for function in spec.functions}
    provision(spec, status.environment, status.account_environments, urls)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
