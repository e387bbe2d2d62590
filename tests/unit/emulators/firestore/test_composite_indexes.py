"""Which queries need an index defined in a file, and the error if it is missing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import BaseQuery, FieldFilter, Or
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.vector import Vector

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.firestore.aggregation import over, parse_aggregations
from photofinish_emulators.firestore.composite_indexes import CompositeIndexes
from photofinish_emulators.firestore.protos import StructuredAggregationQuery
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.query_parsing import parse_query

CLIENT = firestore.Client(project="p", credentials=AnonymousCredentials())
PHOTOS = CLIENT.collection("albums/spring/photos")
GROUP = CLIENT.collection_group("photos")
DESCENDING = BaseQuery.DESCENDING


def where(path: str, op: str, value: Any) -> FieldFilter:
    return FieldFilter(path, op, value)


def parsed(query: BaseQuery) -> Query:
    parent, _ = query._parent._parent_info()
    return parse_query(parent, query._to_protobuf()._pb)


def defined(
    tmp_path: Path, indexes: list[dict[str, Any]], overrides: Sequence[dict[str, Any]] = ()
) -> CompositeIndexes:
    path = tmp_path / "firestore.indexes.json"
    path.write_text(json.dumps({"indexes": indexes, "fieldOverrides": list(overrides)}))
    return CompositeIndexes(path)


def composite(*fields: str, scope: str = "COLLECTION") -> dict[str, Any]:
    """``status``, ``-queued_at`` (descending) or ``bib_numbers[]``."""
    columns: list[dict[str, str]] = []
    for field in fields:
        if field.endswith("[]"):
            columns.append({"fieldPath": field[:-2], "arrayConfig": "CONTAINS"})
        else:
            columns.append({"fieldPath": field.lstrip("-"), "order": "DESCENDING" if field[0] == "-" else "ASCENDING"})
    return {"collectionGroup": "photos", "queryScope": scope, "fields": columns}


AUTOMATIC = {
    "everything": PHOTOS.limit(5),
    "one equality": PHOTOS.where(filter=where("status", "==", "done")),
    "one range": PHOTOS.where(filter=where("n", ">", 1)).where(filter=where("n", "<", 5)),
    "range and order of one field": PHOTOS.where(filter=where("n", ">", 1)).order_by("n", direction=DESCENDING),
    "one order": PHOTOS.order_by("n", direction=DESCENDING),
    "equalities merge": PHOTOS.where(filter=where("a", "==", 1)).where(filter=where("b", "==", 2)),
    "an element and an equality merge": PHOTOS.where(filter=where("tags", "array_contains", 1)).where(
        filter=where("b", "==", 2)
    ),
    "or of two fields": PHOTOS.where(filter=Or([where("a", "==", 1), where("b", "==", 2)])),
    "in": PHOTOS.where(filter=where("a", "in", [1, 2])),
    "not equal": PHOTOS.where(filter=where("a", "!=", 1)),
    "an order by a field that is equal": PHOTOS.where(filter=where("a", "==", 1)).order_by("a"),
    "a group by name": GROUP,
    "map field": PHOTOS.where(filter=where("image.width", ">", 100)),
}


@pytest.mark.parametrize("query", AUTOMATIC.values(), ids=AUTOMATIC.keys())
def test_automatic_indexes_answer(tmp_path: Path, query: BaseQuery) -> None:
    defined(tmp_path, []).check(parsed(query))


DONE = PHOTOS.where(filter=where("status", "==", "done"))
COMPOSITE = {
    "equality and order": (DONE.order_by("n"), composite("status", "n")),
    "equality and descending order": (DONE.order_by("n", direction=DESCENDING), composite("status", "-n")),
    "equality and range": (DONE.where(filter=where("n", ">", 1)), composite("status", "n")),
    "element and order": (
        PHOTOS.where(filter=where("bib_numbers", "array_contains", "7")).order_by("queued_at", direction=DESCENDING),
        composite("bib_numbers[]", "-queued_at"),
    ),
    "two orders": (PHOTOS.order_by("a").order_by("b", direction=DESCENDING), composite("a", "-b")),
    "two ranges": (PHOTOS.where(filter=where("b", ">", 1)).where(filter=where("a", ">", 1)), composite("a", "b")),
    "names descending": (PHOTOS.order_by("__name__", direction=DESCENDING), composite("-__name__")),
    "names against the order": (
        PHOTOS.order_by("a", direction=DESCENDING).order_by("__name__"),
        composite("-a", "__name__"),
    ),
    "two equalities and an order": (
        DONE.where(filter=where("camera", "==", 1)).order_by("n"),
        composite("camera", "status", "n"),
    ),
    "a group": (
        GROUP.where(filter=where("status", "==", "done")).order_by("n"),
        composite("status", "n", scope="COLLECTION_GROUP"),
    ),
}


@pytest.mark.parametrize(("query", "index"), COMPOSITE.values(), ids=COMPOSITE.keys())
def test_the_error_contains_the_index_that_the_query_needs(
    tmp_path: Path, query: BaseQuery, index: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="The query requires an index") as refused:
        defined(tmp_path, []).check(parsed(query))
    assert refused.value.code.name == "FAILED_PRECONDITION"
    assert json.loads(refused.value.message.split(": ", 1)[1]) == index
    defined(tmp_path, [index]).check(parsed(query))


REFUSED: dict[str, tuple[BaseQuery, list[dict[str, Any]]]] = {
    "another direction": (DONE.order_by("n", direction=DESCENDING), [composite("status", "n")]),
    "another scope": (DONE.order_by("n"), [composite("status", "n", scope="COLLECTION_GROUP")]),
    "orders in the wrong sequence": (PHOTOS.order_by("a").order_by("b"), [composite("b", "a")]),
    "one equality too few": (
        DONE.where(filter=where("camera", "==", 1)).order_by("n"),
        [composite("status", "n")],
    ),
    "one order too many": (DONE.order_by("n"), [composite("status", "n", "m")]),
    "a disjunct without an index": (
        PHOTOS.where(filter=Or([where("a", "==", 1), where("b", "==", 1)])).order_by("n"),
        [composite("a", "n")],
    ),
}


@pytest.mark.parametrize(("query", "indexes"), REFUSED.values(), ids=REFUSED.keys())
def test_other_indexes_do_not_help(tmp_path: Path, query: BaseQuery, indexes: list[dict[str, Any]]) -> None:
    with pytest.raises(Refused, match="requires an index"):
        defined(tmp_path, indexes).check(parsed(query))


def test_indexes_with_the_same_order_merge(tmp_path: Path) -> None:
    query = parsed(DONE.where(filter=where("camera", "==", 1)).order_by("n"))
    defined(tmp_path, [composite("status", "n"), composite("camera", "n")]).check(query)


def test_the_direction_of_an_equality_does_not_matter(tmp_path: Path) -> None:
    defined(tmp_path, [composite("-status", "n")]).check(parsed(DONE.order_by("n")))


def test_groups_need_their_own_single_field_indexes(tmp_path: Path) -> None:
    query = parsed(GROUP.where(filter=where("status", "==", "done")))
    with pytest.raises(Refused, match='"fieldOverrides"') as refused:
        defined(tmp_path, []).check(query)
    override = json.loads(refused.value.message.split(": ", 1)[1])
    defined(tmp_path, [], [override]).check(query)


def test_an_exempted_field_has_no_index(tmp_path: Path) -> None:
    override = {"collectionGroup": "photos", "fieldPath": "image", "indexes": []}
    indexes = defined(tmp_path, [], [override])
    indexes.check(parsed(PHOTOS.where(filter=where("status", "==", 1))))
    for path in ("image", "image.width"):
        with pytest.raises(Refused, match="requires an index"):
            indexes.check(parsed(PHOTOS.where(filter=where(path, "==", 1))))


def test_a_sum_needs_its_field_in_the_index(tmp_path: Path) -> None:
    message = StructuredAggregationQuery()
    message.aggregations.add().sum.field.field_path = "size"
    query = over(parsed(DONE), parse_aggregations(list(message.aggregations)))
    with pytest.raises(Refused, match="requires an index"):
        defined(tmp_path, []).check(query)
    defined(tmp_path, [composite("status", "size")]).check(query)


@pytest.mark.parametrize(
    ("index", "serves"),
    [
        (("status", "size", "seconds"), True),
        (("status", "seconds", "size"), True),
        (("status", "-seconds", "size"), True),
        (("status", "size"), False),
        (("size", "status", "seconds"), False),
        (("status", "size", "seconds", "n"), False),
    ],
)
def test_aggregated_fields_may_be_in_any_sequence(tmp_path: Path, index: tuple[str, ...], serves: bool) -> None:
    message = StructuredAggregationQuery()
    message.aggregations.add().sum.field.field_path = "size"
    message.aggregations.add().avg.field.field_path = "seconds"
    query = over(parsed(DONE), parse_aggregations(list(message.aggregations)))
    indexes = defined(tmp_path, [composite(*index)])
    if serves:
        indexes.check(query)
    else:
        with pytest.raises(Refused, match="requires an index"):
            indexes.check(query)


def test_a_sum_over_all_documents_needs_no_composite_index(tmp_path: Path) -> None:
    message = StructuredAggregationQuery()
    message.aggregations.add().sum.field.field_path = "size"
    defined(tmp_path, []).check(over(parsed(PHOTOS.select([])), parse_aggregations(list(message.aggregations))))


@pytest.mark.parametrize(
    ("fields", "serves"),
    [
        ([("status", None), ("face", 2)], True),
        ([("status", None), ("face", 3)], False),
        ([("face", 2)], False),
        ([("status", None), ("face", None)], False),
    ],
)
def test_a_vector_search_needs_an_index_of_its_dimension(
    tmp_path: Path, fields: list[tuple[str, int | None]], serves: bool
) -> None:
    columns = [
        {"fieldPath": path, "order": "ASCENDING"}
        if dimension is None
        else {"fieldPath": path, "vectorConfig": {"dimension": dimension, "flat": {}}}
        for path, dimension in fields
    ]
    indexes = defined(tmp_path, [{"collectionGroup": "photos", "queryScope": "COLLECTION", "fields": columns}])
    search = DONE.find_nearest("face", Vector([1.0, 2.0]), limit=3, distance_measure=DistanceMeasure.EUCLIDEAN)
    message = search._to_protobuf()._pb
    query = parse_query(DONE._parent._parent_info()[0], message, may_search=True)
    if serves:
        indexes.check(query)
        return
    with pytest.raises(Refused, match="Missing vector index configuration") as refused:
        indexes.check(query)
    needed = json.loads(refused.value.message.split(": ", 1)[1])
    defined(tmp_path, [needed]).check(query)


def test_an_index_that_is_added_later_is_found(tmp_path: Path) -> None:
    indexes, query = defined(tmp_path, []), parsed(DONE.order_by("n"))
    with pytest.raises(Refused):
        indexes.check(query)
    path = tmp_path / "firestore.indexes.json"
    path.write_text(json.dumps({"indexes": [composite("status", "n")]}))
    os.utime(path, (0, 0))
    indexes.check(query)


@pytest.mark.parametrize(
    "text", ["{", '{"indexes": [{}]}', '{"indexes": [{"collectionGroup": "a", "fields": 1}]}', "[]"]
)
def test_an_invalid_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "firestore.indexes.json"
    path.write_text(text)
    with pytest.raises(CannotServe, match=r"firestore\.indexes\.json is not a valid Firestore index file"):
        CompositeIndexes(path)
    with pytest.raises(CannotServe, match="cannot be read"):
        CompositeIndexes(tmp_path / "absent.json")


def test_the_file_of_this_project_is_valid(pytestconfig: pytest.Config) -> None:
    CompositeIndexes(pytestconfig.rootpath / "terraform/firestore/firestore.indexes.json")
