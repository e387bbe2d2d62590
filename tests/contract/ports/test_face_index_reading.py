"""Promises of FaceIndex about albums and similar faces, in memory and in Postgres."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.face import Embedding, face_id
from photofinish.errors import InvalidQuery
from photofinish.ports import FaceIndex
from support.examples import examples
from support.faces import bib, embedding, face, photo, random_embeddings
from support.index import VERSION, add, bibs_of, everything, photos_of, photos_with_bib

# Postgres keeps half precision: about three decimal digits of each number, so scores move by less than this.
TOLERANCE = 1e-3
EAST, NORTH, NORTH_EAST = embedding([1, 0, 0]), embedding([0, 1, 0]), embedding([1, 1, 0])
UNUSUAL_ALBUMS = [
    'O\'Brien "10k"',
    "'; drop table face; --",
    "$1 %s %(album)s {album_id} {} \\ %",
    "跑步 🏃🏽‍♀️ Zürich",
    "\u00e9te",
    "CASE",
    "case",
    " spaces at both ends ",
    "x" * 128,
    "🏃" * 128,
]
_fresh = itertools.count(1)

each_example_uses_its_own_album = settings(max_examples=examples(60))


class TestHasAlbum:
    def test_an_album_exists_from_its_first_photo_on(self, index: FaceIndex) -> None:
        assert not index.has_album("race")
        add(index, photo("race/1.jpg"))
        assert index.has_album("race")
        assert not index.has_album("rac")
        assert not index.has_album("Race")
        index.remove(photo("race/1.jpg"))
        assert index.has_album("race")

    def test_a_removal_alone_creates_no_album(self, index: FaceIndex) -> None:
        index.remove(photo("race/1.jpg"))
        assert not index.has_album("race")

    def test_photos_at_the_root_are_of_the_default_album(self, index: FaceIndex) -> None:
        add(index, photo("1.jpg"), [face(EAST)])
        assert index.has_album("default")
        assert photos_of(everything(index, "default", EAST)) == [photo("1.jpg")]


class TestAlbumNames:
    def test_every_name_is_its_own_album(self, index: FaceIndex) -> None:
        for album in UNUSUAL_ALBUMS:
            assert not index.has_album(album)
            assert add(index, photo(f"{album}/1.jpg"), [face(EAST)], [bib("1")])
        for album in UNUSUAL_ALBUMS:
            assert index.has_album(album)
            assert photos_of(everything(index, album, EAST)) == [photo(f"{album}/1.jpg")]
            assert photos_with_bib(index, album, "1") == [photo(f"{album}/1.jpg")]
        index.remove(photo(f"{UNUSUAL_ALBUMS[1]}/1.jpg"))
        assert [len(everything(index, album, EAST)) for album in UNUSUAL_ALBUMS] == [
            1,
            0,
            *[1] * (len(UNUSUAL_ALBUMS) - 2),
        ]

    @each_example_uses_its_own_album
    @given(album=st.text(max_size=200), number=st.text(max_size=200))
    def test_any_text_is_a_valid_query(self, index: FaceIndex, album: str, number: str) -> None:
        assert everything(index, album, EAST) == []
        assert bibs_of(index, album, number) == []
        assert not index.has_album(album)


class TestSearch:
    def test_an_unknown_album_no_query_or_a_limit_of_0_finds_nothing(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)])
        assert everything(index, "other", EAST) == []
        assert most_similar_faces(index, "race", [], limit=5, min_similarity=-1) == []
        assert most_similar_faces(index, "race", [EAST], limit=0, min_similarity=-1) == []

    def test_a_face_counts_with_its_best_query(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)])
        add(index, photo("race/2.jpg"), [face(NORTH)])
        add(index, photo("race/3.jpg"), [face(embedding([0, 0, 1]))])
        found = most_similar_faces(index, "race", [embedding([1, 0.2, 0]), NORTH], limit=5, min_similarity=0.5)
        assert [match.face.photo.name for match in found] == ["race/2.jpg", "race/1.jpg"]
        assert [match.similarity for match in found] == pytest.approx([1.0, 1 / np.sqrt(1.04)], abs=TOLERANCE)

    def test_equal_faces_come_by_face_id(self, index: FaceIndex) -> None:
        for number in range(20):
            add(index, photo(f"race/{number}.jpg"), [face(EAST)] * 2)
        ids = sorted(face_id(photo(f"race/{number}.jpg"), VERSION, i) for number in range(20) for i in range(2))
        assert [match.face.face_id for match in everything(index, "race", EAST)] == ids
        some = most_similar_faces(index, "race", [EAST, EAST], limit=7, min_similarity=0)
        assert [match.similarity for match in some] == pytest.approx([1.0] * 7)
        assert len({match.face.face_id for match in some}) == 7

    def test_spaces_are_never_compared(self, index: FaceIndex) -> None:
        """Of the same dimension and of another one, in one album and even in one photo."""
        same, wider = embedding([1, 0, 0], "same-dimension"), embedding([1, 0, 0, 0, 0], "wider")
        add(index, photo("race/1.jpg"), [face(EAST), face(same), face(wider)])
        add(index, photo("race/2.jpg"), [face(wider)])
        ids = [face_id(photo("race/1.jpg"), VERSION, number) for number in range(3)]
        assert [match.face.face_id for match in everything(index, "race", EAST)] == ids[:1]
        assert [match.face.face_id for match in everything(index, "race", same)] == ids[1:2]
        assert photos_of(everything(index, "race", wider)).count(photo("race/2.jpg")) == 1
        assert len(everything(index, "race", wider)) == 2
        assert everything(index, "race", embedding([1, 0, 0], "never seen")) == []

    def test_queries_that_cannot_be_compared_are_an_error(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST)])
        with pytest.raises(ValueError, match="one embedding space"):
            most_similar_faces(index, "race", [EAST, embedding([1, 0, 0], "other")], limit=5, min_similarity=0)
        with pytest.raises(InvalidQuery, match="3 dimensions"):
            most_similar_faces(index, "race", [embedding([1, 0])], limit=5, min_similarity=0)

    def test_a_rare_space_is_found_among_many_faces_of_another(self, index: FaceIndex) -> None:
        """A filter that lets one face in a hundred pass must not make the answer shorter."""
        common, rare = random_embeddings(1000, 8, seed=1), random_embeddings(10, 8, seed=2, space="rare")
        for number in range(10):
            faces = [face(one) for one in common[number * 100 : (number + 1) * 100]]
            add(index, photo(f"race/{number}.jpg"), [*faces, face(rare[number])])
        query = Embedding(common[0].vector, "rare")
        assert len(most_similar_faces(index, "race", [query], limit=10, min_similarity=-1.1)) == 10

    @each_example_uses_its_own_album
    @given(
        vectors=st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any), max_size=30),
        queries=st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any), min_size=1, max_size=5),
        limit=st.integers(1, 40),
        min_similarity=st.floats(-1, 1),
    )
    def test_the_result_is_that_of_comparing_all_faces(
        self,
        index: FaceIndex,
        vectors: list[list[int]],
        queries: list[list[int]],
        limit: int,
        min_similarity: float,
    ) -> None:
        album = f"album {next(_fresh)}"
        expected: dict[str, float] = {}
        for number, one in enumerate(vectors[start : start + 3] for start in range(0, len(vectors), 3)):
            ref = photo(f"{album}/{number}.jpg")
            add(index, ref, [face(embedding(vector)) for vector in one])
            for position, vector in enumerate(one):
                expected[face_id(ref, VERSION, position)] = max(
                    float(embedding(vector).vector @ embedding(query).vector) for query in queries
                )

        found = most_similar_faces(
            index, album, [embedding(query) for query in queries], limit=limit, min_similarity=min_similarity
        )

        similarities = [match.similarity for match in found]
        assert len({match.face.face_id for match in found}) == len(found)
        assert similarities == sorted(similarities, reverse=True)
        assert similarities == pytest.approx([expected[match.face.face_id] for match in found], abs=TOLERANCE)
        assert all(similarity >= min_similarity for similarity in similarities)
        surely = sum(similarity >= min_similarity + TOLERANCE for similarity in expected.values())
        perhaps = sum(similarity >= min_similarity - TOLERANCE for similarity in expected.values())
        assert min(limit, surely) <= len(found) <= min(limit, perhaps)
        best = sorted(expected.values(), reverse=True)[: len(found)]
        assert similarities == pytest.approx(best, abs=TOLERANCE)
