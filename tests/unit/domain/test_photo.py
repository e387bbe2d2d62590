"""Identity and album names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.photo import DEFAULT_ALBUM, PhotoRef, check_album, is_album_name
from photofinish.errors import RejectedInput


def ref(name: str, generation: int = 1, bucket: str = "b") -> PhotoRef:
    return PhotoRef(bucket=bucket, name=name, generation=generation)


def test_the_album_is_the_first_segment_of_the_name() -> None:
    assert ref("spring-10k/cam2/IMG_1.jpg").album == "spring-10k"


@pytest.mark.parametrize("name", ["IMG_1.jpg", "/IMG_1.jpg"])
def test_objects_at_the_root_belong_to_the_default_album(name: str) -> None:
    assert ref(name).album == DEFAULT_ALBUM
    assert check_album(name) == DEFAULT_ALBUM


@pytest.mark.parametrize(
    "album", ["l'été", 'a "quoted" name', "'; drop table face; --", "赛跑", "a b", "x" * 255, "-", "_x_"]
)
def test_unusual_album_names_are_valid(album: str) -> None:
    assert check_album(f"{album}/IMG_1.jpg") == album


@pytest.mark.parametrize("album", [".", "..", "__x__", "____", "x" * 256, "x" * 1000, "a\nb", "a\x00b", "\ud800"])
def test_album_names_that_a_store_cannot_hold_are_rejected_and_recorded_under_default(album: str) -> None:
    with pytest.raises(RejectedInput) as caught:
        check_album(f"{album}/IMG_1.jpg")
    assert caught.value.code == "album_name_not_allowed"
    assert ref(f"{album}/IMG_1.jpg").album == DEFAULT_ALBUM


@given(st.text(), st.integers(1, 2**62), st.integers(1, 2**62))
def test_a_photo_keeps_its_id_across_generations(name: str, one: int, other: int) -> None:
    assert ref(name, one).photo_id == ref(name, other).photo_id
    assert len(ref(name, one).photo_id) == 32


@given(st.text(), st.text())
def test_two_names_never_share_an_id(one: str, other: str) -> None:
    assert (ref(one).photo_id == ref(other).photo_id) == (one == other)


@given(st.text(max_size=200))
def test_every_photo_has_an_album_that_is_a_valid_document_id(name: str) -> None:
    album = ref(name).album
    assert is_album_name(album)
    assert "/" not in album
    assert album not in {".", ".."}
