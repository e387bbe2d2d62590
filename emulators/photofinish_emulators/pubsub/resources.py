"""Configuration of topics and subscriptions: names, defaults, limits, and the fields that an update may change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from photofinish_emulators.common.rpc_errors import invalid, unimplemented
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.filters import FilterError, parse_filter
from photofinish_emulators.pubsub.outstanding import DeliverySettings

DELETED_TOPIC = "_deleted-topic_"
DAY_S = 86_400
MIN_RETENTION_S, MAX_RETENTION_S, DEFAULT_RETENTION_S = 600, 31 * DAY_S, 7 * DAY_S
MIN_TTL_S, DEFAULT_TTL_S = DAY_S, 31 * DAY_S
MIN_ACK_DEADLINE_S, MAX_ACK_DEADLINE_S = 10, 600
MAX_BACKOFF_S, DEFAULT_MIN_BACKOFF_S = 600, 10
MIN_ATTEMPTS, MAX_ATTEMPTS = 5, 100
MAX_LABELS = 64

PUSH_FORMAT = "x-emulator-push-format"
PUSH_FORMATS = ("wrapped", "cloudevent")

_NAME = re.compile(r"projects/(?P<project>[^/]+)/(?P<kind>[a-z]+)/(?P<id>[A-Za-z][A-Za-z0-9\-_.~+%]{2,254})")
_PROJECT = re.compile(r"projects/[^/]+")

TOPIC_REFUSED = {
    "schema_settings": "schemas are not checked here",
    "ingestion_data_source_settings": "nothing is ingested here",
    "message_transforms": "messages are not transformed here",
    "kms_key_name": "messages are not encrypted here",
}
SUBSCRIPTION_REFUSED = {
    "bigquery_config": "there is no BigQuery here",
    "cloud_storage_config": "messages are not exported to Cloud Storage here",
    "bigtable_config": "there is no Bigtable here",
    "message_transforms": "messages are not transformed here",
}
TOPIC_MUTABLE = {"labels", "message_storage_policy", "message_retention_duration"}
SUBSCRIPTION_MUTABLE = {
    "push_config",
    "ack_deadline_seconds",
    "retain_acked_messages",
    "message_retention_duration",
    "labels",
    "expiration_policy",
    "dead_letter_policy",
    "retry_policy",
    "enable_exactly_once_delivery",
}


def check_name(name: str, kind: str) -> None:
    """Check a resource name; ``kind`` is ``topics``, ``subscriptions`` or ``snapshots``.

    Raises:
        Refused: INVALID_ARGUMENT.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["kind"] != kind or match["id"].lower().startswith("goog"):
        raise invalid(
            f"Invalid resource name given (name={name}). It must be projects/PROJECT/{kind}/ID, where ID starts with"
            " a letter, has 3 to 255 letters, digits or -_.~+% and does not start with goog."
        )


def check_project(name: str) -> None:
    if _PROJECT.fullmatch(name) is None:
        raise invalid(f"Invalid resource name given (name={name}). It must be projects/PROJECT.")


def project_of(name: str) -> str:
    return name.split("/")[1]


def seconds(duration: Duration) -> float:
    return float(duration.seconds + duration.nanos / 1e9)


def new_topic(requested: Any) -> Any:
    """The topic to create for a request: checked, with defaults.

    Raises:
        Refused: INVALID_ARGUMENT for a value outside its limits; UNIMPLEMENTED for a field that is not served.
    """
    check_name(requested.name, "topics")
    topic = protos.Topic()
    topic.CopyFrom(requested)
    return _checked_topic(topic)


def updated_topic(current: Any, requested: Any, mask: FieldMask) -> Any:
    """``current`` with the fields of ``mask`` taken from ``requested``."""
    return _checked_topic(_merged(current, requested, mask, TOPIC_MUTABLE, TOPIC_REFUSED))


def _checked_topic(topic: Any) -> Any:
    _refuse(topic, TOPIC_REFUSED)
    _check_labels(topic.labels)
    if topic.HasField("message_retention_duration"):
        _check_range(
            "message_retention_duration", seconds(topic.message_retention_duration), MIN_RETENTION_S, MAX_RETENTION_S
        )
    for ignored in ("satisfies_pzs", "tags"):
        topic.ClearField(ignored)
    topic.state = protos.Topic.State.ACTIVE
    return topic


def new_subscription(requested: Any) -> Any:
    """The subscription to create for a request: checked, with defaults. Raises as :func:`new_topic` does."""
    check_name(requested.name, "subscriptions")
    check_name(requested.topic, "topics")
    subscription = protos.Subscription()
    subscription.CopyFrom(requested)
    subscription.detached = False
    if subscription.filter:
        try:
            parse_filter(subscription.filter)
        except FilterError as error:
            raise invalid(f"Invalid filter: {error}") from error
    return _checked_subscription(subscription)


def updated_subscription(current: Any, requested: Any, mask: FieldMask) -> Any:
    """``current`` with the fields of ``mask`` taken from ``requested``."""
    return _checked_subscription(_merged(current, requested, mask, SUBSCRIPTION_MUTABLE, SUBSCRIPTION_REFUSED))


def _checked_subscription(subscription: Any) -> Any:
    _refuse(subscription, SUBSCRIPTION_REFUSED)
    _check_labels(subscription.labels)
    subscription.ack_deadline_seconds = subscription.ack_deadline_seconds or MIN_ACK_DEADLINE_S
    _check_range("ack_deadline_seconds", subscription.ack_deadline_seconds, MIN_ACK_DEADLINE_S, MAX_ACK_DEADLINE_S)
    if not subscription.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = DEFAULT_RETENTION_S
    _check_range(
        "message_retention_duration",
        seconds(subscription.message_retention_duration),
        MIN_RETENTION_S,
        MAX_RETENTION_S,
    )
    if not subscription.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = DEFAULT_TTL_S
    if subscription.expiration_policy.HasField("ttl"):
        _check_range("expiration_policy.ttl", seconds(subscription.expiration_policy.ttl), MIN_TTL_S, None)
    if subscription.HasField("retry_policy"):
        _default_retry_policy(subscription.retry_policy)
    if not subscription.dead_letter_policy.ListFields():
        subscription.ClearField("dead_letter_policy")  # an update cleared its fields one by one
    if subscription.HasField("dead_letter_policy"):
        policy = subscription.dead_letter_policy
        check_name(policy.dead_letter_topic, "topics")
        policy.max_delivery_attempts = policy.max_delivery_attempts or MIN_ATTEMPTS
        _check_range("max_delivery_attempts", policy.max_delivery_attempts, MIN_ATTEMPTS, MAX_ATTEMPTS, "")
    check_push_config(subscription.push_config)
    for ignored in ("topic_message_retention_duration", "analytics_hub_subscription_info", "tags"):
        subscription.ClearField(ignored)
    subscription.state = protos.Subscription.State.ACTIVE
    return subscription


def check_push_config(config: Any) -> None:
    """Check a push configuration and set its defaults, in place."""
    endpoint = config.push_endpoint
    if not endpoint:
        return
    if not re.match(r"https?://[^/?#]+", endpoint):
        raise invalid(f"Invalid push endpoint given (endpoint={endpoint}). It must be an http or https URL.")
    push_format = config.attributes.get(PUSH_FORMAT, PUSH_FORMATS[0])
    if push_format not in PUSH_FORMATS:
        raise invalid(f"Invalid {PUSH_FORMAT} given ({push_format}). It must be one of {PUSH_FORMATS}.")
    if config.attributes.get("x-goog-version", "v1") not in ("v1", "v1beta2"):
        raise invalid("Invalid x-goog-version given. It must be v1 or v1beta2.")
    if config.HasField("oidc_token") and not config.oidc_token.service_account_email:
        raise invalid("oidc_token.service_account_email must be set.")
    config.attributes.setdefault("x-goog-version", "v1")


def delivery_settings(subscription: Any) -> DeliverySettings:
    """The settings of the delivery queue, from a checked subscription."""
    matches = None
    if subscription.filter:
        expression = parse_filter(subscription.filter)

        def matches(body: bytes) -> bool:
            return expression(protos.PubsubMessage.FromString(body).attributes)

    retry = subscription.HasField("retry_policy")
    dead_letter = subscription.HasField("dead_letter_policy")
    return DeliverySettings(
        ordered=subscription.enable_message_ordering,
        exactly_once=subscription.enable_exactly_once_delivery,
        matches=matches,
        min_backoff_us=int(seconds(subscription.retry_policy.minimum_backoff) * 1e6) if retry else 0,
        max_backoff_us=int(seconds(subscription.retry_policy.maximum_backoff) * 1e6) if retry else 0,
        max_attempts=subscription.dead_letter_policy.max_delivery_attempts if dead_letter else None,
    )


def _default_retry_policy(policy: Any) -> None:
    if not policy.HasField("minimum_backoff"):
        policy.minimum_backoff.seconds = DEFAULT_MIN_BACKOFF_S
    if not policy.HasField("maximum_backoff"):
        policy.maximum_backoff.seconds = MAX_BACKOFF_S
    low, high = seconds(policy.minimum_backoff), seconds(policy.maximum_backoff)
    _check_range("retry_policy.minimum_backoff", low, 0, MAX_BACKOFF_S)
    _check_range("retry_policy.maximum_backoff", high, low, MAX_BACKOFF_S)


def _merged(current: Any, requested: Any, mask: FieldMask, mutable: set[str], refused: Mapping[str, str]) -> Any:
    if not mask.paths:
        raise invalid("The update_mask in the request must be set and not empty.")
    if not mask.IsValidForDescriptor(current.DESCRIPTOR):
        raise invalid(f"The update_mask names a field that does not exist: {', '.join(mask.paths)}.")
    for path in mask.paths:
        field = path.split(".", 1)[0]
        if field in refused:
            raise unimplemented(f"{field} is not served: {refused[field]}.")
        if field not in mutable:
            raise invalid(f"Invalid update_mask provided in the request: {field} cannot be changed.")
    merged = type(current)()
    merged.CopyFrom(current)
    for path in mask.paths:
        _copy_field(requested, merged, path)
    return merged


def _copy_field(source: Any, target: Any, path: str) -> None:
    """Unlike ``FieldMask.MergeMessage``, also clear a nested field whose parent is not set in ``source``."""
    name, _, nested = path.partition(".")
    if nested:
        _copy_field(getattr(source, name), getattr(target, name), nested)
    else:
        FieldMask(paths=[name]).MergeMessage(source, target, replace_message_field=True, replace_repeated_field=True)


def _refuse(config: Any, refused: Mapping[str, str]) -> None:
    for field, _ in config.ListFields():
        if field.name in refused:
            raise unimplemented(f"{field.name} is not served: {refused[field.name]}.")


def _check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > MAX_LABELS:
        raise invalid(f"{len(labels)} labels are too many: at most {MAX_LABELS}.")


def _check_range(what: str, value: float, low: float, high: float | None, unit: str = " seconds") -> None:
    if value < low or (high is not None and value > high):
        limits = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
        raise invalid(f"Invalid {what} given ({value:g}). It must be {limits}{unit}.")
