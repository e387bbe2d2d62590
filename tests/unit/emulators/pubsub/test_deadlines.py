"""Deadlines, compared with a plain dictionary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from photofinish_emulators.pubsub.deadlines import RESOLUTION_US, Deadlines

message_ids = st.integers(0, 9)
times = st.integers(0, 20).map(lambda bucket: bucket * RESOLUTION_US // 3)
steps = st.lists(
    st.tuples(st.just("set"), message_ids, times)
    | st.tuples(st.just("discard"), message_ids, st.just(0))
    | st.tuples(st.just("pop"), st.just(0), times)
)


@given(steps)
def test_due_messages_agree_with_a_dictionary(steps: list[tuple[str, int, int]]) -> None:
    deadlines, model = Deadlines(), dict[int, int]()
    now = 0
    for step, message_id, time_us in steps:
        if step == "set":
            deadlines.set(message_id, time_us)
            model[message_id] = time_us
        elif step == "discard":
            deadlines.discard(message_id)
            model.pop(message_id, None)
        else:
            now = max(now, time_us)
            due = deadlines.pop_due(now)
            assert len(due) == len(set(due))
            assert all(model[i] <= now for i in due), "none is early"
            for i in due:
                del model[i]
            assert all(at_us > now - RESOLUTION_US for at_us in model.values()), "none is later than the resolution"
        next_us = deadlines.next_us()
        if model:
            assert next_us is not None
            assert min(model.values()) <= next_us < min(model.values()) + RESOLUTION_US
        else:
            assert next_us is None


def test_extending_a_deadline_does_not_use_memory() -> None:
    deadlines = Deadlines()
    for at_us in range(0, 1000 * RESOLUTION_US, RESOLUTION_US):
        deadlines.set(1, at_us)
        deadlines.next_us()
    assert len(deadlines._buckets) == 1
