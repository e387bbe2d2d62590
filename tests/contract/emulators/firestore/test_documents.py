"""Documents through the official client: reading, writing, preconditions, limits."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud import firestore
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.vector import Vector

from support.firestore_server import FirestoreServer, emulator_environment


def test_every_type_of_value_is_read_as_written(client: firestore.Client) -> None:
    data = {
        "null": None,
        "yes": True,
        "integer": -(2**63),
        "double": 0.1,
        "infinity": math.inf,
        "time": datetime(2024, 2, 29, 12, 0, 0, 123456, UTC),
        "text": "Läufer\x00🏃",
        "bytes": b"\x00\xff",
        "reference": client.document("albums/spring"),
        "place": GeoPoint(48.1, -11.5),
        "list": [1, "two", {"three": [3.0]}],
        "map": {"a.b": {"c": 1}, "empty": {}},
        "vector": Vector([1.0, 2.0]),
    }
    reference = client.document("albums/spring/photos/1")
    written = reference.set(data)
    snapshot = reference.get()
    assert snapshot.to_dict() == data
    assert snapshot.create_time == snapshot.update_time == written.update_time


def test_update_changes_only_its_fields(client: firestore.Client) -> None:
    reference = client.document("albums/spring")
    reference.set({"title": "Spring", "settings": {"public": True, "price": 5}, "old": 1})
    reference.update({"settings.price": 6, "old": firestore.DELETE_FIELD, "`a.b`": 1})
    assert reference.get().to_dict() == {"title": "Spring", "settings": {"public": True, "price": 6}, "a.b": 1}
    reference.set({"settings": {"public": False}}, merge=True)
    assert reference.get().get("settings") == {"public": False, "price": 6}
    reference.set({"title": "New"})
    assert reference.get().to_dict() == {"title": "New"}


def test_transforms(client: firestore.Client) -> None:
    reference = client.document("albums/spring")
    reference.set({"count": 3, "most": 5, "least": 5, "tags": [1, 2.0, "a"], "text": "x", "full": 2**63 - 1})
    before = datetime.now(UTC)
    result = reference.update(
        {
            "count": firestore.Increment(0.5),
            "most": firestore.Maximum(7.5),
            "least": firestore.Minimum(5.0),
            "tags": firestore.ArrayUnion([2, "b", "b"]),
            "text": firestore.Increment(2),
            "full": firestore.Increment(1),
            "at": firestore.SERVER_TIMESTAMP,
        }
    )
    found = reference.get().to_dict()
    assert found is not None
    at = found.pop("at")
    assert abs(at - before) < timedelta(seconds=10)
    assert at.microsecond % 1000 == 0, "server timestamps have milliseconds"
    expected = {"count": 3.5, "most": 7.5, "least": 5, "tags": [1, 2.0, "a", "b"], "text": 2, "full": 2**63 - 1}
    assert found == expected
    assert isinstance(found["least"], int), "an equal minimum of another type changes nothing"
    assert len(result.transform_results) == 7
    reference.update({"tags": firestore.ArrayRemove([1.0, "b"])})
    assert reference.get().get("tags") == [2.0, "a"]


def test_a_write_that_changes_nothing_keeps_the_update_time(client: firestore.Client) -> None:
    reference = client.document("albums/spring")
    first = reference.set({"title": "Spring"})
    assert reference.set({"title": "Spring"}).update_time == first.update_time
    assert reference.set({"title": "Summer"}).update_time > first.update_time


def test_preconditions(client: firestore.Client) -> None:
    reference = client.document("albums/spring")
    with pytest.raises(exceptions.NotFound, match="No document to update"):
        reference.update({"title": "Spring"})
    first = reference.create({"title": "Spring"})
    with pytest.raises(exceptions.AlreadyExists, match="already exists"):
        reference.create({"title": "Summer"})
    client.document("albums/spring").update(
        {"title": "Summer"}, option=client.write_option(last_update_time=first.update_time)
    )
    with pytest.raises(exceptions.FailedPrecondition):
        reference.update({"title": "Autumn"}, option=client.write_option(last_update_time=first.update_time))
    with pytest.raises(exceptions.FailedPrecondition):
        reference.delete(option=client.write_option(last_update_time=first.update_time))
    reference.delete()
    reference.delete()
    with pytest.raises(exceptions.NotFound):
        reference.delete(option=client.write_option(exists=True))
    assert not reference.get().exists


def test_a_batch_is_all_or_nothing(client: firestore.Client) -> None:
    batch = client.batch()
    batch.set(client.document("albums/a"), {"n": 1})
    batch.update(client.document("albums/missing"), {"n": 1})
    with pytest.raises(exceptions.NotFound):
        batch.commit()
    assert not client.document("albums/a").get().exists
    batch = client.batch()
    batch.set(client.document("albums/a"), {"n": 1})
    batch.update(client.document("albums/a"), {"n": firestore.Increment(1)})
    batch.delete(client.document("albums/b"))
    results = batch.commit()
    assert len(results) == 3
    assert client.document("albums/a").get().to_dict() == {"n": 2}


@pytest.mark.parametrize("exists", [True, False])
def test_a_commit_cannot_update_what_it_deletes(client: firestore.Client, exists: bool) -> None:
    reference = client.document("albums/a")
    if exists:
        reference.set({"n": 1})
    batch = client.batch()
    batch.delete(reference)
    batch.update(reference, {"n": 2})
    with pytest.raises(exceptions.InvalidArgument, match="an earlier write of the commit deletes"):
        batch.commit()
    assert reference.get().exists == exists
    batch = client.batch()
    batch.delete(reference)
    batch.set(reference, {"n": 3})
    batch.update(reference, {"n": 4})
    batch.commit()
    assert reference.get().to_dict() == {"n": 4}


def test_a_mask_may_name_a_field_and_one_inside_it(client: firestore.Client) -> None:
    reference = client.document("albums/a")
    reference.set({"owner": {"name": "Bo", "age": 5}, "kept": 1})
    changed = {
        "name": f"{client._database_string}/documents/albums/a",
        "fields": {"owner": {"map_value": {"fields": {"name": {"string_value": "Ada"}}}}},
    }
    client._firestore_api.update_document(
        request={"document": changed, "update_mask": {"field_paths": ["owner", "owner.name"]}}
    )
    assert reference.get().to_dict() == {"owner": {"name": "Ada"}, "kept": 1}


def test_times_have_microseconds(client: firestore.Client) -> None:
    reference = client.document("albums/a")
    at = DatetimeWithNanoseconds(2024, 2, 29, 12, nanosecond=123_456_789, tzinfo=UTC)
    reference.set({"at": at})
    snapshot = reference.get()
    assert snapshot.get("at").timestamp_pb().nanos == 123_456_000
    for time in (snapshot.create_time, snapshot.update_time, snapshot.read_time):
        assert time.timestamp_pb().nanos % 1000 == 0
    found = client.collection("albums").where(filter=FieldFilter("at", "==", at)).get()
    assert [one.id for one in found] == ["a"], "an operand is cut in the same way"


def test_bulk_writes_fail_one_by_one(client: firestore.Client) -> None:
    client.document("bulk/taken").set({})
    failures = []
    writer = client.bulk_writer()
    writer.on_write_error(lambda failure, _: bool(failures.append(failure.code)))
    writer.create(client.document("bulk/taken"), {"n": 1})
    for number in range(30):
        writer.create(client.document(f"bulk/{number}"), {"n": number})
    writer.close()
    assert failures == [6]
    assert len(client.collection("bulk").get()) == 31


def test_listing(client: firestore.Client) -> None:
    for number in range(7):
        client.document(f"albums/spring/photos/p{number}").set({"n": number})
    client.document("albums/summer/photos/p/notes/n").set({})
    assert [one.id for one in client.collections()] == ["albums"]
    assert [one.id for one in client.document("albums/spring").collections()] == ["photos"]
    missing = list(client.collection("albums").list_documents())
    assert [one.id for one in missing] == ["spring", "summer"], "documents that only have others below them are listed"
    photos = client.collection("albums/spring/photos")
    assert [one.id for one in photos.list_documents(page_size=3)] == [f"p{number}" for number in range(7)]
    parent = f"{client._database_string}/documents/albums/spring"
    request = {"parent": parent, "collection_id": "photos", "page_size": 3, "order_by": "n desc"}
    pages = client._firestore_api.list_documents(request=request).pages
    assert [[one.fields["n"].integer_value for one in page.documents] for page in pages] == [[6, 5, 4], [3, 2, 1], [0]]
    assert client.recursive_delete(client.document("albums/spring")) == 8
    assert [one.id for one in client.collection("albums").list_documents()] == ["summer"]


def test_get_all_reports_missing_documents(client: firestore.Client) -> None:
    client.document("albums/a").set({"title": "A", "secret": 1})
    references = [client.document("albums/a"), client.document("albums/b")]
    found = {one.id: one for one in client.get_all(references, field_paths=["title"])}
    assert found["a"].to_dict() == {"title": "A"}
    assert not found["b"].exists


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("albums/large", {"text": "x" * 1_048_577}, "exceeds the maximum allowed size"),
        ("albums/nested", {"a": [[1]]}, "array value in an array value"),
        ("albums/__secret__", {}, "reserved"),
        ("albums/field", {"__x__": 1}, "reserved"),
        ("albums/" + "i" * 1501, {}, "1500 bytes"),
    ],
)
def test_documents_that_firestore_cannot_store_are_refused(
    client: firestore.Client, path: str, data: dict, reason: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        client.document(path).set(data)


def test_depth_has_a_limit(client: firestore.Client) -> None:
    def nested(levels: int) -> dict:
        return {"a": nested(levels - 1)} if levels else {}

    client.document("albums/deep").set(nested(20))
    with pytest.raises(exceptions.InvalidArgument, match="20 levels"):
        client.document("albums/deep").set(nested(22))


def test_projects_and_databases_are_separate(server: FirestoreServer, client: firestore.Client) -> None:
    client.document("albums/a").set({"n": 1})
    with emulator_environment(server):
        others = [firestore.Client(client.project + "x"), firestore.Client(client.project, database="second")]
    for other in others:
        assert not other.document("albums/a").get().exists
        assert list(other.collections()) == []
        other.close()


def test_single_document_methods(client: firestore.Client) -> None:
    api, root = client._firestore_api, f"{client._database_string}/documents"
    fields = {"n": {"integer_value": 1}, "m": {"integer_value": 2}}
    request = {
        "parent": root,
        "collection_id": "albums",
        "document": {"fields": fields},
        "mask": {"field_paths": ["n"]},
    }
    created = api.create_document(request=request)
    assert list(created.fields) == ["n"]
    name = created.name
    assert len(name.rsplit("/", 1)[1]) == 20, "an id is made where none is given"
    changed = {"name": name, "fields": {"n": {"integer_value": 5}}}
    updated = api.update_document(request={"document": changed, "update_mask": {"field_paths": ["n"]}})
    assert {key: value.integer_value for key, value in updated.fields.items()} == {"n": 5, "m": 2}
    assert api.get_document(request={"name": name}).update_time == updated.update_time
    api.delete_document(request={"name": name})
    with pytest.raises(exceptions.NotFound):
        api.get_document(request={"name": name})
