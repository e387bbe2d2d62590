"""Which statements apply to a path, and queries, which are judged by what they could return."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish_emulators.firestore.rules.ruleset import Request, parse_ruleset
from photofinish_emulators.firestore.rules.values import (
    ANY_DEPTH,
    UNKNOWN,
    PartialMap,
    Path,
    Timestamp,
    Unknown,
    Value,
)

ROOT = ("databases", "(default)", "documents")


def refusal(rules: str, method: str, *path: Value, data: Any = None, query: Any = None) -> str | None:
    """Why rules below ``documents`` do not allow ``ada`` this; None if they do."""
    parsed = parse_ruleset(
        f"rules_version = '2'; service cloud.firestore {{ match /databases/{{database}}/documents {{ {rules} }} }}"
    )
    request = {"auth": {"uid": "ada", "token": {}}, "method": method, "path": Path((*ROOT, *path)), "query": query}
    resource = None if data is None else {"data": data, "id": path[-1], "__name__": request["path"]}
    return parsed.refusal(Request(method, (*ROOT, *path), request, resource, lambda path, after: None))


PHOTOS = "match /albums/{album} { allow read; match /photos/{photo} { allow get, write; } }"


@pytest.mark.parametrize(
    ("rules", "method", "path", "allowed"),
    [
        (PHOTOS, "get", ("albums", "a"), True),
        (PHOTOS, "list", ("albums", UNKNOWN), True),
        (PHOTOS, "create", ("albums", "a"), False),
        (PHOTOS, "get", ("albums", "a", "photos", "p"), True),
        (PHOTOS, "list", ("albums", "a", "photos", UNKNOWN), False),
        *((PHOTOS, method, ("albums", "a", "photos", "p"), True) for method in ("create", "update", "delete")),
        (PHOTOS, "get", ("albums", "a", "people", "p"), False),
        (PHOTOS, "get", ("runtime", "r"), False),
        ("match /albums/spring { allow read; }", "get", ("albums", "spring"), True),
        ("match /albums/spring { allow read; }", "list", ("albums", UNKNOWN), False),
        ("match /{all=**} { allow read; }", "get", ("a", "b", "c", "d"), True),
        ("match /{all=**} { allow read; }", "list", (ANY_DEPTH,), True),
        ("match /a/{b}/{rest=**} { allow read; }", "get", ("a", "b"), True),
        ("match /a/{b}/{rest=**} { allow read; }", "get", ("a", "b", "c", "d"), True),
        ("match /{path=**}/photos/{photo} { allow read; }", "list", (ANY_DEPTH, "photos", UNKNOWN), True),
        ("match /{path=**}/photos/{photo} { allow read; }", "get", ("albums", "a", "photos", "p"), True),
        (PHOTOS.replace("get,", "read,"), "list", (ANY_DEPTH, "photos", UNKNOWN), False),
        ("match /{path=**}/photos/{photo} { allow read; }", "list", (ANY_DEPTH, "people", UNKNOWN), False),
        ("match /a/{b} { allow read: if b == 'x'; }", "get", ("a", "x"), True),
        ("match /a/{b} { allow read: if b == 'x'; }", "list", ("a", UNKNOWN), False),
        ("match /{all=**} { allow read: if all == /a/b; }", "get", ("a", "b"), True),
    ],
)
def test_statements_of_a_path(rules: str, method: str, path: tuple[Value, ...], allowed: bool) -> None:
    assert (refusal(rules, method, *path) is None) == allowed


def known(**fields: Value) -> PartialMap:
    return PartialMap(fields)


@pytest.mark.parametrize(
    ("condition", "data", "allowed"),
    [
        ("resource.data.owner == request.auth.uid", known(owner="ada"), True),
        ("resource.data.owner == request.auth.uid", known(owner="bo"), False),
        ("resource.data.owner == request.auth.uid", known(), False),
        ("resource.data.owner != request.auth.uid", known(), False),
        ("resource.data.owner != 'bo'", known(owner=Unknown([("!=", "bo")])), True),
        ("request.auth != null || resource.data.public", known(), True),
        ("resource.data.public && false", known(), False),
        ("resource.data.n > 3", known(n=Unknown([(">", 3)])), True),
        ("resource.data.n > 3", known(n=Unknown([(">=", 3)])), False),
        ("3 < resource.data.n", known(n=Unknown([(">=", 4), ("<", 9)])), True),
        ("resource.data.n <= 9", known(n=Unknown([(">=", 4), ("<", 9)])), True),
        ("resource.data.n <= 8", known(n=Unknown([(">=", 4), ("<", 9)])), False),
        ("resource.data.at < timestamp.value(5)", known(at=Unknown([("<", Timestamp(5000))])), True),
        ("'red' in resource.data.tags", known(tags=Unknown([("array-contains", "red")])), True),
        ("'red' in resource.data.tags", known(), False),
        ("'owner' in resource.data", known(owner=UNKNOWN), True),
        ("'owner' in resource.data", known(), False),
        ("!('owner' in resource.data)", known(), False),
        ("resource.data.get('owner', 'ada') == 'ada'", known(owner="ada"), True),
        ("resource.data.get('owner', 'ada') == 'ada'", known(), False),
        ("resource.data.map.k == 1", known(map=known(k=1)), True),
        ("resource.data.n is int", known(), False),
        ("resource.data.owner in ['ada', 'bo']", known(owner="bo"), True),
        ("resource.data.size() < 5", known(), False),
        ("resource.data.n + 1 > 3", known(n=Unknown([(">", 3)])), False),
        ("resource.data.public ? true : true", known(), False),
        ("exists(/databases/$(database)/documents/members/$(resource.data.owner))", known(), False),
        ("request.query.limit <= 10", known(), True),
    ],
)
def test_a_query_is_judged_by_its_filters(condition: str, data: PartialMap, allowed: bool) -> None:
    rules = f"match /albums/{{album}} {{ allow list: if {condition}; }}"
    found = refusal(rules, "list", "albums", UNKNOWN, data=data, query={"limit": 10, "offset": 0})
    assert (found is None) == allowed, found


def test_a_refusal_says_why() -> None:
    rules = "match /a/{b} {\n allow read: if false;\n allow list: if resource.data.n == 1;\n}"
    assert refusal(rules, "list", "a", UNKNOWN, data=known()) == (
        "line 2: false; line 3: depends on fields that the query does not restrict"
    )
    assert refusal(rules, "delete", "a", "b") == "no statement allows it"
