"""Topics, subscriptions, schedules and notifications of the local cloud: Terraform's, with the times of one machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from photofinish.errors import Misconfigured
from photofinish_emulators.stack import Bucket, DeadLetter, Notification, RetryPolicy, Schedule, Subscription, Topic

# Pub/Sub waits at least 10 s before it redelivers; on one machine no shared service needs that pause.
RETRY = RetryPolicy(minimum_backoff_s=1, maximum_backoff_s=60)
# Cloud Scheduler's shortest interval is a minute.
INTERVALS_S = {
    "photofinish-sweep": 30,
    "photofinish-reconcile": 600,
    "photofinish-reconcile-all": 24 * 3600,
    "photofinish-people-sweep": 60,
    "photofinish-people-sweep-all": 24 * 3600,
    "photofinish-retention": 3600,
    "photofinish-retention-all": 24 * 3600,
    "photofinish-webhooks": 10,
}


def topics(applied: Mapping[str, Any]) -> tuple[Topic, ...]:
    return tuple(Topic(name=name) for name in applied["topics"])


def buckets(applied: Mapping[str, Any], *names: str) -> tuple[Bucket, ...]:
    """These buckets, with their notifications."""
    return tuple(
        Bucket(
            name=name,
            notifications=tuple(
                Notification(topic=topic, events=tuple(events)) for topic, events in entry["notifications"].items()
            ),
            versioned=entry["versioned"],
        )
        for name in names
        for entry in [applied["buckets"][name]]
    )


def subscriptions(applied: Mapping[str, Any], *, queue_ack_deadline_s: int) -> tuple[Subscription, ...]:
    """``queue_ack_deadline_s``: of the queue that tasks pull from."""
    return tuple(
        Subscription(
            name=name,
            topic=entry["topic"],
            push_to=entry["push_to"],
            push_account=entry["push_account"] or "",
            ack_deadline_s=entry["ack_deadline_s"] if entry["push_to"] else queue_ack_deadline_s,
            retry=RETRY,
            dead_letter=DeadLetter(**entry["dead_letter"]) if entry["dead_letter"] else None,
            exactly_once=entry["exactly_once"],
            retention_s=entry["retention_s"],
        )
        for name, entry in applied["subscriptions"].items()
    )


def schedules(applied: Mapping[str, Any]) -> tuple[Schedule, ...]:
    """Raises Misconfigured for a schedule that has no interval here."""
    if unknown := sorted(applied["schedules"].keys() ^ INTERVALS_S.keys()):
        raise Misconfigured(f"{', '.join(unknown)}: Terraform's schedules and the local intervals differ")
    return tuple(
        Schedule(name=name, interval_s=INTERVALS_S[name], topic=entry["topic"], body=entry["body"])
        for name, entry in applied["schedules"].items()
    )
