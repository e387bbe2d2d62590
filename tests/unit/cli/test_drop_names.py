"""No photo silently replaces another one of the same name, and what is there is found again."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.photo import PhotoRef
from photofinish.ports import UploadedFile
from photofinish_cli.drop_files import LocalPhoto
from photofinish_cli.drop_names import Content, Placed, Placement, name_beside, photos_to_compare, place

# Pictures by a number; two have different contents exactly if their numbers differ.
CONTENTS = {number: Content(1000 + number, f"AAAA{number}A==") for number in range(4)}
cards = st.lists(st.tuples(st.sampled_from(["race/1.jpg", "race/2.jpg"]), st.integers(0, 3)), max_size=6)


class Album:
    """What the bucket holds, and photos dropped into it."""

    def __init__(self) -> None:
        self.objects: dict[str, UploadedFile] = {}
        self._generation = 0

    def drop(self, card: list[tuple[str, int]], *, replace: bool = False) -> list[Placed]:
        photos = [LocalPhoto(Path(f"card/{number}"), name) for number, (name, _) in enumerate(card)]
        content = {photo.path: CONTENTS[picture] for photo, (_, picture) in zip(photos, card, strict=True)}
        compared = {photo.path: content[photo.path] for photo in photos_to_compare(photos, self.objects)}
        placed = place(photos, self.objects, compared, replace=replace)
        for one in placed:
            if one.placement is not Placement.THERE:
                self._generation += 1
                ref = PhotoRef(bucket="photos", name=one.name, generation=self._generation)
                is_content = content[one.photo.path]
                self.objects[one.name] = UploadedFile(
                    ref=ref, size_bytes=is_content.size_bytes, crc32c=is_content.crc32c
                )
        return placed

    def pictures(self) -> set[tuple[str, int]]:
        """Names as on the cards, with the pictures kept under them."""
        return {
            ("race/1.jpg" if name.startswith("race/1") else "race/2.jpg", file.size_bytes - 1000)
            for name, file in self.objects.items()
        }


@given(cards, cards)
def test_every_picture_of_every_card_is_kept_once(first: list[tuple[str, int]], second: list[tuple[str, int]]) -> None:
    album = Album()
    album.drop(first)
    album.drop(second)
    assert album.pictures() == {*first, *second}
    assert len(album.objects) == len({*first, *second})


@given(cards, cards)
def test_a_card_that_was_dropped_is_there(first: list[tuple[str, int]], second: list[tuple[str, int]]) -> None:
    album = Album()
    album.drop(first)
    album.drop(second)
    for card in (first, second):
        assert {one.placement for one in album.drop(card)} <= {Placement.THERE}


@given(cards)
def test_names_are_the_cards_own_where_they_are_free(card: list[tuple[str, int]]) -> None:
    placed = Album().drop(card)
    free: set[str] = set()
    for one in placed:
        assert (one.name == one.photo.name) or one.photo.name in free
        free.add(one.photo.name)


def test_edited_photos_replace_those_of_the_album_when_asked_to() -> None:
    album = Album()
    album.drop([("race/1.jpg", 0), ("race/2.jpg", 1)])
    [edited, same] = album.drop([("race/1.jpg", 2), ("race/2.jpg", 1)], replace=True)
    assert (edited.placement, same.placement) == (Placement.REPLACES, Placement.THERE)
    assert album.pictures() == {("race/1.jpg", 2), ("race/2.jpg", 1)}


@given(cards, cards)
def test_replacing_loses_no_photo_of_this_call_and_settles(
    first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    album = Album()
    album.drop(first)
    album.drop(second, replace=True)
    settled = album.pictures()
    assert {*second} <= settled
    assert {one.placement for one in album.drop(second, replace=True)} <= {Placement.THERE}
    assert album.pictures() == settled


def test_a_photo_that_is_there_beside_another_replaces_nothing() -> None:
    album = Album()
    album.drop([("race/1.jpg", 0)])
    album.drop([("race/1.jpg", 1)])
    [again] = album.drop([("race/1.jpg", 1)], replace=True)
    assert again.placement is Placement.THERE
    assert album.pictures() == {("race/1.jpg", 0), ("race/1.jpg", 1)}


def test_two_cards_at_once_replace_nothing_of_each_other() -> None:
    album = Album()
    album.drop([("race/1.jpg", 0)])
    placed = album.drop([("race/1.jpg", 1), ("race/1.jpg", 2)], replace=True)
    assert [one.placement for one in placed] == [Placement.REPLACES, Placement.BESIDE]
    assert album.pictures() == {("race/1.jpg", 1), ("race/1.jpg", 2)}


def test_the_name_beside_comes_from_the_content_and_keeps_folder_and_ending() -> None:
    assert name_beside("race/cam.1/IMG_0001.JPG", Content(9, "4waSgw==")) == "race/cam.1/IMG_0001~e3069283.JPG"
