"""What Pub/Sub's own account may do: without its roles dead letters stay, and no push is signed."""

from __future__ import annotations

import pytest

from photofinish_emulators.common.iam import Policy
from photofinish_emulators.pubsub.service_agent import ServiceAgent

SUBSCRIPTION, TOPIC = "projects/p/subscriptions/work", "projects/p/topics/dead"
EMAIL = "push-ingest@p.iam.gserviceaccount.com"
GRANTS = {
    "pubsub-agent": {
        "topic/dead": ["pubsub.topics.publish"],
        "subscription/work": ["pubsub.subscriptions.consume"],
        "account/push-ingest": ["iam.serviceAccounts.getOpenIdToken"],
    },
}


def agent(*without: str) -> ServiceAgent:
    """With every grant but those on these resources."""
    kept = {
        account: {on: permissions for on, permissions in resources.items() if on not in without}
        for account, resources in GRANTS.items()
    }
    return ServiceAgent(Policy("p", kept))


def test_it_forwards_dead_letters_with_both_roles() -> None:
    assert agent().may_forward(SUBSCRIPTION, TOPIC)


@pytest.mark.parametrize("without", ["topic/dead", "subscription/work"])
def test_it_forwards_none_without_either(without: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not agent(without).may_forward(SUBSCRIPTION, TOPIC)
    assert "pubsub-agent@p.iam.gserviceaccount.com lacks" in caplog.text


def test_it_signs_for_accounts_that_it_may_sign_for() -> None:
    assert agent().may_sign(EMAIL)
    assert not agent("account/push-ingest").may_sign(EMAIL)


def test_without_a_policy_everything_is_permitted() -> None:
    assert ServiceAgent(None).may_forward(SUBSCRIPTION, TOPIC)
    assert ServiceAgent(None).may_sign(EMAIL)
