"""Queries through the official client, with enough documents that indexes are used."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import And, FieldFilter, Or
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.vector import Vector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.firestore_model import results
from support.firestore_queries import PARTIAL, PRESENT, queries, structured
from support.firestore_server import FirestoreServer, emulator_environment

MANY = 400
DOCUMENT_SETS = st.lists(st.one_of(PRESENT, PRESENT, PRESENT, PARTIAL), min_size=20, max_size=20)


def where(path: str, op: str, value: Any) -> FieldFilter:
    return FieldFilter(path, op, value)


def ids(query: Any) -> list[str]:
    return [snapshot.id for snapshot in query.stream()]


def fill(client: firestore.Client, path: str, documents: dict[str, dict[str, Any]]) -> None:
    writer = client.bulk_writer()
    for id, data in documents.items():
        writer.set(client.document(f"{path}/{id}"), data)
    writer.close()


@pytest.fixture(scope="module")
def photos(server: FirestoreServer) -> firestore.CollectionReference:
    """400 photos in one album, 3 in another."""
    with emulator_environment(server):
        client = firestore.Client(project="queries")
    documents = {
        f"p{number:03}": {
            "n": number,
            "status": ("queued", "done", "rejected")[number % 3],
            "bib_numbers": [str(number % 7), str(number % 11)],
            "image": {"width": 1000 + number % 5},
            **({"person": f"r{number % 4}"} if number % 2 else {}),
        }
        for number in range(MANY)
    }
    fill(client, "albums/spring/photos", documents)
    fill(client, "albums/summer/photos", {f"q{number}": {"n": 1000 + number, "status": "done"} for number in range(3)})
    return client.collection("albums/spring/photos")


def numbers(condition: Any) -> list[str]:
    return [f"p{number:03}" for number in range(MANY) if condition(number)]


def test_operators(photos: firestore.CollectionReference) -> None:
    done = photos.where(filter=where("status", "==", "done"))
    assert ids(done) == numbers(lambda n: n % 3 == 1)
    assert ids(photos.where(filter=where("n", ">", 395))) == numbers(lambda n: n > 395)
    assert ids(done.where(filter=where("n", "<=", 10)).order_by("n", direction="DESCENDING")) == [
        "p010",
        "p007",
        "p004",
        "p001",
    ]
    assert ids(photos.where(filter=where("bib_numbers", "array_contains", "6"))) == numbers(
        lambda n: 6 in (n % 7, n % 11)
    )
    both = photos.where(filter=where("bib_numbers", "array_contains_any", ["6", "10"]))
    assert ids(both) == numbers(lambda n: {n % 7, n % 11} & {6, 10})
    assert ids(photos.where(filter=where("person", "!=", "r1"))) == numbers(lambda n: n % 4 == 3)
    assert ids(photos.where(filter=where("person", "not-in", ["r1", "r2"]))) == numbers(lambda n: n % 4 == 3)
    assert ids(photos.where(filter=where("n", "in", [3, 399, 500]))) == ["p003", "p399"]
    assert ids(photos.where(filter=where("image.width", "==", 1004)).limit(2)) == ["p004", "p009"]
    either = Or([where("n", "<", 2), And([where("status", "==", "queued"), where("n", ">", 396)])])
    assert ids(photos.where(filter=either).order_by("n")) == ["p000", "p001", "p399"]
    assert ids(photos.where(filter=where("__name__", ">=", photos.document("p398")))) == ["p398", "p399"]


def test_order_cursors_limits_offsets(photos: firestore.CollectionReference) -> None:
    def by_status() -> firestore.Query:  # a new one each time: the client modifies a query with `limit_to_last`
        return photos.order_by("status").order_by("n", direction="DESCENDING")

    assert ids(by_status().limit(2)) == ["p397", "p394"]
    assert [one.id for one in by_status().limit_to_last(2).get()] == ["p005", "p002"]
    assert ids(by_status().start_at({"status": "queued", "n": 6}))[:3] == ["p006", "p003", "p000"]
    between = by_status().start_after({"status": "queued", "n": 6}).end_before({"status": "rejected", "n": 395})
    assert ids(between) == ["p003", "p000", "p398"]
    assert ids(photos.order_by("n").offset(397)) == ["p397", "p398", "p399"]
    snapshot = photos.document("p100").get()
    assert ids(photos.order_by("n").start_after(snapshot).limit(1)) == ["p101"]
    assert ids(photos.order_by("person").limit(1)) == ["p001"], "documents without the field are left out"


def test_projection(photos: firestore.CollectionReference) -> None:
    found = next(photos.where(filter=where("n", "==", 5)).select(["image.width", "missing"]).stream())
    assert found.to_dict() == {"image": {"width": 1000}}
    assert next(photos.select([]).stream()).to_dict() == {}


def test_groups_partitions_and_aggregations(photos: firestore.CollectionReference) -> None:
    group = photos._client.collection_group("photos")
    assert len(ids(group)) == MANY + 3
    assert ids(group.where(filter=where("n", ">=", 399))) == ["p399", "q0", "q1", "q2"]
    partitions = list(group.get_partitions(4))
    assert len(partitions) == 5, "four cursors separate five partitions"
    parts = [ids(partition.query()) for partition in partitions]
    assert list(itertools.chain(*parts)) == ids(group)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1

    def value(query: Any) -> Any:
        return query.get()[0][0].value

    assert value(photos.count()) == MANY
    assert value(photos.where(filter=where("status", "==", "done")).count()) == 133
    assert value(photos.limit(10).count()) == 10
    assert value(photos.sum("n")) == MANY * (MANY - 1) // 2
    assert value(photos.where(filter=where("n", "<", 4)).avg("n")) == 1.5
    assert value(photos.sum("missing")) == 0


def test_sums_too_large_for_an_integer_or_a_double(client: firestore.Client) -> None:
    numbers = client.collection("numbers")
    fill(
        client,
        "numbers",
        {
            "a": {"double": 1.797e308, "negative": -1.797e308, "whole": 2**63 - 1},
            "b": {"double": 1.797e308, "negative": -1.797e308, "whole": 2**63 - 1},
        },
    )

    def total(field: str, kind: str) -> Any:
        return getattr(numbers, kind)(field).get()[0][0].value

    assert [total("double", kind) for kind in ("sum", "avg")] == [math.inf, math.inf]
    assert [total("negative", kind) for kind in ("sum", "avg")] == [-math.inf, -math.inf]
    assert total("whole", "sum") == 2.0**64, "a double, because it is no int64"
    assert total("whole", "avg") == 2.0**63


@pytest.mark.parametrize(
    ("measure", "threshold", "nearest"),
    [
        ("EUCLIDEAN", None, [("same", 0.0), ("near", 1.0), ("opposite", 2.0), ("far", 9.0)]),
        ("EUCLIDEAN", 2.0, [("same", 0.0), ("near", 1.0), ("opposite", 2.0)]),
        ("COSINE", 0.5, [("far", 0.0), ("same", 0.0), ("near", 1 - 0.5**0.5)]),
        ("DOT_PRODUCT", 1.0, [("far", 10.0), ("near", 1.0), ("same", 1.0)]),
    ],
)
def test_vector_search(
    client: firestore.Client, measure: str, threshold: float | None, nearest: list[tuple[str, float]]
) -> None:
    vectors = {"same": [1.0, 0.0], "near": [1.0, 1.0], "far": [10.0, 0.0], "opposite": [-1.0, 0.0], "long": [1.0] * 3}
    fill(client, "faces", {id: {"face": Vector(vector), "n": 1} for id, vector in vectors.items()})
    fill(client, "faces", {"other": {"face": Vector([1.0, 0.0]), "n": 2}, "none": {"face": [1.0, 0.0], "n": 1}})
    search = client.collection("faces").where(filter=where("n", "==", 1)).select(["n"])

    def found(limit: int) -> list[tuple[str, float]]:
        query = search.find_nearest(
            "face",
            Vector([1.0, 0.0]),
            limit=limit,
            distance_measure=DistanceMeasure[measure],
            distance_result_field="distance",
            distance_threshold=threshold,
        )
        return [(one.id, one.get("distance")) for one in query.get()]

    assert [id for id, _ in found(10)] == [id for id, _ in nearest]
    assert [distance for _, distance in found(10)] == pytest.approx([distance for _, distance in nearest])
    assert found(1) == found(10)[:1]
    with pytest.raises(exceptions.InvalidArgument, match="no more than 1000"):
        found(1001)


def test_null_and_nan_in_filters(client: firestore.Client) -> None:
    values = {"null": None, "nan": math.nan, "one": 1, "list": [None, math.nan, 1], "text": "a", "other": -math.inf}
    fill(client, "values", {id: {"a": value} for id, value in values.items()} | {"none": {"b": 1}})

    def found(op: str, operand: Any) -> set[str]:
        return set(ids(client.collection("values").where(filter=where("a", op, operand))))

    everything = {"nan", "one", "list", "text", "other"}
    assert found("in", [None]) == found("in", [math.nan]) == set()
    assert found("in", [None, math.nan, 1]) == {"one"}
    assert found("array_contains_any", [None]) == found("array_contains_any", [math.nan]) == set()
    assert found("array_contains_any", [None, 1]) == {"list"}
    assert found("==", None) == {"null"}, "the client sends a unary filter"
    assert found("==", math.nan) == {"nan"}
    assert found("!=", None) == everything
    assert found("!=", math.nan) == everything - {"nan"}
    assert found("!=", 1) == everything - {"one"}
    assert found("not-in", [1]) == everything - {"one"}
    assert found("not-in", [math.nan]) == everything - {"nan"}
    assert found("not-in", [None, 1]) == set()
    assert found("<", 5) == found("<=", 1) == {"one", "other"}
    assert found(">=", -math.inf) == {"one", "other"}
    assert found("<=", -math.inf) == {"other"}


def test_indexes_are_updated_by_every_change(client: firestore.Client) -> None:
    photos = client.collection("photos")
    fill(client, "photos", {f"p{number:03}": {"n": number, "status": "queued"} for number in range(250)})
    done = photos.where(filter=where("status", "==", "done")).order_by("n", direction="DESCENDING")
    assert ids(done) == []
    photos.document("p007").update({"status": "done"})
    photos.document("p009").set({"status": "done", "n": -1})
    photos.document("new").set({"status": "done", "n": 0.5})
    assert ids(done) == ["p007", "new", "p009"]
    photos.document("p007").delete()
    photos.document("p009").update({"n": firestore.DELETE_FIELD})
    assert ids(done) == ["new"]


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_queries_on_large_collections_agree_with_the_model(client: firestore.Client, data: st.DataObject) -> None:
    """Many copies of the same documents, numbered, so that indexes are used."""
    kinds = data.draw(DOCUMENT_SETS)
    parent, path = f"{client._database_string}/documents", f"c{time.monotonic_ns()}"
    documents = {f"d{number:03}": {**kinds[number % 20], "k": number} for number in range(240)}
    fill(client, path, documents)
    for _ in range(5):
        model = data.draw(queries({str(number): one for number, one in enumerate(kinds)}))
        request = {"parent": parent, "structured_query": structured(model, parent, path)}
        names = [response.document.name for response in client._firestore_api.run_query(request)]
        assert [name.rsplit("/", 1)[1] for name in names if name] == results(documents, model)


def test_a_missing_composite_index_is_reported(tmp_path: Path) -> None:
    indexes = tmp_path / "firestore.indexes.json"
    indexes.write_text('{"indexes": [], "fieldOverrides": []}')
    with FirestoreServer(tmp_path / "state", indexes=indexes) as server, emulator_environment(server):
        client = firestore.Client(project="p")
        query = client.collection("photos").where(filter=where("status", "==", "done")).order_by("n")
        with pytest.raises(exceptions.FailedPrecondition, match=r'"fieldPath": "status".*"fieldPath": "n"'):
            list(query.stream())
        with pytest.raises(exceptions.FailedPrecondition, match="requires an index"):
            query.count().get()
        assert list(client.collection("photos").order_by("n").stream()) == []
        client.close()


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ([where("n", "in", list(range(31)))], "up to 30"),
        ([where("n", "in", list(range(10))), where("m", "in", list(range(4)))], "maximum of 30"),
        ([where("n", "not-in", list(range(11)))], "up to 10"),
        ([where("n", "not-in", [1]), where("m", "in", [1])], "NOT_IN"),
        ([where("n", "!=", 1), where("m", "!=", 1)], "Only a single"),
        ([where("n", "array_contains", 1), where("m", "array_contains", 1)], "maximum of 1"),
    ],
)
def test_limits_of_queries(client: firestore.Client, filters: list[FieldFilter], reason: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        list(client.collection("photos").where(filter=And(filters)).stream())


def test_reading_at_an_earlier_time(client: firestore.Client) -> None:
    photos = client.collection("photos")
    photos.document("a").set({"status": "queued"})
    then = photos.document("b").set({"status": "queued"}).update_time
    photos.document("a").update({"status": "done"})
    photos.document("b").delete()
    photos.document("c").set({"status": "queued"})
    queued = photos.where(filter=where("status", "==", "queued"))
    assert ids(queued) == ["c"]
    assert [one.id for one in queued.stream(read_time=then)] == ["a", "b"]
    assert photos.document("a").get(read_time=then).get("status") == "queued"
    assert photos.document("b").get(read_time=then).exists
    assert not photos.document("c").get(read_time=then).exists
    assert photos.count().get(read_time=then)[0][0].value == 2


def test_a_read_only_transaction_reads_one_snapshot(client: firestore.Client) -> None:
    photos = client.collection("photos")
    photos.document("a").set({"n": 1})

    @firestore.transactional
    def read_twice(transaction: firestore.Transaction) -> list[int]:
        first = photos.document("a").get(transaction=transaction).get("n")
        photos.document("a").set({"n": 2})
        photos.document("b").set({"n": 3})
        return [first, *(one.get("n") for one in photos.stream(transaction=transaction))]

    assert read_twice(client.transaction(read_only=True)) == [1, 1]


def test_the_async_client_reads_the_same(server: FirestoreServer, photos: firestore.CollectionReference) -> None:
    async def read() -> tuple[list[str], Any]:
        with emulator_environment(server):
            client = firestore.AsyncClient(project="queries")
        query = client.collection("albums/spring/photos").where(filter=where("n", "<", 3)).order_by("n", "DESCENDING")
        return [one.id async for one in query.stream()], (await query.count().get())[0][0].value

    assert asyncio.run(read()) == (["p002", "p001", "p000"], 3)
