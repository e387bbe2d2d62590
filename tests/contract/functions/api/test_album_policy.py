"""The policy of an album, over the API."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from photofinish.adapters.memory.retention import MemoryRetentionRuns
from photofinish.domain.access import Scope
from photofinish.domain.album_policy import AlbumPolicy, Indexing, LegalBasis, Redact, RedactionStyle
from support.api import Api

PATH = "/albums/spring%2010k/policy"
USUAL = {
    "legal_basis": "undeclared",
    "indexing": "everyone",
    "redact": "none",
    "redaction_style": "blur",
    "keep_originals": True,
    "purpose": "",
    "ends_on": None,
}
STRICT = {
    "legal_basis": "consent",
    "indexing": "enrolled_only",
    "redact": "without_consent",
    "redaction_style": "pixelate",
    "keep_originals": False,
    "purpose": "race photos",
    "ends_on": "2026-08-01",
}


def test_a_policy_is_set_as_a_whole(api: Api) -> None:
    assert api.call("GET", PATH).get_json() == USUAL
    answer = api.call("PUT", PATH, json=STRICT)
    assert (answer.status_code, answer.get_json()) == (200, STRICT)
    assert api.call("GET", PATH).get_json() == STRICT
    assert api.cloud.album_policies.policy("spring 10k") == AlbumPolicy(
        legal_basis=LegalBasis.CONSENT,
        indexing=Indexing.ENROLLED_ONLY,
        redact=Redact.WITHOUT_CONSENT,
        redaction_style=RedactionStyle.PIXELATE,
        keep_originals=False,
        purpose="race photos",
        ends_on=date(2026, 8, 1),
    )
    assert api.call("PUT", PATH, json={}).get_json() == USUAL


def test_an_album_that_begins_to_redact_has_its_links_ended_at_once(api: Api) -> None:
    runs = api.cloud.retention_runs
    assert isinstance(runs, MemoryRetentionRuns)
    api.call("PUT", PATH, json=USUAL)
    assert runs.requested == 0, "nothing was linked that must not be seen"
    api.call("PUT", PATH, json=STRICT)
    assert runs.requested == 1
    api.call("PUT", PATH, json=STRICT)
    assert runs.requested == 2, "the first request may have failed"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"indexing": "none"}, "indexing"),
        ({"legal_basis": None}, "legal_basis"),
        ({"keep_originals": "false"}, "keep_originals"),
        ({"ends_on": "tomorrow"}, "ends_on"),
        ({"ends_on": "2026-02-30"}, "ends_on"),
        ({"ends_on": 0}, "ends_on"),
        ({"ends_on": "1767225600"}, "ends_on"),
        ({"purpose": "a\0b"}, "purpose"),
        ({"purpose": "two\nlines"}, "purpose"),
        ({"purpose": "x" * 201}, "purpose"),
        ({"unknown": 1}, "unknown"),
        ({"indexing": "enrolled_only"}, "purpose"),
    ],
)
def test_the_message_names_a_wrong_field(api: Api, wrong: dict[str, Any], field: str) -> None:
    answer = api.call("PUT", PATH, json=wrong)
    assert answer.status_code in (400, 422), answer.text
    assert field in answer.get_json()["error"]["message"]
    assert api.call("GET", PATH).get_json() == USUAL


def test_only_an_admin_sets_a_policy_and_a_writer_reads_it(api: Api) -> None:
    for scope, read, set_ in [(Scope.SEARCH, 403, 403), (Scope.WRITE, 200, 403), (Scope.ADMIN, 200, 200)]:
        key = api.key_for(scope, frozenset({"spring 10k"}))
        assert api.call("GET", PATH, key=key).status_code == read
        assert api.call("PUT", PATH, key=key, json=STRICT).status_code == set_
    elsewhere = api.key_for(Scope.ADMIN, frozenset({"autumn 10k"}))
    assert api.call("PUT", PATH, key=elsewhere, json=STRICT).status_code == 404
