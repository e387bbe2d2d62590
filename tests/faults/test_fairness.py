"""No album waits for all of another: the queue's lanes under floods, in virtual time."""

from __future__ import annotations

import random
from itertools import chain

from photofinish.domain.lanes import PROMPT_PHOTOS, Lane
from support.fairness import BATCH, SharedTasks

FLOOD = 500


def time_of(cloud: SharedTasks, party: str, photos: int) -> float:
    began = cloud.clock.now()
    cloud.upload([party] * photos)
    cloud.run_until_done(party)
    return cloud.done_at[party][-1] - began


def test_a_party_is_done_within_three_times_of_its_time_alone() -> None:
    """The bar for 200 photos while 20,000 wait (`make bench-fairness`); what waits is not touched, so 500 show it."""
    alone = time_of(SharedTasks(), "party", 200)
    cloud = SharedTasks()
    cloud.upload(["marathon"] * FLOOD)
    assert cloud.lanes == {Lane.PROMPT: PROMPT_PHOTOS, Lane.BULK: FLOOD - PROMPT_PHOTOS}
    assert time_of(cloud, "party", 200) <= 3 * alone
    # In one queue it would be done after the whole flood; and the flood goes on meanwhile.
    assert PROMPT_PHOTOS < cloud.order.count("marathon") <= PROMPT_PHOTOS + 2 * PROMPT_PHOTOS / 3 + 3 * BATCH


def test_a_few_photos_of_small_albums_do_not_wait_for_a_flood() -> None:
    """Ten photos of five albums that came after 1,000 of a flood were once done after 997 of it."""
    cloud = SharedTasks()
    cloud.upload(["flood"] * 500)
    small = [f"small-{number}" for number in range(5)]
    cloud.upload(small * 2)
    cloud.run_until_done(*small)
    assert cloud.order.count("flood") <= PROMPT_PHOTOS * 4 / 3 + 3 * BATCH


def test_albums_that_come_at_once_end_at_once() -> None:
    albums = [f"album-{number}" for number in range(10)]
    cloud = SharedTasks()
    cloud.upload(chain.from_iterable(albums for _ in range(12)))
    cloud.run_until_done(*albums)
    ends = [cloud.done_at[album][-1] for album in albums]
    assert max(ends) - min(ends) <= 0.2 * max(ends)


def test_a_flood_does_not_starve_while_small_albums_keep_coming() -> None:
    """A quarter of the tasks' time stays for the bulk lane however many small albums there are."""
    cloud = SharedTasks()
    cloud.upload(["flood"] * (PROMPT_PHOTOS + 40))
    small = [f"small-{number}" for number in range(10)]
    cloud.upload(chain.from_iterable([album] * 20 for album in small))
    cloud.run_until_done("flood")
    assert cloud.order.count("flood") == PROMPT_PHOTOS + 40
    assert len(cloud.order) - cloud.order.count("flood") <= 3 * 40 + 4 * BATCH


def test_nothing_is_lost_whatever_comes_in_whatever_order() -> None:
    for seed in range(3):
        chance = random.Random(seed)
        cloud = SharedTasks()
        albums = [f"album-{number}" for number in range(chance.randint(1, 3))]
        sizes = {album: chance.choice([1, 20, PROMPT_PHOTOS + 10]) for album in albums}
        photos = [album for album, size in sizes.items() for _ in range(size)]
        if chance.random() < 0.5:
            chance.shuffle(photos)
        cloud.upload(photos)
        cloud.settle()
        assert cloud.problems() == [], f"seed {seed}"
        assert {album: len(times) for album, times in cloud.done_at.items()} == sizes
        assert cloud.lanes[Lane.BULK] == sum(max(0, size - PROMPT_PHOTOS) for size in sizes.values())
