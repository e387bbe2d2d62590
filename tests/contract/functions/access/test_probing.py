"""Templates cannot be recovered from answers to searches, and ordinary traffic does not notice that."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.domain import probing
from photofinish.domain.access import Principal, Scope
from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration
from photofinish.domain.probing import BUDGET_S, FOUND_AGAIN_S, FREE_QUERIES
from photofinish.domain.search_results import BestMatch
from photofinish.domain.secret_versions import SecretVersions
from photofinish_functions.access.probing import FaceSearch, Probing
from support.api import Api, error_of
from support.faces import face, photo
from support.index import add
from support.synthetic_faces import Crowd
from support.template_attacks import ALBUM, Oracle, VectorPictures, climb, make_album, probe_basis, recovered, unit

FACES = 12


@pytest.fixture
def race(api: Api) -> Api:
    api.cloud.pictures = VectorPictures(api.cloud.embedding_space)  # type: ignore[assignment]
    return api


def audited(race: Api) -> list[str]:
    return [entry[4] for entry in race.audit() if entry[1] == "probing"]


@pytest.mark.parametrize("scope", list(Scope))
def test_vectors_need_a_right_that_no_scope_includes(race: Api, scope: Scope) -> None:
    key, right = race.key_for(scope), race.key_for(scope, may_use_vectors=True)
    make_album(race, 1, seed=1)
    vector = base64.b64encode(np.ones(128, "<f4").tobytes()).decode()
    embeddings = {"space": race.cloud.embedding_space, "vectors": [vector]}
    rerank = {"queries": [vector], "candidates": [{"vector": vector}]}
    for given, expected in ((key, 403), (right, 200)):
        assert race.search(ALBUM, key=given, embeddings=embeddings).status_code == expected
        assert race.call("POST", "/rerank", key=given, json=rerank).status_code == expected
    assert error_of(race.search(ALBUM, key=key, embeddings=embeddings)) == (403, "vectors_not_allowed")
    assert error_of(race.call("POST", "/embeddings", key=key)) == (403, "vectors_not_allowed")
    assert race.audit()[-1][4] == "403 vectors_not_allowed"


def test_basis_vectors_recover_nothing(race: Api) -> None:
    templates = make_album(race, FACES, seed=1)
    oracle = Oracle(race, race.key_for(may_use_vectors=True), templates, requests=300)
    assert recovered(templates, probe_basis(oracle)) < 0.4, "the mean face has 0.35"
    assert oracle.hits == []


@pytest.mark.parametrize("by_picture", [False, True])
def test_an_insider_learns_hardly_more_than_she_knows(race: Api, by_picture: bool) -> None:
    """Hill climbing from another picture of every person, which without limits reaches 0.9."""
    templates = make_album(race, FACES, seed=1)
    known = Crowd(FACES, seed=1).portraits(FACES)
    key = race.key_for(may_use_vectors=not by_picture)
    oracle = Oracle(race, key, templates, requests=500, by_picture=by_picture)
    assert recovered(templates, climb(oracle, starts=known)) < recovered(templates, known) + 0.05
    assert oracle.refused > 100
    assert "slowed" in audited(race)


def test_many_queries_for_one_face_are_slowed_and_audited(race: Api) -> None:
    [template] = make_album(race, 1, seed=1)
    rng = np.random.default_rng(1)
    selfies = [unit(template + rng.normal(size=128) * 0.03).tobytes() for _ in range(60)]
    key, other = race.key_for(), race.key_for()
    allowed = FREE_QUERIES + round(BUDGET_S / FOUND_AGAIN_S)
    for selfie in selfies[:allowed] + selfies[:1] * 20:  # the same picture again says nothing new
        assert race.search(ALBUM, selfie, key=key).status_code == 200
    assert audited(race) == []
    assert race.search(ALBUM, selfies[allowed], key=key).status_code == 200
    refused = race.search(ALBUM, selfies[allowed + 1], key=key)
    assert error_of(refused) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) <= FOUND_AGAIN_S + 1
    assert error_of(race.search(ALBUM, selfies[0], key=key)) == (429, "rate_limited"), "whatever is searched for"
    assert audited(race) == ["slowed"]
    assert race.search(ALBUM, selfies[0], key=other).status_code == 200
    assert race.search(ALBUM, key=key, bib="1").status_code == 200, "other searches go on"


def test_queries_are_counted_on_while_the_pepper_is_replaced(store: PgAccessStore) -> None:
    principal = Principal("key", "k", Scope.SEARCH, None)
    search = FaceSearch(principal=principal, album=ALBUM, request_id="r")
    calibration = Calibration(min_similarity=0.4, stranger_similarity=0.5, slope=1, offset=0, selfie_min_quality=0)

    def used_s(query: int, pepper: str) -> float:
        probing = Probing(store, pepper=SecretVersions.parse(pepper), record=lambda *_, **__: None)
        best = [BestMatch(face_id="f", similarity=0.9)]
        probing.charge(search, [bytes([query])], best, calibration, count_faces=lambda: 1)
        return store.used_s(["key:k:probing"])[0]

    old, new = "o" * 32, "n" * 32
    assert [used_s(query, old) for query in range(FREE_QUERIES)] == [0] * FREE_QUERIES
    assert used_s(0, f"{new},{old}") == 0, "the same query again"
    assert used_s(FREE_QUERIES, new) == 0, "without the old value counts start again: hence two"
    assert used_s(FREE_QUERIES + 1, f"{new},{old}") == pytest.approx(FOUND_AGAIN_S, abs=60)


def test_a_caller_who_looks_for_the_similar_gets_only_certain_matches(
    race: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "MIN_WEAK_ANSWERS", 3)
    rng, certain = np.random.default_rng(1), race.cloud.calibration.certain_similarity
    templates = [unit(row) for row in rng.normal(size=(5, 128))]
    for row, template in enumerate(templates):
        add(race.cloud.index, photo(f"{ALBUM}/{row}.jpg"), [face(Embedding(template, race.cloud.embedding_space))])

    def like(cosine: float, row: int) -> bytes:
        aside = rng.normal(size=128)
        aside -= aside @ templates[row] * templates[row]
        return unit(cosine * templates[row] + np.sqrt(1 - cosine**2) * unit(aside)).tobytes()

    def found(cosine: float, row: int) -> int:
        return len(race.search(ALBUM, like(cosine, row), key=key).get_json()["photos"])

    key = race.key_for()
    # The budget regained a little before the fourth.
    assert [found(0.53, row) for row in range(5)] == [1, 1, 1, 1, 0]
    assert [found(certain + 0.03, row) for row in range(5)] == [1, 1, 1, 1, 1]
    assert audited(race) == ["only certain matches"]
    key = race.key_for()
    assert found(0.53, 0) == 1


def test_a_kiosk_with_one_key_is_not_slowed(race: Api) -> None:
    """Each runner sends three different selfies and the last one again; many are on photos, some are not."""
    people, of, vectors = 60, [], []
    crowd = Crowd(people, seed=3)
    for row, (persons, faces) in enumerate(crowd.album(240, size=1)):
        of.append(int(persons[0]))
        [vector] = faces
        vectors.append(vector)
        one = replace(face(Embedding(vector, race.cloud.embedding_space)), quality=0.7)
        add(race.cloud.index, photo(f"{ALBUM}/{row}.jpg"), [one])
    key, found, searched = race.key_for(), 0, 0
    for person in range(people):
        selfies = crowd.selfies_of(person, 3)
        own = {row for row, other in enumerate(of) if other == person}
        similar = {row for row in own if max(selfies @ vectors[row]) >= race.cloud.calibration.min_similarity}
        for selfie in (*selfies, selfies[-1]):
            assert race.search(ALBUM, selfie.tobytes(), key=key).status_code == 200
        answer = race.search(ALBUM, *(selfie.tobytes() for selfie in selfies), key=key, limit=200).get_json()
        rows = {int(one["photo"]["name"][len(ALBUM) + 1 : -4]) for one in answer["photos"]}
        found, searched = found + len(similar & rows), searched + len(similar)
    assert found == searched > 100, "no photo is held back"
    assert audited(race) == []
