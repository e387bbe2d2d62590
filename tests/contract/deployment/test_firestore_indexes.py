"""Every query is served by the deployed indexes, and nothing is indexed that no query needs."""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.firestore import Client, FieldFilter, Query

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.task_leases import FirestoreTaskLeases
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_listing import PhotoListing
from support import terraform_config as terraform
from support.firestore_server import FirestoreServer, emulator_environment
from support.pipeline import MemoryCloud, toy_photo

ROOT = terraform.ROOT
INDEXES = terraform.TERRAFORM / "firestore" / "firestore.indexes.json"


@pytest.fixture(scope="module")
def firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreServer]:
    with FirestoreServer(tmp_path_factory.mktemp("firestore") / "state", indexes=INDEXES) as server:
        yield server


def read_everything(client: Client) -> None:
    """Every query that the adapters make."""
    documents, leases = FirestoreDocuments(client), FirestoreTaskLeases(client)
    ref = PhotoRef(bucket="photos", name="spring-10k/a.jpg", generation=1)
    photo = StoredPhoto(ref=ref, size_bytes=1, content_type="image/jpeg", uploaded_at=datetime.now(UTC))
    documents.record_queued(photo, event_at=datetime.now(UTC), trace_id="t")
    documents.find_copy(replace(photo, md5="md5", crc32c="crc"))
    documents.states([ref])
    documents.get("spring-10k", ref.photo_id)
    documents.counts("spring-10k")
    list(documents.list_photos("spring-10k"))
    list(documents.list_photos("spring-10k", status=PhotoStatus.DONE))
    for listing in every_listing():
        documents.list_page("spring-10k", listing, limit=5, after=None)
    documents.latest_final("spring-10k", limit=5)
    assert documents.last_upload("spring-10k") == photo.uploaded_at
    assert documents.album_names(names=None, limit=5, after=None) == ["spring-10k"]
    leases.live()
    assert len(documents.longest_outstanding("spring-10k", limit=5)) == 1
    assert len(documents.longest_outstanding(None, limit=5)) == 1
    assert documents.outstanding() == 1
    assert documents.outstanding_of("spring-10k", limit=9) == 1


def every_listing() -> Iterator[PhotoListing]:
    """A listing with every combination of conditions that can be met."""
    moment = datetime(2026, 5, 1, 10)
    conditions: dict[str, Any] = {
        "status": PhotoStatus.DONE,
        "camera": "X",
        "with_warnings": True,
        "folder": "cam2",
        "bib": "42",
        "without_bib": True,
        "is_blurry": True,
        "taken_from": moment,
        "taken_until": moment,
    }
    for chosen in itertools.product((False, True), repeat=len(conditions)):
        listing = dict(itertools.compress(conditions.items(), chosen))
        if not ("bib" in listing and "without_bib" in listing):  # which no photo can meet
            yield PhotoListing(**listing)


def queries_of_the_adapter() -> set[str]:
    """Methods of FirestoreDocuments that filter or order, which is what indexes are for."""
    source = (ROOT / "shared/photofinish/adapters/google/documents.py").read_text(encoding="utf-8")
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return {
        method.name
        for kind in classes
        for method in kind.body
        if isinstance(method, ast.FunctionDef)
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and node.attr in {"where", "order_by", "collection_group"}
    }


def test_every_query_has_its_index(firestore: FirestoreServer) -> None:
    with emulator_environment(firestore):
        read_everything(Client(project="check"))


def test_every_query_of_the_adapter_is_tried() -> None:
    tried = {
        node.func.attr
        for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert queries_of_the_adapter() <= tried, "add the adapter's new queries to read_everything()"


def test_without_the_indexes_the_queries_fail(tmp_path: Path) -> None:
    empty = tmp_path / "firestore.indexes.json"
    empty.write_text('{"indexes": [], "fieldOverrides": []}', encoding="utf-8")
    with FirestoreServer(tmp_path / "state", indexes=empty) as server, emulator_environment(server):
        documents = FirestoreDocuments(Client(project="check"))
        queries = (
            documents.outstanding,
            *(partial(documents.longest_outstanding, album, limit=1) for album in ("a", None)),
        )
        for query in queries:
            with pytest.raises(exceptions.FailedPrecondition, match="index"):
                query()


# --- what apps ask (README.md of shared/) ---


def test_what_apps_are_told_to_ask_has_its_index(firestore: FirestoreServer) -> None:
    with emulator_environment(firestore):
        album = Client(project="check").collection("albums").document("spring-10k")
    photos, people = album.collection("photos"), album.collection("people")
    asked: list[Query] = [
        photos.where(filter=FieldFilter("status", "==", "done")),
        photos.where(filter=FieldFilter("has_warnings", "==", True)),
        photos.where(filter=FieldFilter("bib_numbers", "array_contains", "42")),
        photos.where(filter=FieldFilter("image.camera", "==", "X")),
        photos.where(filter=FieldFilter("photo.name", "==", "spring-10k/a.jpg")),
        photos.where(filter=FieldFilter("sharpness.is_blurry", "==", True)),
        photos.order_by("image.taken_at"),
        photos.order_by("image.taken_at", direction=Query.DESCENDING),
        photos.order_by("done_at", direction=Query.DESCENDING),
        people.where(filter=FieldFilter("photo_ids", "array_contains", "p")),
        people.where(filter=FieldFilter("bib_numbers", "array_contains", "42")),
        people.where(filter=FieldFilter("name", "==", "Ada")),
        people.order_by("face_count", direction=Query.DESCENDING),
    ]
    for query in asked:
        list(query.stream())  # FailedPrecondition without an index


# --- what is not indexed ---

# Firestore takes 500 writes a second to a collection with an indexed field of sequential values
# (firebase.google.com/docs/firestore/solutions/shard-timestamp). These two are needed: by latest_final and last_upload.
SEQUENTIAL = {"done_at", "stages.uploaded_at"}


@pytest.mark.parametrize(
    "field", ["queued_at", "changed_at", "stages.queued_at", "photo.generation", "object.generation"]
)
def test_sequential_values_are_not_indexed(firestore: FirestoreServer, field: str) -> None:
    with emulator_environment(firestore):
        photos = Client(project="check").collection("albums").document("a").collection("photos")
    for direction in (Query.ASCENDING, Query.DESCENDING):
        with pytest.raises(exceptions.FailedPrecondition, match="index"):
            list(photos.order_by(field, direction=direction).stream())


def test_no_field_of_a_photo_is_indexed_that_is_large_or_sequential() -> None:
    """Another time, array or map in the document needs an exemption, or a query that needs its index."""
    cloud = MemoryCloud()
    photo = cloud.drop("race/1.jpg", toy_photo())
    cloud.worker().run()
    record = cloud.documents.get("race", photo.ref.photo_id)
    assert record is not None
    overrides = {
        entry["fieldPath"]: entry["indexes"]
        for entry in json.loads(INDEXES.read_text(encoding="utf-8"))["fieldOverrides"]
        if entry["collectionGroup"] == "photos"
    }
    seen = dict(leaves(record.fields))
    assert {"queued_at", "stages.done_at", "faces", "photo.generation"} <= set(seen)
    for path, value in seen.items():
        sequential = isinstance(value, datetime) or path.endswith("generation")
        if sequential or isinstance(value, list):
            indexes = next((overrides[prefix] for prefix in prefixes(path) if prefix in overrides), None)
            assert indexes is not None, f"{path} has all automatic indexes"
            if isinstance(value, list):
                assert indexes in ([], [{"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"}]), path
            else:
                assert len(indexes) == (path in SEQUENTIAL), path


def leaves(fields: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The path and value of every field of a document that is not a map."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}{name}.")
        else:
            yield path + name, value


def prefixes(path: str) -> Iterator[str]:
    """The path of a field and of the maps that contain it, the innermost first."""
    parts = path.split(".")
    return (".".join(parts[:length]) for length in range(len(parts), 0, -1))
