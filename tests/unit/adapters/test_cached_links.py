"""Links that are signed once for some minutes never live shorter than was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.adapters.google.cached_links import KEEP_S, CachedPhotoLinks
from photofinish.ports import BucketKind, SignedUpload


@dataclass
class Signing:
    """Links that tell what they are for and when they end."""

    now_s: float = 0.0
    signed: list[str] = field(default_factory=list)

    def rendition_urls(self, names: Sequence[str], *, expires_in_s: int) -> list[str]:
        self.signed += names
        return [f"{name} until {self.now_s + expires_in_s}" for name in names]

    def upload_url(
        self, bucket_kind: BucketKind, name: str, content_type: str, *, max_bytes: int, expires_in_s: int
    ) -> SignedUpload:
        raise AssertionError("not asked for")


@pytest.fixture
def signing() -> Signing:
    return Signing()


@pytest.fixture
def links(signing: Signing) -> CachedPhotoLinks:
    return CachedPhotoLinks(signing, max_kept=3, now_s=lambda: signing.now_s)


def test_signs_once_and_again_when_it_is_time(links: CachedPhotoLinks, signing: Signing) -> None:
    first = links.rendition_urls(["a"], expires_in_s=60)
    signing.now_s = KEEP_S - 1
    assert links.rendition_urls(["a"], expires_in_s=60) == first
    signing.now_s = KEEP_S
    assert links.rendition_urls(["a"], expires_in_s=60) != first
    assert signing.signed == ["a", "a"]


def test_signs_what_is_missing_once_and_keeps_the_order(links: CachedPhotoLinks, signing: Signing) -> None:
    links.rendition_urls(["b"], expires_in_s=60)
    names = ["c", "b", "a", "c"]
    assert [url.split()[0] for url in links.rendition_urls(names, expires_in_s=60)] == names
    assert signing.signed == ["b", "c", "a"]
    assert links.rendition_urls([], expires_in_s=60) == []


def test_keeps_no_more_than_it_may(links: CachedPhotoLinks, signing: Signing) -> None:
    links.rendition_urls(list("abcde"), expires_in_s=60)
    links.rendition_urls(list("edcba"), expires_in_s=60)
    assert signing.signed == [*"abcde", *"ba"]


@given(
    st.lists(
        st.tuples(st.floats(0, 2 * KEEP_S), st.lists(st.sampled_from("abcd"), max_size=4), st.sampled_from([60, 900])),
        max_size=20,
    )
)
def test_a_link_lives_as_long_as_was_asked_for(steps: list[tuple[float, list[str], int]]) -> None:
    signing = Signing()
    links = CachedPhotoLinks(signing, max_kept=3, now_s=lambda: signing.now_s)
    for after_s, names, expires_in_s in steps:
        signing.now_s += after_s
        for name, url in zip(names, links.rendition_urls(names, expires_in_s=expires_in_s), strict=True):
            told, _, until_s = url.split()
            assert told == name
            left_s = float(until_s) - signing.now_s
            assert expires_in_s <= left_s + 1e-6 <= expires_in_s + KEEP_S + 1e-3
