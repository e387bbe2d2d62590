"""What the queue's adapter asks of Pub/Sub, by the requests that arrive at the client."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish.adapters.google.pubsub import PubSubWorkQueue


class Subscriber:
    """Takes requests as the client does, and keeps them."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def subscription_path(self, project: str, subscription: str) -> str:
        return f"projects/{project}/subscriptions/{subscription}"

    topic_path = subscription_path

    def modify_ack_deadline(self, **request: Any) -> None:
        self.requests.append(("modify_ack_deadline", request))

    def acknowledge(self, **request: Any) -> None:
        self.requests.append(("acknowledge", request))


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber()


@pytest.fixture
def queue(subscriber: Subscriber) -> PubSubWorkQueue:
    return PubSubWorkQueue(subscriber, subscriber, "p", "photo-work", "tasks", bucket="b")  # type: ignore[arg-type]


@pytest.mark.parametrize("deadline_s", [0, 10, 600])
def test_deadlines_are_moved_to_what_was_asked(queue: PubSubWorkQueue, subscriber: Subscriber, deadline_s: int) -> None:
    queue.extend(["a", "b"], deadline_s=deadline_s)
    [(method, request)] = subscriber.requests
    assert method == "modify_ack_deadline"
    assert request["subscription"] == "projects/p/subscriptions/tasks"
    assert (request["ack_ids"], request["ack_deadline_seconds"]) == (["a", "b"], deadline_s)


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2500])
def test_every_id_is_in_one_request_of_a_size_that_the_service_takes(
    queue: PubSubWorkQueue, subscriber: Subscriber, count: int
) -> None:
    ids = [str(number) for number in range(count)]
    queue.ack(ids)
    queue.extend(ids, deadline_s=60)
    for method in ("acknowledge", "modify_ack_deadline"):
        parts = [request["ack_ids"] for name, request in subscriber.requests if name == method]
        assert [one for part in parts for one in part] == ids
        assert all(0 < len(part) <= 1000 for part in parts)
