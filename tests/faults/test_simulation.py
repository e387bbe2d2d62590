"""Hundreds of tasks in virtual time, with faults at any call of any port: every photo ends once, and nothing stays."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from photofinish.adapters.memory.failing import before_call
from photofinish.application.dead_letters import record_given_up
from photofinish.application.unindexing import unindex_without_result
from photofinish.domain.photo import PhotoRef, PhotoStatus
from support.simulation import BAD, BAD_VIDEO, BREAKING, GOOD, HANGING, KILLING, VIDEO, Fault, SimulatedCloud

SEEDS = 80
KINDS = [GOOD, BAD, VIDEO, BAD_VIDEO, KILLING, HANGING]


@pytest.mark.parametrize("block", range(4))
def test_every_photo_ends_once_whatever_fails(block: int) -> None:
    for seed in range(block * SEEDS // 4, (block + 1) * SEEDS // 4):
        chance = random.Random(seed)
        cloud = SimulatedCloud(seed)
        for number in range(chance.randint(2, 8)):
            cloud.drop_kind(f"race/{number}.jpg", chance.choices(KINDS, [14, 3, 3, 1, 1, 1])[0])
        for _ in range(3):
            calls = chance.sample(range(1, 60), chance.randint(1, 4))
            cloud.run_task({call: chance.choice(list(Fault)) for call in calls})
            if chance.random() < 0.3:
                cloud.drop_kind(chance.choice(list(cloud.dropped)), chance.choice([GOOD, BAD, VIDEO]))
            cloud.clock.advance(chance.uniform(0, 120))
        cloud.settle()
        assert cloud.problems() == [], f"seed {seed}"


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.FREEZE, Fault.BUG])
def test_one_fault_at_every_call(fault: Fault) -> None:
    """The calls of a task that analyses a good photo, a bad one and a video."""
    call = 0
    while True:
        call += 1
        cloud = SimulatedCloud()
        for number, kind in enumerate([GOOD, BAD, VIDEO]):
            cloud.drop_kind(f"race/{number}.jpg", kind)
        task = cloud.run_task({call: fault})
        if task.calls < call:
            break
        cloud.settle()
        assert cloud.problems() == [], f"{fault} at call {call}"
    assert call > 30, "a task makes more calls"


def test_a_photo_that_kills_its_task_takes_no_neighbour_with_it() -> None:
    cloud = SimulatedCloud()
    for number in range(8):
        cloud.drop_kind(f"race/{number}.jpg", KILLING if number == 0 else GOOD)
    cloud.settle()
    assert cloud.problems() == []
    killed = [task for task in cloud.tasks if task.is_dead]
    assert len(killed) <= 5, "one with others, and some alone"
    assert all(len(task.together[-1]) == 1 for task in killed[1:]), "it died alone from the second attempt on"
    record = cloud.documents.get("race", cloud.dropped["race/0.jpg"][0].photo_id)
    assert record is not None
    assert record.fields["error"]["code"] == "ended_its_task"


@pytest.mark.parametrize("kind", [KILLING, HANGING])
def test_several_of_them_are_all_found(kind: bytes) -> None:
    cloud = SimulatedCloud()
    for number in range(12):
        cloud.drop_kind(f"race/{number}.jpg", kind if number % 4 == 1 else GOOD)
    cloud.settle()
    assert cloud.problems() == []
    assert sum(task.is_dead for task in cloud.tasks) <= 3 * 4 + 3


def test_photos_that_break_the_models_are_tried_often_and_cost_no_other() -> None:
    cloud = SimulatedCloud()
    for number in range(6):
        cloud.drop_kind(f"race/{number}.jpg", BREAKING if number == 2 else GOOD)
    cloud.settle()
    assert cloud.problems() == []
    assert not any(task.is_dead for task in cloud.tasks)


def test_a_task_frozen_past_its_dead_letter_brings_its_result() -> None:
    """It was given up; then it wakes up, and its result is complete: everywhere, and not only in the index."""
    cloud = SimulatedCloud()
    photo = cloud.drop_kind("race/1.jpg", GOOD)

    def give_up() -> None:
        cloud.documents.record_final(photo, PhotoStatus.FAILED, {}, error=("gave_up", "It was delivered too often."))
        cloud.events.publish_result(photo, PhotoStatus.FAILED)

    once(cloud.index.replace, give_up)
    cloud.settle()
    assert cloud.problems() == []


def test_a_task_frozen_between_index_and_document_past_its_dead_letter_brings_its_result() -> None:
    """The dead letter took it out of the index."""
    cloud = SimulatedCloud()
    photo = cloud.drop_kind("race/1.jpg", GOOD)

    def give_up() -> None:
        assert cloud.index.indexed(photo.photo_id) is not None
        record_given_up(photo, attempts="20", documents=cloud.documents, events=cloud.events)
        unindex_without_result(photo, PhotoStatus.FAILED, cloud.documents, cloud.index)
        assert cloud.index.indexed(photo.photo_id) is None

    once(cloud.documents.record_final, give_up)
    cloud.settle()
    assert cloud.problems() == []


def test_a_task_frozen_until_its_photo_was_rejected_or_replaced_leaves_nothing() -> None:
    for has_new_version in (False, True):
        cloud = SimulatedCloud()
        photo = cloud.drop_kind("race/1.jpg", GOOD)

        def overtake(
            cloud: SimulatedCloud = cloud, photo: PhotoRef = photo, has_new_version: bool = has_new_version
        ) -> None:
            if has_new_version:
                cloud.drop_kind("race/1.jpg", BAD)
            else:
                cloud.dropped["race/1.jpg"] = (photo, BAD)
                cloud.documents.record_final(photo, PhotoStatus.REJECTED, {}, error=("cut_off", "It is."))

        once(cloud.documents.record_final, overtake)
        cloud.settle()
        assert cloud.problems() == []


def test_a_task_frozen_before_its_first_write_until_a_newer_version_was_rejected_leaves_nothing() -> None:
    """The task of the newer version has removed what there was, before this one writes again."""
    cloud = SimulatedCloud()
    cloud.drop_kind("race/1.jpg", GOOD)

    def overtake() -> None:
        cloud.drop_kind("race/1.jpg", BAD)
        cloud.run_task()

    once(cloud.store.replace_derived, overtake)
    cloud.settle()
    assert cloud.problems() == []
    newest, _ = cloud.dropped["race/1.jpg"]
    assert cloud.index.indexed(newest.photo_id) is None
    assert [name for name in cloud.store.derived if newest.photo_id in name] == []


def once(method: Callable[..., object], act: Callable[[], object]) -> None:
    """Call `act` before the next call of a port's `method`."""
    acts = [act]
    before_call(method, lambda *_, **__: acts.pop()() if acts else None)
