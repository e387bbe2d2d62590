"""Configuration of topics and subscriptions: names, defaults, limits, and the fields that an update may change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from photofinish_emulators.common.rpc_errors import invalid, unimplemented
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.filters import FilterError, parse_filter
from photofinish_emulators.pubsub.limits import check_labels, check_name, check_range, seconds
from photofinish_emulators.pubsub.outstanding import DeliverySettings

DELETED_TOPIC = "_deleted-topic_"
DAY_S = 86_400
MIN_RETENTION_S, MAX_RETENTION_S, DEFAULT_RETENTION_S = 600, 31 * DAY_S, 7 * DAY_S
MIN_TTL_S, DEFAULT_TTL_S = DAY_S, 31 * DAY_S
MIN_ACK_DEADLINE_S, MAX_ACK_DEADLINE_S = 10, 600
MAX_BACKOFF_S, DEFAULT_MIN_BACKOFF_S = 600, 10
MIN_ATTEMPTS, MAX_ATTEMPTS = 5, 100

PUSH_FORMAT = "x-emulator-push-format"
PUSH_FORMATS = ("wrapped", "cloudevent")

# https://docs.cloud.google.com/pubsub/docs/create-push-subscription: HTTPS. Local functions have no certificates.
_PUSH_ENDPOINT = re.compile(r"https://[^/?#\s]+|http://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?([/?#]|$)")

# https://docs.cloud.google.com/iam/docs/service-account-types: made by users, and the default ones
_SERVICE_ACCOUNT = re.compile(
    r"[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9.:-]+\.iam\.gserviceaccount\.com"
    r"|\d+-compute@developer\.gserviceaccount\.com|[a-z0-9.:-]+@appspot\.gserviceaccount\.com"
)

TOPIC_REFUSED = {
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
TOPIC_MUTABLE = {"labels", "message_storage_policy", "message_retention_duration", "schema_settings"}
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
    return _checked_topic(merged(current, requested, mask, TOPIC_MUTABLE, TOPIC_REFUSED))


def _checked_topic(topic: Any) -> Any:
    _refuse(topic, TOPIC_REFUSED)
    check_labels(topic.labels)
    if topic.HasField("message_retention_duration"):
        _check_retention(topic)
    if topic.HasField("message_storage_policy") and not topic.message_storage_policy.allowed_persistence_regions:
        # The documentation of the field: an empty list is not a valid configuration.
        raise invalid("message_storage_policy.allowed_persistence_regions must name at least one region.")
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
    return _checked_subscription(merged(current, requested, mask, SUBSCRIPTION_MUTABLE, SUBSCRIPTION_REFUSED))


def _checked_subscription(subscription: Any) -> Any:
    _refuse(subscription, SUBSCRIPTION_REFUSED)
    check_labels(subscription.labels)
    subscription.ack_deadline_seconds = subscription.ack_deadline_seconds or MIN_ACK_DEADLINE_S
    check_ack_deadline(subscription.ack_deadline_seconds, MIN_ACK_DEADLINE_S)
    if not subscription.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = DEFAULT_RETENTION_S
    _check_retention(subscription)
    if not subscription.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = DEFAULT_TTL_S
    if subscription.expiration_policy.HasField("ttl"):
        ttl_s = seconds(subscription.expiration_policy.ttl)
        check_range("expiration duration", ttl_s, MIN_TTL_S, None, "s")
        if (retention_s := seconds(subscription.message_retention_duration)) > ttl_s:
            raise invalid(
                f"The value for subscription message retention duration ({retention_s:g}s) cannot be greater than the"
                f" TTL in the subscription's expiration policy ({ttl_s:g}s), since messages cannot be retained past"
                " subscription expiration."
            )
    if subscription.HasField("retry_policy"):
        _default_retry_policy(subscription.retry_policy)
    if not subscription.dead_letter_policy.ListFields():
        subscription.ClearField("dead_letter_policy")  # an update cleared its fields one by one
    if subscription.HasField("dead_letter_policy"):
        policy = subscription.dead_letter_policy
        check_name(policy.dead_letter_topic, "topics")
        policy.max_delivery_attempts = policy.max_delivery_attempts or MIN_ATTEMPTS
        check_range("max_delivery_attempts", policy.max_delivery_attempts, MIN_ATTEMPTS, MAX_ATTEMPTS)
    check_push_config(subscription.push_config)
    if subscription.enable_exactly_once_delivery and subscription.push_config.push_endpoint:
        # https://docs.cloud.google.com/pubsub/docs/exactly-once-delivery, section about push subscriptions
        raise invalid("Exactly-once delivery is supported for pull subscriptions only.")
    for ignored in ("topic_message_retention_duration", "analytics_hub_subscription_info", "tags"):
        subscription.ClearField(ignored)
    subscription.state = protos.Subscription.State.ACTIVE
    return subscription


def check_push_config(config: Any) -> None:
    """Check a push configuration and set its defaults, in place."""
    endpoint = config.push_endpoint
    if not endpoint:
        return
    if _PUSH_ENDPOINT.match(endpoint) is None:
        raise invalid(
            f"Invalid push endpoint given (endpoint={endpoint}). It must be an HTTPS URL, or HTTP on this machine."
        )
    push_format = config.attributes.get(PUSH_FORMAT, PUSH_FORMATS[0])
    if push_format not in PUSH_FORMATS:
        raise invalid(f"Invalid {PUSH_FORMAT} given ({push_format}). It must be one of {PUSH_FORMATS}.")
    if config.attributes.get("x-goog-version", "v1") not in ("v1", "v1beta2"):
        raise invalid("Invalid x-goog-version given. It must be v1 or v1beta2.")
    if config.HasField("oidc_token"):
        email = config.oidc_token.service_account_email
        if _SERVICE_ACCOUNT.fullmatch(email) is None:
            raise invalid(f"Invalid oidc_token.service_account_email given ({email}). It must be a service account's.")
    config.attributes.setdefault("x-goog-version", "v1")


def check_ack_deadline(deadline_s: int, lowest_s: int = 0) -> None:
    if not lowest_s <= deadline_s <= MAX_ACK_DEADLINE_S:
        raise invalid(  # recorded
            f"Invalid ack deadline given (ack_deadline={deadline_s})."
            f" The ack deadline must be between {lowest_s} and {MAX_ACK_DEADLINE_S} seconds."
        )


def _check_retention(config: Any) -> None:
    value = seconds(config.message_retention_duration)
    check_range("message retention duration", value, MIN_RETENTION_S, MAX_RETENTION_S, "s")


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
    check_range("retry_policy.minimum_backoff", low, 0, MAX_BACKOFF_S, "s")
    check_range("retry_policy.maximum_backoff", high, low, MAX_BACKOFF_S, "s")


def merged(current: Any, requested: Any, mask: FieldMask, mutable: set[str], refused: Mapping[str, str]) -> Any:
    """``current`` with the fields of ``mask`` taken from ``requested``.

    Raises:
        Refused: the mask is empty, or has a field that cannot change or is not served.
    """
    kind = current.DESCRIPTOR.name
    request = f"Update{kind}Request"
    if not mask.paths:
        raise invalid(  # recorded, as the next
            f"The update_mask in the {request} must be set, and must contain a non-empty paths list."
        )
    if not mask.IsValidForDescriptor(current.DESCRIPTOR):
        raise invalid(
            f"Invalid update_mask provided in the {request}: {', '.join(mask.paths)} is not a field of the {kind}."
        )
    for path in mask.paths:
        field = path.split(".", 1)[0]
        if field in refused:
            raise unimplemented(f"{field} is not served: {refused[field]}.")
        if field not in mutable:
            raise invalid(
                f"Invalid update_mask provided in the {request}: the '{field}' field in the {kind} is not mutable."
            )
    changed = type(current)()
    changed.CopyFrom(current)
    for path in mask.paths:
        _copy_field(requested, changed, path)
    return changed


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
