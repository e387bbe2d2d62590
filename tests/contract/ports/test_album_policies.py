"""The promises of AlbumPolicies, kept by every implementation."""

from __future__ import annotations

from datetime import date

import pytest

from photofinish.adapters.memory.album_policies import MemoryAlbumPolicies
from photofinish.adapters.postgres.album_policies import PgAlbumPolicies
from photofinish.domain.album_policy import AlbumPolicy, Indexing, LegalBasis, Redact, RedactionStyle
from photofinish.errors import RejectedInput
from photofinish.ports import AlbumPolicies

STRICT = AlbumPolicy(
    legal_basis=LegalBasis.CONSENT,
    indexing=Indexing.ENROLLED_ONLY,
    redact=Redact.WITHOUT_CONSENT,
    redaction_style=RedactionStyle.SOLID,
    keep_originals=False,
    purpose="finding your own photos, für alle",
    ends_on=date(2026, 12, 31),
)


@pytest.fixture(params=["memory", "postgres"])
def policies(request: pytest.FixtureRequest) -> AlbumPolicies:
    if request.param == "memory":
        return MemoryAlbumPolicies()
    return PgAlbumPolicies(request.getfixturevalue("connections"))


def test_a_policy_is_that_of_its_album_and_replaced_as_a_whole(policies: AlbumPolicies) -> None:
    assert policies.policy("spring 10k") == AlbumPolicy()
    policies.set_policy("spring 10k", STRICT)
    policies.set_policy("spring 10k", STRICT)
    assert policies.policy("spring 10k") == STRICT
    assert policies.policy("autumn 10k") == AlbumPolicy()
    assert policies.policies() == {"spring 10k": STRICT}
    policies.set_policy("spring 10k", AlbumPolicy())
    assert policies.policy("spring 10k") == AlbumPolicy()


def test_every_value_can_be_stored(policies: AlbumPolicies) -> None:
    wanted = [
        *(AlbumPolicy(legal_basis=value) for value in LegalBasis),
        *(AlbumPolicy(indexing=value) for value in Indexing),
        *(AlbumPolicy(redact=value) for value in Redact),
        *(AlbumPolicy(redaction_style=value) for value in RedactionStyle),
    ]
    for one in wanted:
        policies.set_policy("spring 10k", one)
        assert policies.policy("spring 10k") == one


def test_an_album_that_redacted_once_stays_one_that_did(policies: AlbumPolicies) -> None:
    policies.set_policy("spring 10k", AlbumPolicy())
    assert not policies.ever_redacted("spring 10k")
    policies.set_policy("spring 10k", AlbumPolicy(redact=Redact.EVERYONE))
    assert policies.ever_redacted("spring 10k")
    policies.set_policy("spring 10k", AlbumPolicy())
    assert policies.ever_redacted("spring 10k")
    assert not policies.ever_redacted("autumn 10k")


def test_links_end_when_an_album_begins_to_redact(policies: AlbumPolicies) -> None:
    policies.set_policy("spring 10k", AlbumPolicy())
    assert policies.links_to_end() == {}
    policies.set_policy("spring 10k", AlbumPolicy(redact=Redact.EVERYONE))
    policies.set_policy("autumn 10k", AlbumPolicy(redact=Redact.WITHOUT_CONSENT))
    began = policies.links_to_end()
    assert began.keys() == {"spring 10k", "autumn 10k"}
    policies.set_policy("spring 10k", AlbumPolicy())
    assert policies.links_to_end() == began, "links given before are to end, whatever the policy says later"
    policies.links_ended("spring 10k")
    policies.set_policy("spring 10k", AlbumPolicy(redact=Redact.EVERYONE))
    assert policies.links_to_end().keys() == {"autumn 10k"}, "no link to its previews was given since"


@pytest.mark.parametrize("album", ["", "..", "a/b", "a\0b"])
def test_a_name_that_cannot_be_an_album_is_refused(policies: AlbumPolicies, album: str) -> None:
    with pytest.raises(RejectedInput, match="cannot be the name of an album"):
        policies.set_policy(album, STRICT)
    assert policies.policy(album) == AlbumPolicy()
