"""What a commit removes of earlier results, and how often it has to ask the bucket."""

from __future__ import annotations

import pytest

from photofinish.adapters.memory.failing import before_call
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import preview_name, sidecar_name, thumbnail_name
from photofinish.errors import Unavailable
from support.pipeline import MemoryCloud, toy_photo


def objects_of(ref: PhotoRef, version: str) -> set[str]:
    return {made(ref, version) for made in (sidecar_name, preview_name, thumbnail_name)}


def test_a_new_photo_costs_one_listing() -> None:
    cloud = MemoryCloud()
    asked: list[str] = []
    before_call(cloud.store.versions, lambda bucket, prefix: asked.append(prefix))
    ref = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.worker().run()
    assert asked == [f"sidecars/race/{ref.photo_id}/"]
    assert set(cloud.store.derived) == objects_of(ref, "toy-1")


def test_an_overwritten_photo_keeps_nothing_of_its_older_version() -> None:
    cloud = MemoryCloud()
    cloud.drop("race/1.jpg", toy_photo(bibs=["1"]))
    cloud.worker().run()
    ref = cloud.drop("race/1.jpg", toy_photo(bibs=["2"])).ref
    cloud.worker().run()
    assert set(cloud.store.derived) == objects_of(ref, "toy-1")


@pytest.mark.parametrize("removed", [0, 1])
def test_what_was_interrupted_is_removed_by_the_next_one(removed: int) -> None:
    """Pictures go first: as long as something is left, there is a sidecar that tells of it."""
    cloud = MemoryCloud()
    old = cloud.drop("race/1.jpg", toy_photo(bibs=["1"])).ref
    cloud.worker().run()
    left: list[set[str]] = []

    def fail_once(*_: object) -> None:
        left.append(set(cloud.store.derived) & objects_of(old, "toy-1"))
        if len(left) == removed + 1:
            raise Unavailable("the bucket is away")

    before_call(cloud.store.remove, fail_once)
    ref = cloud.drop("race/1.jpg", toy_photo(bibs=["2"])).ref
    cloud.worker().run()  # the message is delivered again
    assert len(left) == 3, "one failed, and both were made"
    assert all(sidecar_name(old, "toy-1") in names for names in left)
    assert set(cloud.store.derived) == objects_of(ref, "toy-1")
