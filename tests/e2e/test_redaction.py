"""Redaction in the whole local cloud: a runner's link shows only her own face, and links from before show nothing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import requests

from e2e.conftest import LocalCloud, wait_for
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from support.access import new_key, pg_access
from support.api import jpeg, selfie_of_group_member
from support.pictures import BgrImage, group

pytestmark = pytest.mark.timeout(240)
ALBUM = "redacted-race"


@dataclass(frozen=True)
class Runner:
    """Someone with a key of the album that may search."""

    cloud: LocalCloud
    key: str

    def preview_link(self, selfie: bytes) -> str:
        """The link to the picture of the only photo on which the selfie is found."""
        answer = requests.post(
            f"{self.cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{ALBUM}/search",
            headers={"X-Api-Key": self.key},
            files=[("selfie", selfie)],
            timeout=60,
        )
        assert answer.ok, answer.text
        [photo] = answer.json()["photos"]
        url: str = photo["renditions"]["preview"]["url"]
        return url


def fetched(url: str) -> BgrImage:
    answer = requests.get(url, timeout=60)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.uint8)


def test_a_runner_sees_only_her_own_face_and_older_links_end(cloud: LocalCloud, encoder: FaceEncoder) -> None:
    [found] = encoder.detect([group()])
    [faces] = encoder.embed([group()], [found])
    threshold = model_for("face_embedding").min_similarity
    assert threshold is not None

    def recognised(picture: BgrImage) -> list[bool]:
        """Of each face of the photo: whether any face of the picture matches it, also at the known positions."""
        seen = [*encoder.embed([picture], [found])[0], *encoder.encode([picture])[0]]
        return [max(float(one.embedding.vector @ face.embedding.vector) for one in seen) >= threshold for face in faces]

    ref = cloud.upload(f"{ALBUM}/group.jpg", jpeg(group()))
    with pg_access(cloud.environment["DATABASE_URL"]) as store:
        runner = Runner(cloud, new_key(store, albums=frozenset({ALBUM})).text)
    cloud.final_documents([ref])
    selfie = selfie_of_group_member(faces[2])
    before = runner.preview_link(selfie)
    assert recognised(fetched(before)) == [True] * 6

    redacted = requests.put(
        f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{ALBUM}/policy",
        headers={"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]},
        json={"redact": "without_consent", "purpose": "finding race photos"},
        timeout=60,
    )
    assert redacted.ok, redacted.text
    assert recognised(fetched(runner.preview_link(selfie))) == [number == 2 for number in range(6)]
    wait_for(lambda: requests.get(before, timeout=60).status_code == 404, "the end of the link to the bucket")
