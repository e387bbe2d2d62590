"""What a search finds by faces, number and name, with the index in memory and in Postgres."""

from __future__ import annotations

import numpy as np
import pytest

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.application.search.searcher import Searcher
from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import Embedding
from photofinish.domain.matching import match_probability
from photofinish.domain.search import Part, SearchQuery, Weights
from photofinish.domain.search_results import SearchPage
from photofinish.domain.start_list import StartList
from photofinish.errors import InvalidQuery
from photofinish.ports import FaceIndex
from support.faces import SPACE, bib, embedding, face, photo, random_embeddings
from support.index import add
from support.searching import (
    CALIBRATION,
    EAST,
    NORTH,
    UP,
    NamedPeople,
    NamedPerson,
    found,
    value,
)


class TestFaceAndBib:
    """Photos found by faces, by a number, or by both."""

    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex) -> None:
        add(index, photo("race/both.jpg"), [face(UP), face(EAST, x=0.5)], [bib("42", 0.75, face_index=1)])
        add(index, photo("race/face.jpg"), [face(EAST)])
        add(index, photo("race/bib.jpg"), [face(NORTH, x=0.625)], [bib("42", 0.875, face_index=0), bib("7")])
        add(index, photo("race/stranger.jpg"), [face(NORTH)], [bib("8")])
        add(index, photo("other/1.jpg"), [face(EAST)], [bib("42")])

    def test_a_photo_with_face_and_bib_ranks_above_one_with_either(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", embeddings=(EAST,), bib="42"))
        assert found(page) == ["both.jpg", "face.jpg", "bib.jpg"]
        both, only_face, only_bib = page.photos
        assert value(both, Part.FACE) == pytest.approx(match_probability(1, CALIBRATION), abs=1e-3)
        assert value(both, Part.BIB) == 0.75
        assert value(only_face, Part.BIB) == value(only_bib, Part.FACE) == 0
        assert (only_face.bib, only_bib.face) == (None, None)

    def test_a_found_photo_shows_the_face_and_bib_that_matched(self, searcher: Searcher) -> None:
        both, _, only_bib = searcher.search(SearchQuery(album="race", embeddings=(EAST,), bib="42")).photos
        assert both.face is not None
        assert both.face.similarity == pytest.approx(1, abs=1e-3)
        assert both.face_box == both.face.box
        assert both.face.box.x == 0.5
        assert both.bib is not None
        assert (both.bib.number, both.bib.ocr_score, both.bib.face_id) == ("42", 0.75, both.face.face_id)
        assert only_bib.bib is not None
        assert only_bib.face_box == only_bib.bib.face_box
        assert only_bib.bib.face_box is not None
        assert only_bib.bib.face_box.x == 0.625

    def test_a_face_below_the_threshold_is_not_found(self, searcher: Searcher) -> None:
        near = embedding([1, 1.7, 0])  # 0.507 and 0.862
        page = searcher.search(SearchQuery(album="race", embeddings=(near,), min_similarity=0.6))
        assert sorted(found(page)) == ["bib.jpg", "stranger.jpg"]
        assert len(searcher.search(SearchQuery(album="race", embeddings=(near,))).photos) == 4
        with pytest.raises(InvalidQuery, match=r"must be 0\.5 or more"):
            searcher.search(SearchQuery(album="race", embeddings=(near,), min_similarity=0.49))
        certain = searcher.search(SearchQuery(album="race", embeddings=(near,)), only_certain=True)
        assert sorted(found(certain)) == ["bib.jpg", "stranger.jpg"]

    def test_similarities_are_told_in_steps(self, searcher: Searcher) -> None:
        """Of two selfies that differ a little, the answers are the same, with their order."""
        selfies = embedding([1, 1.70, 0]), embedding([1, 1.72, 0])
        one, other = (searcher.search(SearchQuery(album="race", embeddings=(selfie,))) for selfie in selfies)
        assert one == other
        told = {(round(scored.face.similarity, 6), scored.face.is_certain) for scored in one.photos if scored.face}
        assert told == {(0.5, False), (0.85, True)}, "certain from 0.6 on, by the calibration"
        assert [best.similarity for best in one.best_matches] == [pytest.approx(0.85)]

    def test_faces_like_one_of_several_selfies_or_their_centroid_are_found(
        self, searcher: Searcher, index: FaceIndex
    ) -> None:
        between = embedding([1, 0, 1])
        add(index, photo("race/between.jpg"), [face(between)])
        one_each = searcher.search(SearchQuery(album="race", embeddings=(EAST, UP), min_similarity=0.99))
        assert sorted(found(one_each)) == ["between.jpg", "both.jpg", "face.jpg"]
        middle = next(scored for scored in one_each.photos if scored.photo.name == "race/between.jpg")
        assert middle.face is not None
        assert middle.face.similarity == pytest.approx(1, abs=1e-3)

    def test_opposite_selfies_have_no_centroid(self, searcher: Searcher) -> None:
        opposite = Embedding(-EAST.vector, SPACE)
        page = searcher.search(SearchQuery(album="race", embeddings=(EAST, opposite)))
        assert sorted(found(page)) == ["both.jpg", "face.jpg"]

    def test_no_match_is_an_empty_page(self, searcher: Searcher) -> None:
        for query in (
            SearchQuery(album="race", bib="9"),
            SearchQuery(album="nowhere", embeddings=(EAST,), bib="42", name="Ann"),
            SearchQuery(album="race", name="Unknown Name"),
            SearchQuery(album="race", bib="4\0"),
        ):
            assert searcher.search(query) == SearchPage(photos=(), next_cursor=None)

    def test_a_space_that_is_not_calibrated_is_refused(self, searcher: Searcher) -> None:
        with pytest.raises(InvalidQuery, match="embedding space cannot be compared"):
            searcher.search(SearchQuery(album="race", embeddings=(embedding([1, 0, 0], "other"),)))

    def test_embeddings_of_another_dimension_are_refused(self, searcher: Searcher) -> None:
        with pytest.raises(InvalidQuery, match="have 3 dimensions here, not 2"):
            searcher.search(SearchQuery(album="race", embeddings=(embedding([1, 0]),)))

    def test_a_weight_of_0_only_removes_a_part_from_the_score(self, searcher: Searcher) -> None:
        weights = Weights(face=0, quality=0)
        page = searcher.search(SearchQuery(album="race", embeddings=(EAST,), bib="42", weights=weights))
        assert [(scored.photo.name, scored.score) for scored in page.photos] == [
            ("race/bib.jpg", 0.875),
            ("race/both.jpg", 0.75),
            ("race/face.jpg", 0.0),
        ]


class TestName:
    @pytest.fixture(autouse=True)
    def album(self, index: FaceIndex, request: pytest.FixtureRequest) -> None:
        start_list = {"42": "Ann Miller", "43": "Joanna Jones"}
        if isinstance(index, MemoryFaceIndex):
            index.set_entrants("race", start_list)
        else:
            rules = PgAlbumRules(request.getfixturevalue("connections"))
            rules.set_bib_rules("race", BibRules(start_list=StartList(start_list)))
        add(index, photo("race/ann.jpg"), [face(EAST)], [bib("42", 0.8, face_index=0)])
        add(index, photo("race/joanna.jpg"), [], [bib("43", 0.8)])
        add(index, photo("race/face.jpg"), [face(NORTH)])

    def test_finds_bibs_by_the_start_list(self, searcher: Searcher) -> None:
        page = searcher.search(SearchQuery(album="race", name="ann"))
        assert page.numbers == {"42": "Ann Miller"}, "not Joanna, whose name has these letters"
        [ann] = page.photos
        assert ann.photo.name == "race/ann.jpg"
        assert ann.name is not None
        assert (ann.name.name, ann.name.number, ann.name.person_id) == ("Ann Miller", "42", None)
        assert ann.name.bib is not None
        assert ann.face_box == ann.name.bib.face_box
        assert value(ann, Part.NAME) == pytest.approx(0.8)
        assert ann.bib is None  # no number was requested

    def test_finds_faces_by_people(self, searcher: Searcher, named_people: NamedPeople) -> None:
        named_people.known = [
            NamedPerson("p1", "Ann Miller", (NORTH, embedding([1, 0], "other"))),
            NamedPerson("p2", "Bob", ()),
        ]
        page = searcher.search(SearchQuery(album="race", name="Ann Miller"))
        assert found(page) == ["face.jpg", "ann.jpg"]
        name = page.photos[0].name
        assert name is not None
        assert (name.person_id, name.number) == ("p1", None)
        assert name.face is not None
        assert page.photos[0].face_box == name.face.box


class TestNeighbours:
    """Faces below the threshold whose nearest faces are those of the searched person."""

    DIMENSION = 64

    def album(self, index: FaceIndex, strangers: int) -> Embedding:
        """Add 12 pictures of one person to a crowd: cosines of about 0.42 to the selfie, and of 0.8 to each other."""
        crowd = random_embeddings(strangers, self.DIMENSION, seed=1)
        for start in range(0, strangers, 50):
            add(index, photo(f"race/crowd{start}.jpg"), [face(one) for one in crowd[start : start + 50]])
        rng = np.random.default_rng(2)
        middle = rng.normal(size=self.DIMENSION)
        middle /= np.linalg.norm(middle)
        for number in range(12):
            noise = rng.normal(size=self.DIMENSION)
            add(
                index,
                photo(f"race/person{number}.jpg"),
                [face(embedding(middle + 0.5 * noise / np.linalg.norm(noise)))],
            )
        aside = rng.normal(size=self.DIMENSION)
        aside -= aside @ middle * middle
        return embedding(0.47 * middle + np.sqrt(1 - 0.47**2) * aside / np.linalg.norm(aside))

    def test_faces_with_shared_neighbours_are_found_among_many(self, index: FaceIndex, searcher: Searcher) -> None:
        selfie = self.album(index, strangers=300)
        similar = most_similar_faces(index, "race", [selfie], limit=20, min_similarity=CALIBRATION.min_similarity)
        page = searcher.search(SearchQuery(album="race", embeddings=(selfie,)))
        assert len(similar) <= 3
        assert len(page.photos) >= 9
        assert all(name.startswith("person") for name in found(page))
        assert all(scored.face is not None and scored.face.shared_neighbours > 0.6 for scored in page.photos[-3:])

    def test_neighbours_count_for_nothing_among_few_faces(self, index: FaceIndex, searcher: Searcher) -> None:
        """Among few faces, all are neighbours of each other."""
        selfie = self.album(index, strangers=50)
        similar = most_similar_faces(index, "race", [selfie], limit=20, min_similarity=CALIBRATION.min_similarity)
        page = searcher.search(SearchQuery(album="race", embeddings=(selfie,)))
        assert len(page.photos) == len(similar)
        assert all(scored.face is not None and scored.face.shared_neighbours == 0 for scored in page.photos)
