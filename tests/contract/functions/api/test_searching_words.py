"""`GET /v1/albums/{album}/search?q=…`: what it finds and explains, for whom, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from werkzeug.test import TestResponse

from photofinish.domain.access import Scope
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.depiction import Depiction, Label, SimilarityScale
from photofinish.domain.face import Embedding
from photofinish.domain.start_list import StartList
from support.api import Api, error_of, names_of
from support.faces import bib, embedding, photo
from support.index import add

SPACE = "labels-1"
PLACES = {"dog": [1, 0, 0], "hund": [1, 0, 0], "cat": [0, 1, 0]}


class TwoAnimals:
    """A space in which a text that names an animal lies where its pictures do, and any other in the third direction."""

    space = SPACE
    scale = SimilarityScale(unrelated=0.2, related=0.8)

    def of_text(self, text: str) -> Embedding:
        named = [place for word, place in PLACES.items() if word in text.casefold()]
        return embedding(np.sum(named, axis=0) if named else [0, 0, 1], SPACE)


@pytest.fixture
def race(api: Api) -> Api:
    api.cloud.text_space = TwoAnimals()
    index = api.cloud.index
    dog = Depiction(embedding=embedding([1, 0, 0], SPACE), labels=(Label(name="Labrador retriever", score=0.8),))
    cat = Depiction(embedding=embedding([0, 1, 0], SPACE), labels=(Label(name="tabby", score=0.9),))
    add(index, photo("race/cam1/dog.jpg"), depiction=dog, camera="A")
    add(index, photo("race/cam2/dog.jpg"), [], [bib("42", 0.8)], ["FINISH"], depiction=dog, camera="B")
    add(index, photo("race/cam1/cat.jpg"), depiction=cat, camera="A")
    api.cloud.album_rules.set_bib_rules("race", BibRules(start_list=StartList({"42": "Ada Lovelace"})))
    return api


def search(api: Api, q: str, *, key: str | None = None, album: str = "race", **query: Any) -> TestResponse:
    return api.call("GET", f"/albums/{album}/search", key=key, query_string={"q": q, **query})


def parts(found: dict[str, Any]) -> dict[str, float]:
    return {part["part"]: part["value"] for part in found["parts"]}


def test_finds_what_photos_show_and_explains_each_score(race: Api) -> None:
    answer = search(race, "Hund im Finish")
    assert names_of(answer) == ["race/cam2/dog.jpg", "race/cam1/dog.jpg"]
    best, other = answer.get_json()["photos"]
    assert parts(best)["vision"] == pytest.approx(1)
    assert parts(best)["words"] > parts(other)["words"] == 0
    assert best["depiction"]["labels"] == [{"name": "Labrador retriever", "score": pytest.approx(0.8)}]
    assert [(word["word"], word["by"]) for word in best["words"]] == [("finish", "word")]
    assert best["score"] == pytest.approx(sum(part["contribution"] for part in best["parts"]), abs=1e-6)
    assert other["words"] == []


def test_the_same_search_by_post(race: Api) -> None:
    got = search(race, "dog finish").get_json()
    weights = {"words": 0.5, "vision": 0.35, "face": 0.3, "bib": 0.3, "name": 0.3}
    posted = race.search("race", about="dog finish", weights=weights).get_json()
    for answer in (got, posted):
        for found in answer["photos"]:
            for links in ("renditions", "download_pass"):
                found.pop(links)
    assert got == posted


def test_weights_fusion_and_filters(race: Api) -> None:
    [only] = search(race, "finish dog", vision_weight=0, camera="B").get_json()["photos"]
    assert only["photo"]["name"] == "race/cam2/dog.jpg"
    assert {part["part"]: part["weight"] for part in only["parts"]}["vision"] == 0
    ranked = search(race, "finish dog", fusion="rrf").get_json()["photos"]
    assert parts(ranked[0])["words"] == 1
    assert names_of(search(race, "dog", folder="cam1")) == ["race/cam1/dog.jpg"]
    assert names_of(search(race, "dog", bib="42", match="all")) == ["race/cam2/dog.jpg"]
    assert names_of(search(race, "cat", bib="42", match="all")) == []


def test_numbers_are_words(race: Api) -> None:
    answer = search(race, "number 42")
    assert names_of(answer) == ["race/cam2/dog.jpg"]
    [word] = answer.get_json()["photos"][0]["words"]
    assert (word["by"], word["value"]) == ("number", pytest.approx(0.8))


def test_names_are_only_for_callers_who_may_read_them(race: Api) -> None:
    assert names_of(search(race, "ada", key=race.key_for(Scope.WRITE))) == ["race/cam2/dog.jpg"]
    hidden = search(race, "ada", key=race.key_for(Scope.SEARCH))
    assert names_of(hidden) == []
    assert "name" not in hidden.get_data(as_text=True).split('"numbers"')[0]
    assert "Ada" not in hidden.get_data(as_text=True)


def test_without_label_search_words_are_still_found(race: Api) -> None:
    race.cloud.text_space = None
    assert names_of(search(race, "dog")) == []
    [found] = search(race, "finish").get_json()["photos"]
    assert "vision" not in parts(found)


def test_pages(race: Api) -> None:
    first = search(race, "dog", limit=1).get_json()
    second = search(race, "dog", limit=1, cursor=first["next_cursor"]).get_json()
    assert [page["photos"][0]["photo"]["name"] for page in (first, second)] == names_of(search(race, "dog"))
    assert second["next_cursor"] is None
    assert error_of(search(race, "cat", limit=1, cursor=first["next_cursor"])) == (422, "invalid_query")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (400, "bad_request")),
        ({"q": ""}, (400, "bad_request")),
        ({"q": "x" * 201}, (400, "bad_request")),
        ({"q": "?!"}, (422, "invalid_query")),
        ({"q": "dog\0"}, (400, "bad_request")),
        ({"q": "dog", "text_weight": -1}, (400, "bad_request")),
        ({"q": "dog", "text_weight": "nan"}, (400, "bad_request")),
        ({"q": "dog", "fusion": "sum"}, (400, "bad_request")),
        ({"q": "dog", "match": "some"}, (400, "bad_request")),
        ({"q": "dog", "person_id": "1"}, (400, "bad_request")),
        ({"q": "dog", "person_id": "00000000-0000-0000-0000-000000000000"}, (404, "unknown_person")),
        ({"q": "dog", "unknown": 1}, (400, "bad_request")),
        ({"q": "dog", "taken_from": "2026-02-31T10:00:00"}, (422, "invalid_query")),
    ],
)
def test_bad_input_costs_one_code_and_one_sentence(race: Api, query: dict[str, Any], expected: tuple[int, str]) -> None:
    answer = race.call("GET", "/albums/race/search", query_string=query)
    assert error_of(answer) == expected
    message = answer.get_json()["error"]["message"]
    assert message.endswith((".", "number"))
    assert "\n" not in message


def test_albums_of_others_do_not_exist(race: Api) -> None:
    stranger = race.key_for(albums=frozenset({"party"}))
    assert error_of(search(race, "dog", key=stranger)) == (404, "unknown_album")
    assert error_of(search(race, "dog", album="none")) == (404, "unknown_album")


def test_the_audit_has_no_words(race: Api) -> None:
    search(race, "dog")
    entry = race.audit()[-1]
    assert entry[1:5] == ("search_words", "race", None, "200")
    assert "dog" not in str(entry)
