"""A search by a description: what was read, numbers, names and what photos show; in memory and in Postgres."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.adapters.postgres.database import Database
from photofinish.application.search.searcher import Searcher
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.depiction import Depiction, Label, SimilarityScale
from photofinish.domain.matching import match_probability
from photofinish.domain.search import Description, Fusion, Part, PhotoFilter, SearchQuery, Weights
from photofinish.domain.start_list import StartList
from photofinish.domain.word_matching import MISSPELLED, MatchedBy
from photofinish.errors import InvalidQuery
from photofinish.ports import FaceIndex
from support.faces import bib, embedding, face, photo
from support.index import add
from support.searching import CALIBRATION, EAST, NORTH, NamedPeople, NamedPerson, all_pages, found, value

SPACE = "labels-1"
SCALE = SimilarityScale(unrelated=0.2, related=0.7)
DOG, CAT, HORSE = (embedding([1, 0, 0], SPACE), embedding([0, 1, 0], SPACE), embedding([0, 0, 1], SPACE))
BETWEEN = embedding([0.6, 0.8, 0], SPACE)


def showing(place: Any, label: str = "dog") -> Depiction:
    return Depiction(embedding=place, labels=(Label(name=label, score=0.75),))


def about(text: str, place: Any = None, **options: Any) -> Description:
    return Description(text=text, place=place, scale=None if place is None else SCALE, **options)


def query(description: Description, **criteria: Any) -> SearchQuery:
    return SearchQuery(album="race", about=description, **criteria)


class TestVision:
    def test_photos_that_show_it_come_first_with_their_labels(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/dog.jpg"), depiction=showing(DOG))
        add(index, photo("race/both.jpg"), depiction=showing(BETWEEN))
        add(index, photo("race/cat.jpg"), depiction=showing(CAT))
        add(index, photo("race/nothing.jpg"))
        page = searcher.search(query(about("dog", DOG)))
        assert found(page) == ["dog.jpg", "both.jpg"]
        assert [value(scored, Part.VISION) for scored in page.photos] == pytest.approx([1, 0.8], abs=2e-3)
        best = page.photos[0].depiction
        assert best is not None
        assert best.labels == (Label(name="dog", score=0.75),)
        assert best.similarity == pytest.approx(1, abs=1e-3)
        assert page.photos[0].words == ()

    def test_without_a_space_only_what_was_read_counts(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/dog.jpg"), depiction=showing(DOG))
        add(index, photo("race/sign.jpg"), text=["Dog food"])
        page = searcher.search(query(about("dog")))
        assert found(page) == ["sign.jpg"]
        assert Part.VISION not in [part.part for part in page.photos[0].parts]


class TestWords:
    def test_words_count_as_read_and_one_letter_off(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/a.jpg"), text=["FINISH", "Zürich 2026"])
        add(index, photo("race/b.jpg"), text=["FINSH"])
        add(index, photo("race/c.jpg"), text=["START"])
        page = searcher.search(query(about("Finish Zurich")))
        assert found(page) == ["a.jpg", "b.jpg"]
        both, misspelled = (scored.words for scored in page.photos)
        assert both is not None
        assert misspelled is not None
        assert [(one.word, one.by) for one in both] == [("finish", MatchedBy.WORD), ("zurich", MatchedBy.WORD)]
        assert [(one.read, one.by, one.value) for one in misspelled] == [("finsh", MatchedBy.SPELLING, MISSPELLED)]
        assert value(page.photos[0], Part.WORDS) == pytest.approx(1)

    def test_numbers_count_with_their_score(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/a.jpg"), bibs=[bib("42", 0.75)])
        add(index, photo("race/b.jpg"), bibs=[bib("43")])
        page = searcher.search(query(about("number 42")))
        assert found(page) == ["a.jpg"]
        [word] = page.photos[0].words or ()
        assert (word.word, word.by) == ("42", MatchedBy.NUMBER)
        assert word.value == pytest.approx(0.75)

    def test_removed_photos_are_not_found(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/a.jpg"), text=["finish"], depiction=showing(DOG))
        index.remove(photo("race/a.jpg"))
        assert found(searcher.search(query(about("finish dog", DOG)))) == []

    @pytest.mark.parametrize(
        "text", ["'; drop table photo; --", "{album_id} %s", "\\", '"' * 9 + "x", "a\u0301" * 50, "🏃 x"]
    )
    def test_any_text_is_a_description(self, index: FaceIndex, searcher: Searcher, text: str) -> None:
        add(index, photo("race/a.jpg"), text=[text])
        if not any(character.isalnum() for character in text):
            with pytest.raises(InvalidQuery, match="no letter or digit"):
                about(text)
            return
        assert found(searcher.search(query(about(text)))) == ["a.jpg"]


class TestPeople:
    def test_a_person_of_that_name_counts_with_probability_and_share(
        self, index: FaceIndex, searcher: Searcher, named_people: NamedPeople
    ) -> None:
        named_people.known.append(NamedPerson("p1", "Ann Lee", (EAST,)))
        add(index, photo("race/ann.jpg"), [face(EAST)])
        add(index, photo("race/dog.jpg"), depiction=showing(DOG))
        add(index, photo("race/ann-dog.jpg"), [face(EAST)], depiction=showing(DOG))
        add(index, photo("race/other.jpg"), [face(NORTH)])
        described = about("ann with a dog", DOG, with_names=True)
        page = searcher.search(query(described, weights=Weights(name=0.3)))
        assert found(page) == ["ann-dog.jpg", "dog.jpg", "ann.jpg"]
        certain = match_probability(1, CALIBRATION)
        assert value(page.photos[0], Part.NAME) == pytest.approx(certain / 2, abs=1e-3), "half of the name"
        best = page.photos[0].name
        assert best is not None
        assert (best.name, best.person_id) == ("Ann Lee", "p1")

    def test_names_are_left_out_for_callers_who_may_not_read_them(
        self, index: FaceIndex, searcher: Searcher, named_people: NamedPeople
    ) -> None:
        named_people.known.append(NamedPerson("p1", "Ann Lee", (EAST,)))
        add(index, photo("race/ann.jpg"), [face(EAST)])
        assert found(searcher.search(query(about("ann")))) == []

    def test_the_start_list_gives_numbers_of_names(
        self, index: FaceIndex, searcher: Searcher, request: pytest.FixtureRequest
    ) -> None:
        entrants = {"7": "Ann Lee", "8": "Bob Ray"}
        if isinstance(index, MemoryFaceIndex):
            index.set_entrants("race", entrants)
        else:
            connections: Database = request.getfixturevalue("connections")
            PgAlbumRules(connections).set_bib_rules("race", BibRules(start_list=StartList(entrants)))
        add(index, photo("race/7.jpg"), bibs=[bib("7", 0.8)])
        add(index, photo("race/8.jpg"), bibs=[bib("8", 0.8)])
        page = searcher.search(query(about("photos of ann", with_names=True)))
        assert found(page) == ["7.jpg"]
        assert value(page.photos[0], Part.NAME) == pytest.approx(0.4)

    def test_a_persons_face_raises_photos_that_fit_a_description(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/dog.jpg"), depiction=showing(BETWEEN))
        add(index, photo("race/her-dog.jpg"), [face(EAST)], depiction=showing(BETWEEN))
        add(index, photo("race/her.jpg"), [face(EAST)])
        mixed = query(about("dog", DOG), embeddings=(EAST,), weights=Weights(face=0.3))
        assert found(searcher.search(mixed)) == ["her-dog.jpg", "her.jpg", "dog.jpg"]

    def test_all_subjects_must_match_if_asked(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/dog.jpg"), depiction=showing(DOG))
        add(index, photo("race/her-dog.jpg"), [face(EAST)], [bib("42")], depiction=showing(BETWEEN))
        add(index, photo("race/her-cat.jpg"), [face(EAST)], depiction=showing(CAT))
        add(index, photo("race/42.jpg"), bibs=[bib("42")])
        hers = query(about("dog", DOG), embeddings=(EAST,), must_match_all=True)
        assert found(searcher.search(hers)) == ["her-dog.jpg"]
        worn = query(about("dog", DOG), bib="42", must_match_all=True)
        assert found(searcher.search(worn)) == ["her-dog.jpg"]
        assert found(searcher.search(query(about("horse", HORSE), bib="42", must_match_all=True))) == []


class TestAnswers:
    def test_filters_apply(self, index: FaceIndex, searcher: Searcher) -> None:
        for folder in ("a", "b"):
            add(index, photo(f"race/{folder}/dog.jpg"), depiction=showing(DOG), camera=folder)
            add(index, photo(f"race/{folder}/sign.jpg"), text=["dog"], camera=folder)
        for where in (PhotoFilter(folder="b"), PhotoFilter(camera="b")):
            assert sorted(found(searcher.search(query(about("dog", DOG), where=where)))) == ["b/dog.jpg", "b/sign.jpg"]

    def test_pages_follow_each_other(self, index: FaceIndex, searcher: Searcher) -> None:
        for number in range(7):
            place = embedding([1, number / 7, 0], SPACE)
            add(index, photo(f"race/{number}.jpg"), text=["dog"] if number % 2 else [], depiction=showing(place))
        for fusion in Fusion:
            whole = query(about("dog", DOG), limit=200, fusion=fusion)
            expected = found(searcher.search(whole))
            paged = [
                name
                for page in all_pages(searcher, query(about("dog", DOG), limit=2, fusion=fusion))
                for name in found(page)
            ]
            assert paged == expected
            assert len(expected) == 7

    def test_parts_explain_the_score(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/dog.jpg"), text=["dog"], depiction=showing(BETWEEN))
        [scored] = searcher.search(query(about("dog", DOG))).photos
        assert {part.part for part in scored.parts} == {Part.WORDS, Part.VISION, Part.QUALITY}
        assert scored.score == pytest.approx(sum(part.contribution for part in scored.parts))
        weights = {part.part: part.weight for part in scored.parts}
        assert weights[Part.WORDS] / weights[Part.VISION] == pytest.approx(0.5 / 0.35)

    def test_rank_fusion_counts_places(self, index: FaceIndex, searcher: Searcher) -> None:
        add(index, photo("race/a.jpg"), text=["dog", "cart"], depiction=showing(embedding([1, 1.2, 0], SPACE)))
        add(index, photo("race/b.jpg"), depiction=showing(DOG))
        page = searcher.search(query(about("dog cart", DOG), fusion=Fusion.RANKS))
        assert found(page) == ["a.jpg", "b.jpg"]
        assert [value(scored, Part.VISION) for scored in page.photos] == pytest.approx([61 / 62, 1])
        assert [value(scored, Part.WORDS) for scored in page.photos] == pytest.approx([1, 0])

    def test_an_unknown_album_has_nothing(self, searcher: Searcher) -> None:
        assert searcher.search(query(about("dog", DOG))).photos == ()
