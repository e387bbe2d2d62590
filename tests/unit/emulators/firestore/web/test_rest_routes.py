"""REST requests and the RPCs that they mean."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore import protos as p
from photofinish_emulators.firestore.web.json_messages import from_message, parse, to_message
from photofinish_emulators.firestore.web.rest_routes import find_route
from photofinish_emulators.firestore.writes import parse_write

DATABASE = "projects/p/databases/(default)"
ROOT = f"{DATABASE}/documents"


@pytest.mark.parametrize(
    ("method", "path", "rpc", "fields"),
    [
        ("POST", ":commit", "Commit", {"database": DATABASE}),
        ("POST", ":batchGet", "BatchGetDocuments", {"database": DATABASE}),
        ("POST", ":batchWrite", "BatchWrite", {"database": DATABASE}),
        ("POST", ":beginTransaction", "BeginTransaction", {"database": DATABASE}),
        ("POST", ":rollback", "Rollback", {"database": DATABASE}),
        ("POST", ":runQuery", "RunQuery", {"parent": ROOT}),
        ("POST", "/albums/a:runQuery", "RunQuery", {"parent": f"{ROOT}/albums/a"}),
        ("POST", "/albums/a%3Ab:runAggregationQuery", "RunAggregationQuery", {"parent": f"{ROOT}/albums/a:b"}),
        ("POST", "/albums/a:b:listCollectionIds", "ListCollectionIds", {"parent": f"{ROOT}/albums/a:b"}),
        ("POST", "/albums", "CreateDocument", {"parent": ROOT, "collectionId": "albums"}),
        ("GET", "/albums", "ListDocuments", {"parent": ROOT, "collectionId": "albums"}),
        ("GET", "/albums/a/photos", "ListDocuments", {"parent": f"{ROOT}/albums/a", "collectionId": "photos"}),
        ("GET", "/albums/run:commit", "GetDocument", {"name": f"{ROOT}/albums/run:commit"}),
        ("GET", "/albums/%C3%BC%20%25", "GetDocument", {"name": f"{ROOT}/albums/ü %"}),
        ("PATCH", "/albums/a", "UpdateDocument", {"document.name": f"{ROOT}/albums/a"}),
        ("DELETE", "/albums/a", "DeleteDocument", {"name": f"{ROOT}/albums/a"}),
    ],
)
def test_the_rpc_of_a_request(method: str, path: str, rpc: str, fields: dict[str, str]) -> None:
    route = find_route(method, f"/v1/{ROOT}{path}")
    assert (route.rpc, route.path) == (rpc, fields)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/projects/p"),
        ("POST", f"/v1/{ROOT}:unknown"),
        ("POST", f"/v1/{ROOT}/albums/a:commit"),
        ("POST", f"/v1/{ROOT}/albums:runQuery"),
        ("DELETE", f"/v1/{ROOT}/albums"),
        ("PUT", f"/v1/{ROOT}/albums/a"),
        ("GET", f"/v1/{ROOT}"),
    ],
)
def test_other_requests_are_refused(method: str, path: str) -> None:
    with pytest.raises(Refused):
        find_route(method, path)


def message(method: str, path: str, query: list[tuple[str, str]], body: Any, message_class: Any) -> Any:
    return to_message(find_route(method, f"/v1/{ROOT}{path}").fields(body, query, message_class), message_class)


def test_parameters_of_the_query_become_fields() -> None:
    query = [
        ("pageSize", "7"),
        ("mask.fieldPaths", "a"),
        ("mask.fieldPaths", "b.c"),
        ("showMissing", "true"),
        ("key", "k"),
    ]
    request = message("GET", "/albums", query, None, p.ListDocumentsRequest)
    assert (request.page_size, list(request.mask.field_paths), request.show_missing) == (7, ["a", "b.c"], True)
    assert (request.parent, request.collection_id) == (ROOT, "albums")


def test_an_update_takes_its_name_from_the_path() -> None:
    query = [("updateMask.fieldPaths", "n"), ("currentDocument.exists", "true")]
    body = {"fields": {"n": {"integerValue": "5"}}, "name": "projects/other"}
    request = message("PATCH", "/albums/a", query, body, p.UpdateDocumentRequest)
    assert request.document.name == f"{ROOT}/albums/a"
    assert request.document.fields["n"].integer_value == 5
    assert request.current_document.exists


@pytest.mark.parametrize(
    "query", [("unknown", "1"), ("showMissing", "yes"), ("pageSize", "x"), ("parent.x", "1"), ("mask.unknown", "x")]
)
def test_other_parameters_are_refused(query: tuple[str, str]) -> None:
    with pytest.raises(Refused):
        message("GET", "/albums", [query], None, p.ListDocumentsRequest)


def test_a_write_that_only_verifies() -> None:
    """The web SDK's transactions send a field that the published messages lack."""
    body = {
        "writes": [
            {"delete": f"{ROOT}/a/deleted"},
            {"verify": f"{ROOT}/a/{'x' * 200}", "currentDocument": {"exists": True}},
        ]
    }
    writes = to_message(body, p.CommitRequest).writes
    assert [parse_write(write, DATABASE).only_verify for write in writes] == [False, True]
    assert str(parse_write(writes[1], DATABASE).name) == body["writes"][1]["verify"]


@pytest.mark.parametrize("text", ["", "{", "\ud800", "[" * 100_000])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="Invalid JSON payload"):
        parse(text)


def test_numbers_without_json_form_are_text() -> None:
    document = p.Document()
    document.fields["n"].double_value = float("-inf")
    document.fields["i"].integer_value = 2**63 - 1
    assert from_message(document)["fields"] == {
        "n": {"doubleValue": "-Infinity"},
        "i": {"integerValue": str(2**63 - 1)},
    }
