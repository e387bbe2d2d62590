"""Identity and album names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.photo import DEFAULT_ALBUM, PhotoRef, album_prefixes, check_album, is_album_name
from photofinish.domain.search import folder_of
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


@given(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_composed_and_decomposed_names_are_one_album(album: str) -> None:
    albums = {
        PhotoRef(bucket="b", name=f"{unicodedata.normalize(form, album)}/1.jpg", generation=1).album
        for form in ("NFC", "NFD")
    }
    assert len(albums) == 1
    [one] = albums
    assert unicodedata.is_normalized("NFC", one)


def test_an_album_lies_under_both_spellings_of_its_name() -> None:
    assert album_prefixes("Z\u00fcrich") == ("Z\u00fcrich/", "Zu\u0308rich/")
    assert album_prefixes("race") == ("race/",)


@pytest.mark.parametrize(
    "character",
    [
        "\u200b",
        "\u200d",
        "\u2060",
        "\ufeff",
        "\u202e",
        "\u2066",
        "\u061c",
        "\u00ad",
        "\u034f",
        "\u3164",
        "\ufe0f",
        "\u2800",
    ],
    ids=unicodedata.name,
)
def test_a_new_album_cannot_pass_for_another(character: str) -> None:
    """An album that exists keeps its name: it can be searched and erased."""
    album = f"race{character}10k"
    with pytest.raises(RejectedInput, match=f"Character 5 .* not visible .U.{ord(character):04X}, ") as caught:
        check_album(f"{album}/IMG_1.jpg")
    assert caught.value.code == "album_name_not_allowed"
    assert is_album_name(album)
    assert ref(f"{album}/IMG_1.jpg").album == album


@pytest.mark.parametrize(
    "album",
    [
        "Anna \u2764\ufe0f Ben",
        "\U0001f3c3\U0001f3fd\u200d\u2640\ufe0f 10k",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    ],
)
def test_emoji_may_be_in_the_name_of_an_album(album: str) -> None:
    assert check_album(f"{album}/IMG_1.jpg") == album


@pytest.mark.parametrize(
    "album", ["\u2764\u200d", "\u200d\u2764", "a\u200d\u2764", "\u2764\u200da", "1\ufe0f", "\u2764\ufe0f\ufe0f"]
)
def test_invisible_characters_beside_emoji_are_refused(album: str) -> None:
    with pytest.raises(RejectedInput, match="not visible"):
        check_album(f"{album}/IMG_1.jpg")


@pytest.mark.parametrize("album", ["race", "Z\u00fcrich", "Zu\u0308rich", "default", ".."])
def test_the_folder_is_that_below_the_album_in_whatever_spelling(album: str) -> None:
    photo = PhotoRef(bucket="b", name=f"{album}/cam2/a/IMG_1.jpg", generation=1)
    assert folder_of(photo) == ("../cam2/a" if album == ".." else "cam2/a")
