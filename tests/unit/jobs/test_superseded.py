"""Which of a photo's derived objects go."""

from __future__ import annotations

from photofinish.application.superseded import remove_results
from photofinish.domain.sidecar import preview_name
from support.pipeline import MemoryCloud, toy_photo


def test_pictures_whose_sidecar_is_gone_are_removed_with_the_results() -> None:
    """A task that learns that its result is not taken may have lost its sidecar already, and written pictures since."""
    cloud = MemoryCloud()
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.store.put_derived(preview_name(photo, "toy-1"), b"jpeg", "image/jpeg")
    remove_results(photo, cloud.store)
    assert cloud.store.derived == {}
