"""A video in the whole local cloud: dropped like a photo, its runners found with their time, and erased with it."""

from __future__ import annotations

from uuid import UUID

import cv2
import numpy as np
import pytest

from e2e.conftest import LocalCloud, wait_for
from photofinish_cli.sample_album import SampleAlbum, SamplePhoto
from support.sample_films import CUT_S, film_of_two_scenes

pytestmark = pytest.mark.timeout(300)
ALBUM = "filmed"


@pytest.fixture(scope="module")
def clip(sample_album: SampleAlbum) -> tuple[bytes, tuple[SamplePhoto, SamplePhoto]]:
    return film_of_two_scenes(sample_album)


def test_a_dropped_video_is_found_by_number_and_selfie_with_its_time_and_leaves_nothing(
    cloud: LocalCloud, sample_album: SampleAlbum, clip: tuple[bytes, tuple[SamplePhoto, SamplePhoto]]
) -> None:
    content, photos = clip
    ref = cloud.upload(f"{ALBUM}/finish.mp4", content, "video/mp4")
    broken = cloud.upload(f"{ALBUM}/broken.mp4", content[: len(content) // 3], "video/mp4")
    fields, rejected = cloud.final_documents([ref, broken])
    assert (fields["status"], fields["kind"]) == ("done", "video"), fields.get("error")
    assert rejected["status"] == "rejected"
    assert fields["video"]["duration_s"] == pytest.approx(2 * CUT_S, abs=0.5)
    assert len(fields["video"]["scenes"]) == 2

    read = 0
    for scene, photo in enumerate(photos):
        for runner in photo.runners:
            if runner.bib_number not in fields["bib_numbers"]:
                continue
            read += 1
            [found] = cloud.json("find", ALBUM, "--bib", runner.bib_number)["photos"]
            assert found["photo"]["name"] == ref.name
            assert found["in_video"]["scene"] == scene
            assert CUT_S * scene <= found["in_video"]["at_s"] <= CUT_S * (scene + 1)
    assert read >= 1, "a number of the film is read"

    sample_people = {person.person: person for person in sample_album.people}
    for scene, photo in enumerate(photos):
        selfie = sample_people[photo.runners[0].person].selfie
        [found] = cloud.json("find", ALBUM, "--selfie", str(selfie))["photos"]
        assert (found["photo"]["name"], found["in_video"]["scene"], found["face_box"]) == (ref.name, scene, None)
    preview = cloud.derived_bucket.blob(fields["renditions"]["preview"]).download_as_bytes()
    assert cv2.imdecode(np.frombuffer(preview, np.uint8), cv2.IMREAD_COLOR) is not None

    cloud.bucket.blob(ref.name).delete()
    wait_for(lambda: (cloud.document(ref) or {}).get("status") == "erased", "the event of the deleted object", 60)
    wait_for(
        lambda: not [blob for blob in cloud.derived_bucket.list_blobs() if ref.photo_id in blob.name],
        "the sidecar and the poster to go",
        60,
    )
    for table in ("photo", "face", "bib"):
        assert cloud.sql(f"SELECT count(*) FROM {table} WHERE photo_id = %s", UUID(ref.photo_id)) == [(0,)]
