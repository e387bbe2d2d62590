"""What Pub/Sub's own service account may do: forward dead letters, and sign the tokens of pushes.

Without the roles for it the real service fails silently: dead letters are never forwarded
(https://docs.cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions), and nothing is pushed as an
account that it may not sign for (https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions).
"""

from __future__ import annotations

from photofinish_emulators.common.iam import Need, Policy

ACCOUNT = "pubsub-agent"


class ServiceAgent:
    """The account, under a policy; None permits everything."""

    def __init__(self, policy: Policy | None) -> None:
        self._policy = policy

    def may_forward(self, subscription: str, topic: str) -> bool:
        """Whether it may take a message from the one and publish it to the other, given by their full names."""
        return self._has(
            Need("pubsub.topics.publish", f"topic/{_last(topic)}", topic),
            Need("pubsub.subscriptions.consume", f"subscription/{_last(subscription)}", subscription),
        )

    def may_sign(self, email: str) -> bool:
        """Whether it may sign a token of this account."""
        account = email.partition("@")[0]
        return self._has(Need("iam.serviceAccounts.getOpenIdToken", f"account/{account}", email))

    def _has(self, *needs: Need) -> bool:
        return self._policy is None or self._policy.first_missing(ACCOUNT, needs) is None


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]
