"""Objects go with all their versions: in memory, and on the local cloud's storage server, which keeps no older ones.

fake-gcs-server answers that its files do "not support versioning yet", so only the double shows older versions.
"""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.storage import Client as StorageClient

from photofinish.adapters.google.erasable_objects import GcsErasableObjects
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.errors import NotFound


@pytest.fixture(params=["memory", "gcs"])
def objects(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryPhotoStore()
    client: StorageClient = request.getfixturevalue("storage_client")
    name: str = request.getfixturevalue("photo_bucket")
    return GcsErasableObjects(client, photo_bucket=name, derived_bucket=name, enrolment_bucket=None)


def test_every_version_goes_and_nothing_else(objects: Any) -> None:
    for name in ("sidecars/race/a/1.json", "sidecars/race/a/1.json", "sidecars/race/ab/1.json"):
        objects.replace_derived(name, b"{}", "application/json")
    found = list(objects.versions("derived_bucket", "sidecars/race/a/"))
    assert {version.name for version in found} == {"sidecars/race/a/1.json"}
    assert len(found) == (2 if isinstance(objects, MemoryPhotoStore) else 1)
    objects.remove("derived_bucket", found)
    objects.remove("derived_bucket", found)  # twice equals once
    assert list(objects.versions("derived_bucket", "sidecars/race/a/")) == []
    with pytest.raises(NotFound):
        objects.read_derived("sidecars/race/a/1.json")
    assert objects.read_derived("sidecars/race/ab/1.json") == b"{}"
    assert list(objects.versions("enrolment_bucket", "race/")) == []


def test_of_a_rewritten_object_the_older_versions_go(objects: Any) -> None:
    name = "sidecars/race/c/1.json"
    objects.replace_derived(name, b"old", "application/json")
    older = list(objects.versions("derived_bucket", name))
    objects.replace_derived(name, b"new", "application/json")
    objects.remove("derived_bucket", [one for one in objects.versions("derived_bucket", name) if one in older])
    assert len(list(objects.versions("derived_bucket", name))) == 1
    assert objects.read_derived(name) == b"new"
