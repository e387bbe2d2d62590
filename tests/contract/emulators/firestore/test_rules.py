"""What the deployed security rules let users do, over gRPC, REST and WebChannel, and what else the server judges."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from support.firebase_keys import unsigned_token
from support.firestore_server import FirestoreServer, emulator_environment
from support.webchannel import Channel

DENIED = "Missing or insufficient permissions."
ANONYMOUS = ""
USER = f"Bearer {unsigned_token('ada', role='photographer')}"
GRANTED = f"Bearer {unsigned_token('bea', photofinish={'scope': 'search', 'albums': '*'})}"
OWNER = "Bearer owner"
_NUMBERS = itertools.count()
CUSTOM = """
rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    function isMember(album) {
      return exists(/databases/$(database)/documents/albums/$(album)/members/$(request.auth.uid));
    }
    match /albums/{album} {
      allow get: if isMember(album);
      allow create: if request.resource.data.owner == request.auth.uid
        && getAfter(/databases/$(database)/documents/albums/$(album)/members/$(request.auth.uid)).data.role == 'owner'
        && request.resource.data.at == request.time;
      allow update: if request.resource.data.diff(resource.data).affectedKeys().hasOnly(['title']);
      allow delete: if resource.data.owner == request.auth.uid && request.auth.token.role == 'photographer';

      match /members/{uid} { allow create: if uid == request.auth.uid; }
      match /photos/{photo} {
        allow list: if resource.data.owner == request.auth.uid && request.query.limit <= 10;
      }
    }
    match /open/{id} { allow read, write; }
    match /{path=**}/notes/{note} { allow list: if resource.data.public == true; }
  }
}
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[FirestoreServer]:
    rules = pytestconfig.rootpath / "terraform/firestore/firestore.rules"
    with FirestoreServer(tmp_path_factory.mktemp("deployed") / "state", rules=rules) as server:
        yield server


@pytest.fixture(scope="module")
def custom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreServer]:
    path = tmp_path_factory.mktemp("custom")
    (path / "firestore.rules").write_text(CUSTOM)
    with FirestoreServer(path / "state", rules=path / "firestore.rules") as server:
        yield server


class Data:
    """A project's documents, which an administrator may write."""

    def __init__(self, server: FirestoreServer) -> None:
        self.server = server
        self.database = f"projects/rules-{next(_NUMBERS)}/databases/(default)"

    def write(self, documents: dict[str, dict[str, Any]]) -> None:
        with emulator_environment(self.server):
            client = firestore.Client(project=self.database.split("/")[1])
        for path, data in documents.items():
            client.document(path).set(data)
        client.close()

    def rest(self, method: str, path: str, authorization: str = USER, body: Any = None) -> tuple[int, Any]:
        """Status and body of a request for ``path`` below ``documents``."""
        response = requests.request(
            method,
            f"http://{self.server.address}/v1/{self.database}/documents{path}",
            headers={"Authorization": authorization} if authorization else {},
            json=body,
            timeout=30,
        )
        answer = response.json()
        return response.status_code, answer[0] if isinstance(answer, list) else answer

    def query(self, parent: str, authorization: str = USER, **query: Any) -> tuple[int, Any]:
        return self.rest("POST", f"{parent}:runQuery", authorization, {"structuredQuery": query})


@pytest.fixture
def data(deployed: FirestoreServer) -> Data:
    made = Data(deployed)
    made.write({"albums/spring": {"n": 1}, "albums/spring/photos/p": {"n": 1}, "albums/spring/people/x": {"n": 1}})
    opened = {"users_may_search": True, "users_may_browse": True, "anonymous_users": False}
    made.write({"runtime/analysis_tasks": {"places": {}}, "albums/spring/access/users": opened})
    return made


def equals(field: str, **value: Any) -> dict[str, Any]:
    return {"fieldFilter": {"field": {"fieldPath": field}, "op": "EQUAL", "value": value}}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/albums/spring", True),
        ("/albums/missing", False),
        ("/albums/spring/photos/p", True),
        ("/albums/spring/people/x", False),
        ("/albums/spring/access/users", False),
        ("/runtime/analysis_tasks", False),
    ],
)
def test_what_a_user_may_get(data: Data, path: str, allowed: bool) -> None:
    status, body = data.rest("GET", path)
    if allowed:
        assert status == 200
    else:
        assert (status, body["error"]["status"], body["error"]["message"]) == (403, "PERMISSION_DENIED", DENIED)
    assert data.rest("GET", path, ANONYMOUS)[0] == 403
    granted = data.rest("GET", path, GRANTED)[0]
    assert granted == (403 if "access" in path or "runtime" in path else 404 if "missing" in path else 200)
    assert data.rest("GET", path, OWNER)[0] == (404 if "missing" in path else 200)


@pytest.mark.parametrize(
    ("parent", "collection", "group", "allowed"),
    [
        ("", "albums", False, False),
        ("/albums/spring", "photos", False, True),
        ("/albums/spring", "people", False, False),
        ("", "photos", True, False),
        ("", "runtime", False, False),
    ],
)
def test_what_a_user_may_query(data: Data, parent: str, collection: str, group: bool, allowed: bool) -> None:
    selector = [{"collectionId": collection, "allDescendants": group}]
    counting = {"structuredAggregationQuery": {"structuredQuery": {"from": selector}, "aggregations": [{"count": {}}]}}
    for status, body in (
        data.query(parent, **{"from": selector}),
        data.rest("POST", f"{parent}:runAggregationQuery", USER, counting),
    ):
        if allowed:
            assert status == 200
        else:
            assert (status, body["error"]["message"]) == (403, DENIED)
    assert data.query(parent, ANONYMOUS, **{"from": selector})[0] == 403
    if not group and collection != "runtime":
        assert data.query(parent, GRANTED, **{"from": selector})[0] == 200
    assert data.query(parent, OWNER, **{"from": selector})[0] == 200


def test_a_user_may_list_documents_but_not_collections(data: Data) -> None:
    assert data.rest("GET", "/albums/spring/photos")[0] == 200
    assert data.rest("GET", "/albums?showMissing=true")[0] == 403
    assert data.rest("GET", "/albums/spring/people")[0] == 403
    assert data.rest("POST", ":listCollectionIds", USER, {})[0] == 403
    assert data.rest("POST", ":listCollectionIds", OWNER, {}) == (200, {"collectionIds": ["albums", "runtime"]})


@pytest.mark.parametrize("path", ["/albums/spring", "/albums/spring/photos/p", "/albums/missing", "/runtime/x"])
def test_a_user_may_write_nothing(data: Data, path: str) -> None:
    name = f"{data.database}/documents{path}"
    for write in (
        {"update": {"name": name, "fields": {}}},
        {"update": {"name": name, "fields": {}}, "currentDocument": {"exists": True}},
        {"delete": name},
    ):
        status, body = data.rest("POST", ":commit", USER, {"writes": [write]})
        assert (status, body["error"]["message"]) == (403, DENIED), "not whether the document exists"
    status, body = data.rest("POST", ":batchWrite", USER, {"writes": [{"delete": name}]})
    assert body["status"] == [{"code": 7, "message": DENIED}]
    assert data.rest("DELETE", path)[0] == data.rest("PATCH", path, USER, {})[0] == 403
    assert data.rest("GET", "/albums/spring", OWNER)[1]["fields"] == {"n": {"integerValue": "1"}}


@pytest.mark.parametrize(
    "authorization", ["Basic YTpi", "Bearer ", "Bearer nonsense", "Bearer a.b.c", "Bearer e30.W10.", "Bearer e30.e30."]
)
def test_a_token_that_is_none_is_unauthenticated(data: Data, authorization: str) -> None:
    status, body = data.rest("GET", "/albums/spring", authorization)
    assert (status, body["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert body["error"]["message"].startswith("Request had invalid authentication credentials.")


def test_access_tokens_of_service_accounts_are_administrators(data: Data) -> None:
    assert data.rest("GET", "/runtime/analysis_tasks", "Bearer ya29.c.b0AXv0")[0] == 200


def grpc_client(server: FirestoreServer) -> FirestoreClient:
    return FirestoreClient(transport=FirestoreGrpcTransport(channel=grpc.insecure_channel(server.address)))


def test_grpc_reads_the_token_from_the_metadata(data: Data) -> None:
    client = grpc_client(data.server)
    root = f"{data.database}/documents"
    user, anonymous = [("authorization", USER)], list[tuple[str, str]]()
    photo = {"name": f"{root}/albums/spring/photos/p"}
    assert client.get_document(request=photo, metadata=user).fields["n"].integer_value == 1
    with pytest.raises(exceptions.PermissionDenied, match=DENIED):
        client.get_document(request=photo, metadata=anonymous)
    request = {"database": data.database, "documents": [photo["name"], f"{root}/albums/spring/people/x"]}
    with pytest.raises(exceptions.PermissionDenied):
        list(client.batch_get_documents(request=request, metadata=user))
    with pytest.raises(exceptions.Unauthenticated):
        client.get_document(request=photo, metadata=[("authorization", "Bearer nonsense")])


@pytest.mark.parametrize(
    ("collection", "authorization", "allowed"),
    [("photos", USER, True), ("people", USER, False), ("photos", ANONYMOUS, False), ("people", OWNER, True)],
    ids=["a user's photos", "a user's people", "photos without a user", "an owner's people"],
)
def test_listeners_over_grpc(data: Data, collection: str, authorization: str, allowed: bool) -> None:
    targets = [
        {
            "parent": f"{data.database}/documents/albums/spring",
            "structured_query": {"from_": [{"collection_id": collection}]},
        },
        {"documents": [f"{data.database}/documents/albums/spring/{collection}/x"]},
    ]
    for number, target in enumerate(targets):
        add = {"query" if number == 0 else "documents": target, "target_id": 1}
        metadata = [("authorization", authorization)] if authorization else []
        stream = grpc_client(data.server).listen(
            requests=iter([{"database": data.database, "add_target": add}]), metadata=metadata, timeout=60
        )
        changes = [one.target_change for one in stream if "target_change" in one]
        causes = [(one.cause.code, one.cause.message) for one in changes if one.cause.code]
        assert causes == ([] if allowed else [(7, DENIED)])


@pytest.mark.parametrize(("authorization", "allowed"), [(USER, True), (ANONYMOUS, False)], ids=["user", "anonymous"])
def test_webchannels_read_the_token_from_their_first_form(data: Data, authorization: str, allowed: bool) -> None:
    channel = Channel(data.server.address)
    query = {
        "parent": f"{data.database}/documents/albums/spring",
        "structuredQuery": {"from": [{"collectionId": "photos"}]},
    }
    headers = f"X-Goog-Api-Client:gl-js/\r\nAuthorization:{authorization}\r\n" if authorization else "X-Other:a\r\n"
    channel.open({"database": data.database, "addTarget": {"targetId": 2, "query": query}}, headers=headers)
    arrays: list[tuple[int, Any]] = []
    while not any(end in json.dumps(arrays) for end in ("CURRENT", "cause")):
        arrays += channel.read(max((number for number, _ in arrays), default=0))
    channel.terminate()
    assert (DENIED in json.dumps(arrays)) == (not allowed)
    assert ("documentChange" in json.dumps(arrays)) == allowed


def test_rules_judge_what_a_commit_would_do(custom: FirestoreServer) -> None:
    data = Data(custom)
    album, member = f"{data.database}/documents/albums/a", f"{data.database}/documents/albums/a/members/ada"

    def create(owner: str, role: str, *, timed: bool = True) -> int:
        transforms = [{"fieldPath": "at", "setToServerValue": "REQUEST_TIME"}] if timed else []
        fields = {"owner": {"stringValue": owner}}
        writes = [
            {"update": {"name": album, "fields": fields}, "updateTransforms": transforms},
            {"update": {"name": member, "fields": {"role": {"stringValue": role}}}},
        ]
        return data.rest("POST", ":commit", USER, {"writes": writes})[0]

    assert create("bo", "owner") == create("ada", "guest") == create("ada", "owner", timed=False) == 403
    assert data.rest("GET", "/albums/a", OWNER)[0] == 404
    assert data.rest("GET", "/albums/a")[0] == 403, "not yet a member"
    assert create("ada", "owner") == 200
    assert data.rest("GET", "/albums/a")[0] == 200

    def patch(fields: dict[str, Any], mask: str) -> int:
        return data.rest("PATCH", f"/albums/a?updateMask.fieldPaths={mask}", USER, {"fields": fields})[0]

    assert patch({"title": {"stringValue": "Spring"}}, "title") == 200
    assert patch({"owner": {"stringValue": "bo"}}, "owner") == 403
    assert data.rest("DELETE", "/albums/a", f"Bearer {unsigned_token('ada')}")[0] == 403
    assert data.rest("DELETE", "/albums/a")[0] == 200


def test_a_query_must_have_the_filters_that_the_rules_demand(custom: FirestoreServer) -> None:
    data = Data(custom)
    data.write({"albums/a/photos/p": {"owner": "ada"}, "albums/a/notes/n": {"public": True}})
    photos = {"from": [{"collectionId": "photos"}]}
    mine, others = equals("owner", stringValue="ada"), equals("owner", stringValue="bo")
    both = {"compositeFilter": {"op": "OR", "filters": [mine, others]}}
    assert data.query("/albums/a", **photos, limit=10)[0] == 403, "although every photo is hers: rules are not filters"
    assert data.query("/albums/a", **photos, where=mine, limit=10)[0] == 200
    assert data.query("/albums/a", **photos, where=others, limit=10)[0] == 403
    assert data.query("/albums/a", **photos, where=both, limit=10)[0] == 403
    assert data.query("/albums/a", **photos, where=mine, limit=11)[0] == 403
    assert data.query("/albums/a", **photos, where=mine)[0] == 403
    notes = {"from": [{"collectionId": "notes", "allDescendants": True}]}
    assert data.query("", **notes)[0] == 403
    status, body = data.query("", **notes, where=equals("public", booleanValue=True))
    assert (status, body["document"]["name"].rsplit("/", 1)[1]) == (200, "n")


def test_rules_that_this_server_does_not_understand_stop_it_at_the_start(tmp_path: Path) -> None:
    rules = tmp_path / "firestore.rules"
    rules.write_text("rules_version = '2';\nservice cloud.firestore { match /a/{b} { allow read: if b.shout(); } }")
    server = FirestoreServer(tmp_path / "state", rules=rules)
    with pytest.raises(AssertionError, match=r"firestore.rules: line 2: the method shout\(\)"):
        server.start()
