"""REST, as the web SDK and curl use it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from google.cloud import firestore
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.firestore_server import FirestoreServer

DEADLINE_S = 30.0


class Documents:
    """The REST resource of a project's documents."""

    def __init__(self, server: FirestoreServer, project: str) -> None:
        self.name = f"projects/{project}/databases/(default)/documents"
        self._url = f"http://{server.address}/v1/{self.name}"

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        # As the web SDK: JSON whose content type is text, which needs no preflight request.
        headers = {"Content-Type": "text/plain"}
        data = None if body is None else json.dumps(body)  # which, unlike `requests`, can write NaN
        response = requests.request(
            method, self._url + path, data=data, params=query, headers=headers, timeout=DEADLINE_S
        )
        self.status = response.status_code
        return response.json()


@pytest.fixture
def documents(server: FirestoreServer, project: str) -> Documents:
    return Documents(server, project)


def number(value: int) -> dict[str, Any]:
    return {"fields": {"n": {"integerValue": str(value)}}}


def test_a_document_from_creation_to_deletion(documents: Documents) -> None:
    created = documents.call("POST", "/photos", number(1), documentId="a b:ü")
    assert created["name"] == f"{documents.name}/photos/a b:ü"
    assert created["fields"] == {"n": {"integerValue": "1"}}
    path = "/photos/a%20b%3A%C3%BC"
    updated = documents.call("PATCH", path, {"fields": {"m": {"nullValue": None}}}, **{"updateMask.fieldPaths": "m"})
    assert set(updated["fields"]) == {"n", "m"}
    assert documents.call("GET", path, **{"mask.fieldPaths": ["n"]})["fields"] == {"n": {"integerValue": "1"}}
    assert [one["name"] for one in documents.call("GET", "/photos")["documents"]] == [created["name"]]
    assert documents.call("DELETE", path) == {}
    assert documents.call("GET", path)["error"]["status"] == "NOT_FOUND"
    assert documents.status == 404


def test_pages(documents: Documents) -> None:
    for value in range(3):
        documents.call("POST", "/photos", number(value), documentId=f"p{value}")
    first = documents.call("GET", "/photos", pageSize=2)
    second = documents.call("GET", "/photos", pageSize=2, pageToken=first["nextPageToken"])
    assert [len(page["documents"]) for page in (first, second)] == [2, 1]
    assert documents.call("POST", ":listCollectionIds", {}) == {"collectionIds": ["photos"]}


def test_what_the_sdk_sends(documents: Documents, client: firestore.Client) -> None:
    name = f"{documents.name}/photos/p1"
    committed = documents.call("POST", ":commit", {"writes": [{"update": {"name": name, **number(5)}}]}, key="local")
    assert set(committed) == {"writeResults", "commitTime"}
    assert client.document("photos/p1").get().to_dict() == {"n": 5}
    found, missing = documents.call("POST", ":batchGet", {"documents": [name, f"{name}x"]})
    assert (found["found"]["name"], missing["missing"]) == (name, f"{name}x")
    query = {"structuredQuery": {"from": [{"collectionId": "photos"}]}}
    assert [one["document"]["name"] for one in documents.call("POST", ":runQuery", query)] == [name]
    counting = {"structuredQuery": query["structuredQuery"], "aggregations": [{"alias": "all", "count": {}}]}
    [counted] = documents.call("POST", ":runAggregationQuery", {"structuredAggregationQuery": counting})
    assert counted["result"]["aggregateFields"] == {"all": {"integerValue": "1"}}


def test_transactions_conflict(documents: Documents) -> None:
    name = f"{documents.name}/photos/p1"
    began = documents.call("POST", ":beginTransaction", {"options": {"readWrite": {}}})
    documents.call("POST", ":batchGet", {"documents": [name], "transaction": began["transaction"]})
    write = {"writes": [{"update": {"name": name, **number(1)}}]}
    assert "commitTime" in documents.call("POST", ":commit", write)
    conflict = documents.call("POST", ":commit", {**write, "transaction": began["transaction"]})
    assert (documents.status, conflict["error"]["status"]) == (409, "ABORTED")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", ":commit", [], 400),
        ("POST", ":commit", {"unknown": 1}, 400),
        ("POST", ":commit", {"writes": [{"update": {"name": "nonsense"}}]}, 400),
        ("POST", ":commit", {"writes": [{"verify": "\ud800"}]}, 400),
        ("POST", "/photos", {"fields": {"\ud800": {"stringValue": "\ud800"}}}, 400),
        ("POST", ":unknown", {}, 404),
        ("PATCH", "/photos/p1", {"fields": {"n": {"integerValue": "x"}}}, 400),
        ("PUT", "/photos/p1", {}, 404),
    ],
)
def test_errors(documents: Documents, method: str, path: str, body: Any, status: int) -> None:
    error = documents.call(method, path, body)["error"]
    assert (documents.status, error["code"]) == (status, status)
    assert error["message"]


FIELDS = (
    "writes",
    "update",
    "delete",
    "verify",
    "name",
    "fields",
    "stringValue",
    "timestampValue",
    "mapValue",
    "integerValue",
    "structuredQuery",
    "from",
    "collectionId",
    "where",
    "fieldFilter",
    "field",
    "fieldPath",
    "op",
    "value",
    "orderBy",
    "startAt",
    "values",
    "limit",
    "documents",
    "mask",
    "fieldPaths",
    "transaction",
    "readTime",
    "newTransaction",
)
TEXTS = (
    "EQUAL",
    "IN",
    "a",
    "a.b",
    "`",
    "",
    "\ud800",
    "2026-01-01T00:00:00Z",
    "99999-01-01T00:00:00Z",
    "YWJj",
    "5",
    "NaN",
)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=examples(200))
@given(
    path=st.sampled_from(["", "/a", "/a/b", "/a/%FF", "/%2E%2E/b"]),
    action=st.sampled_from(
        ["", ":commit", ":batchWrite", ":batchGet", ":runQuery", ":runAggregationQuery", ":beginTransaction"]
    ),
    method=st.sampled_from(["POST", "PATCH"]),
    body=BODIES,
)
def test_no_request_makes_the_server_fail(documents: Documents, path: str, action: str, method: str, body: Any) -> None:
    documents.call(method, path + action, body)
    assert documents.status in (200, 400, 404, 409), (documents.status, method, path, action, body)


def test_an_error_of_a_call_with_several_answers_is_in_an_array(documents: Documents) -> None:
    [body] = documents.call("POST", ":executePipeline", {})
    assert (documents.status, body["error"]["status"]) == (400, "FAILED_PRECONDITION")
