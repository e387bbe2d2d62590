"""A damaged album on the whole local cloud: a check names what is wrong, a rebuild and a repair mend it.

`contract/checking/` has many more kinds of damage.
"""

from __future__ import annotations

from typing import Any

import pytest

from e2e.conftest import LocalCloud, wait_for
from photofinish.domain.photo import PhotoRef
from photofinish_cli.sample_album import SampleAlbum

pytestmark = pytest.mark.timeout(300)
ALBUM = "damaged"


def check(cloud: LocalCloud, *options: str) -> Any:
    """Compare also what has just changed."""
    return cloud.command("check", ALBUM, "--settled", "0", *options, check=False)


def test_a_damaged_album_is_named_mended_and_rebuilt(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    photos = [photo.path for photo in sample_album.photos[:3]]
    cloud.json("drop", *map(str, photos), "--album", ALBUM, "--wait")
    bucket = cloud.bucket.name
    refs = [
        PhotoRef(bucket=bucket, name=blob.name, generation=blob.generation)
        for blob in cloud.bucket.list_blobs(prefix=f"{ALBUM}/")
    ]
    wait_for(lambda: check(cloud).returncode == 0, "an album without findings")
    documents = {ref: cloud.document(ref) for ref in refs}

    without_document, without_rows, without_sidecar = refs
    cloud.firestore.document(f"albums/{ALBUM}/photos/{without_document.photo_id}").delete()
    cloud.sql("DELETE FROM photo WHERE photo_id = %s RETURNING photo_id", without_rows.photo_id)
    for blob in list(cloud.derived_bucket.list_blobs(prefix=f"sidecars/{ALBUM}/{without_sidecar.photo_id}/")):
        blob.delete()
    found = check(cloud, "--all")
    assert found.returncode == 1
    assert {line.split("\t")[0] for line in found.stdout.splitlines()[1:-1]} == {
        *("document_missing", "not_indexed", "sidecar_missing")
    }, found.stdout

    would = cloud.json("rebuild", "documents", ALBUM, "--dry-run")
    assert (would["photos"], would["right"], would["written"], would["queued"]) == (3, 2, 1, 0)
    assert cloud.document(without_document) is None
    assert cloud.json("rebuild", "documents", ALBUM)["written"] == 1
    restored, before = cloud.document(without_document), documents[without_document]
    assert restored is not None
    assert before is not None
    for name in ("photo", "status", "done_at", "faces", "bibs", "text", "sidecar", "renditions"):
        assert restored[name] == before[name], name

    mended = check(cloud, "--repair")
    assert "1 mended, 1 will be by an analysis that is queued, 0 remain" in mended.stdout, mended.stdout
    wait_for(lambda: check(cloud).returncode == 0, "an album without findings after the repair", timeout_s=120)
