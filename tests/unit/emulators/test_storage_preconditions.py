"""Preconditions and names of objects in storage requests, as documented.

https://docs.cloud.google.com/storage/docs/request-preconditions and https://docs.cloud.google.com/storage/docs/objects
"""

from __future__ import annotations

import pytest

from photofinish_emulators.storage_access.permissions import name_problem, object_of
from photofinish_emulators.storage_access.preconditions import Outcome, preconditions_of

STORED = {"generation": "5", "metageneration": "2"}


@pytest.mark.parametrize(
    ("query", "stored", "outcome"),
    [
        ({"ifGenerationMatch": "5"}, STORED, Outcome.HOLD),
        ({"ifGenerationMatch": "4"}, STORED, Outcome.FAILED),
        ({"ifGenerationMatch": "0"}, STORED, Outcome.FAILED),
        ({"ifGenerationMatch": "0"}, None, Outcome.HOLD),
        ({"ifGenerationMatch": "5"}, None, Outcome.FAILED),
        ({"ifGenerationNotMatch": "5"}, STORED, Outcome.NOT_MODIFIED),
        ({"ifGenerationNotMatch": "4"}, STORED, Outcome.HOLD),
        ({"ifGenerationNotMatch": "0"}, None, Outcome.NOT_MODIFIED),
        ({"ifMetagenerationMatch": "2"}, STORED, Outcome.HOLD),
        ({"ifMetagenerationMatch": "1"}, STORED, Outcome.FAILED),
        ({"ifGenerationMatch": "5", "ifMetagenerationMatch": "1"}, STORED, Outcome.FAILED),
    ],
)
def test_whether_preconditions_hold(query: dict[str, str], stored: dict[str, str] | None, outcome: Outcome) -> None:
    assert preconditions_of(query, {}).outcome(stored, reads=True) is outcome


def test_a_write_fails_where_a_read_is_not_modified() -> None:
    assert preconditions_of({"ifGenerationNotMatch": "5"}, {}).outcome(STORED, reads=False) is Outcome.FAILED


def test_signed_links_have_them_in_headers() -> None:
    conditions = preconditions_of({}, {"x-goog-if-generation-match": "0"})
    assert conditions.outcome(STORED, reads=False) is Outcome.FAILED
    assert not preconditions_of({}, {})
    with pytest.raises(ValueError, match="invalid literal"):
        preconditions_of({"ifGenerationMatch": "x"}, {})


@pytest.mark.parametrize(
    ("path", "query", "body_name", "found"),
    [
        ("/storage/v1/b/photos/o/a%2Fb.jpg", {}, None, ("photos", "a/b.jpg")),
        ("/download/storage/v1/b/photos/o/a", {}, None, ("photos", "a")),
        ("/upload/storage/v1/b/photos/o", {"name": "a/b"}, None, ("photos", "a/b")),
        ("/upload/storage/v1/b/photos/o", {}, "a/b", ("photos", "a/b")),
        ("/storage/v1/b/photos/o/a/rewriteTo/b/derived/o/c", {}, None, ("derived", "c")),
        ("/photos/a/b.jpg", {}, None, ("photos", "a/b.jpg")),
        ("/storage/v1/b/photos/o", {}, None, None),
        ("/storage/v1/b", {}, None, None),
    ],
)
def test_which_object_a_request_is_about(
    path: str, query: dict[str, str], body_name: str | None, found: tuple[str, str] | None
) -> None:
    assert object_of(path, query, body_name) == found


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("race/ä b.jpg", True),
        ("a" * 1024, True),
        ("ä" * 513, False),
        ("a\nb", False),
        ("a\rb", False),
        (".", False),
        ("..", False),
        ("../a", True),
        (".well-known/acme-challenge/x", False),
    ],
)
def test_names_of_objects(name: str, possible: bool) -> None:
    assert (name_problem(name) is None) is possible
