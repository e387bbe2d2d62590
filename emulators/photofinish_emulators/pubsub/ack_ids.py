"""Acknowledgement ids: subscription, message and lease, so that they stay valid over a restart of the server."""

from __future__ import annotations

# Reasons that the client libraries know, in the details of the error (google.rpc.ErrorInfo).
INVALID_ACK_ID = "PERMANENT_FAILURE_INVALID_ACK_ID"
# https://docs.cloud.google.com/pubsub/docs/exactly-once-delivery, "Exactly-once delivery and ordered subscriptions"
UNORDERED_ACK_ID = "TRANSIENT_FAILURE_UNORDERED_ACK_ID"


def make_ack_id(subscription_id: int, message_id: int, lease: int) -> str:
    return f"{subscription_id}-{message_id}-{lease}"


def parse_ack_id(ack_id: str, subscription_id: int) -> tuple[int, int]:
    """Message id and lease.

    Raises:
        ValueError: malformed, or of another subscription.
    """
    of_subscription, message_id, lease = map(int, ack_id.split("-"))
    if of_subscription != subscription_id:
        raise ValueError(ack_id)
    return message_id, lease
