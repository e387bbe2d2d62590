"""Which of a photo's derived objects go."""

from __future__ import annotations

from dataclasses import replace

from photofinish.application.superseded import remove_results
from photofinish.domain.photo import PhotoStatus
from photofinish.domain.sidecar import preview_name
from photofinish.errors import RejectedInput
from support.pipeline import MemoryCloud, toy_photo


def test_pictures_whose_sidecar_is_gone_are_removed_with_the_results() -> None:
    """A task that learns that its result is not taken may have lost its sidecar already, and written pictures since."""
    cloud = MemoryCloud()
    photo = cloud.drop("race/1.jpg", toy_photo()).ref
    cloud.store.put_derived(preview_name(photo, "toy-1"), b"jpeg", "image/jpeg")
    remove_results(photo, cloud.store)
    assert cloud.store.derived == {}


def test_a_late_verdict_on_a_duplicate_changes_nothing() -> None:
    """A task may have begun before it turned out that another photo has the same bytes."""
    cloud = MemoryCloud()
    original = replace(cloud.store.upload("race/1.jpg", toy_photo()), md5="same", crc32c="same")
    cloud.ingest(original)
    cloud.worker().run()
    copy = replace(cloud.store.upload("race/2.jpg", toy_photo()), md5="same", crc32c="same")
    cloud.ingest(copy)
    known = cloud.documents.get("race", copy.ref.photo_id)
    derived = dict(cloud.store.derived)
    cloud.committer().reject(copy.ref, RejectedInput("not_a_picture", "The file is not a picture."))
    assert known is not None
    assert known.fields["duplicate_of"] == original.ref.photo_id
    assert cloud.documents.get("race", copy.ref.photo_id) == known
    assert cloud.store.derived == derived
    assert cloud.events.published[-1] == (copy.ref, PhotoStatus.DONE)
