"""Comparing, embedding and re-ranking faces, over the real API."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from support.api import Api, error_of, files, jpeg, selfie_of_astronaut, selfie_of_group_member
from support.faces import photo, random_embeddings
from support.index import add
from support.pictures import astronaut, group


class TestCompare:
    def compare(self, api: Api, *pictures: bytes, path: str = "/compare") -> Any:
        return api.call("POST", path, data={"picture": files(*pictures)})

    def test_the_same_person_and_two_people(self, api: Api, encoder: FaceEncoder) -> None:
        [faces] = encoder.encode([group()])
        same = self.compare(api, selfie_of_astronaut(), jpeg(astronaut())).get_json()
        other = self.compare(api, selfie_of_astronaut(), selfie_of_group_member(faces[2])).get_json()
        assert same["is_match"]
        assert same["similarity"] > same["min_similarity"] > other["similarity"]
        assert same["match_probability"] > 0.9 > 0.5 > other["match_probability"]
        assert not other["is_match"]
        assert len(same["faces"]) == 2
        assert same["embedding_space"] == model_for("face_embedding").embedding_space

    def test_in_an_album_with_a_key_of_that_album(self, api: Api) -> None:
        add(api.cloud.index, photo("race/1.jpg"), [], [])
        key = api.key_for(albums=frozenset({"race"}))
        data = {"picture": files(selfie_of_astronaut(), selfie_of_astronaut())}
        assert api.call("POST", "/albums/race/compare", key=key, data=data).get_json()["similarity"] == pytest.approx(1)
        assert error_of(self.compare(api, b"", b"", path="/albums/nowhere/compare")) == (404, "unknown_album")

    def test_pictures_that_cannot_be_compared(self, api: Api) -> None:
        one = selfie_of_astronaut()
        assert error_of(self.compare(api, one)) == (400, "bad_request")
        assert error_of(self.compare(api, one, one, one)) == (400, "too_many_pictures")
        answer = self.compare(api, one, jpeg(group()))
        assert error_of(answer) == (422, "several_faces")
        assert answer.get_json()["error"]["message"].startswith("Picture 2: ")
        more = {"picture": files(one, one), "album": "race"}
        assert error_of(api.call("POST", "/compare", data=more)) == (400, "bad_request")


class TestEmbeddings:
    def embed(self, api: Api, *pictures: bytes, query: str = "") -> Any:
        return api.call("POST", f"/embeddings{query}", data={"picture": files(*pictures)})

    def test_every_face_with_its_vector(self, api: Api, encoder: FaceEncoder) -> None:
        png = cv2.imencode(".png", group())[1].tobytes()
        answer = self.embed(api, png, b"no picture", jpeg(np.full((200, 300, 3), 90, np.uint8)))
        body = answer.get_json()
        people, broken, empty = body["pictures"]
        [expected] = encoder.encode([group()])
        assert (people["width"], people["height"], people["error"]) == (1280, 886, None)
        for found, one in zip(people["faces"], expected, strict=True):
            np.testing.assert_allclose(vector_of(found["vector"]), one.embedding.vector, atol=1e-5)
            points = [(point["x"], point["y"]) for point in found["landmarks"]]
            assert points == pytest.approx(np.asarray(one.landmarks), abs=1e-5)
            assert found["quality"] == pytest.approx(one.quality, abs=1e-5)
            assert found["aligned"] is None
        assert body["embedding_space"] == encoder.embedding_space
        assert (broken["error"]["code"], broken["faces"], broken["width"]) == ("not_a_picture", [], None)
        assert (empty["error"], empty["faces"]) == (None, [])
        assert people["timings_ms"]["analyse"] > 0
        assert body["total_ms"] > people["timings_ms"]["analyse"]

    def test_aligned_faces(self, api: Api) -> None:
        [picture] = self.embed(api, jpeg(astronaut()), query="?aligned=true").get_json()["pictures"]
        content = np.frombuffer(base64.b64decode(picture["faces"][0]["aligned"]), np.uint8)
        chip = cv2.imdecode(content, cv2.IMREAD_COLOR)
        assert chip is not None
        assert chip.shape == (112, 112, 3)

    def test_too_many_pictures(self, api: Api) -> None:
        assert len(self.embed(api, *[b"x"] * 16).get_json()["pictures"]) == 16
        assert error_of(self.embed(api, *[b"x"] * 17)) == (400, "too_many_pictures")
        assert error_of(self.embed(api)) in {(400, "bad_request"), (415, "unsupported_media_type")}
        assert error_of(self.embed(api, b"x", query="?aligned=perhaps")) == (400, "bad_request")


class TestRerank:
    def rerank(self, api: Api, queries: Any, candidates: Any, **more: Any) -> Any:
        body = {"queries": queries, "candidates": candidates} | more
        return api.call("POST", "/rerank", json=body)

    def test_candidates_with_the_same_neighbours_come_first(self, api: Api) -> None:
        """12 photos of one person among strangers: some are less similar to the query, but similar to the others."""
        rng = np.random.default_rng(5)
        center, other = rng.normal(size=(2, 64))
        person = [center + 0.6 * rng.normal(size=64) for _ in range(12)]
        strangers = [other + 0.6 * rng.normal(size=64) for _ in range(12)]
        candidates = [{"id": f"p{i}", "vector": base64_of(v)} for i, v in enumerate(person)]
        candidates += [{"id": f"s{i}", "vector": base64_of(v)} for i, v in enumerate(strangers)]
        answer = self.rerank(api, [center.tolist()], candidates, k1=10, k2=3)
        found = answer.get_json()["candidates"]
        assert [one["id"][0] for one in found] == ["p"] * 12 + ["s"] * 12
        scores = [one["score"] for one in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert [candidates[one["index"]]["id"] for one in found] == [one["id"] for one in found]

    def test_with_lambda_1_it_is_the_cosine(self, api: Api) -> None:
        queries, candidates = random_embeddings(2, 16, 1), random_embeddings(30, 16, 2)
        answer = self.rerank(
            api,
            [one.vector.tolist() for one in queries],
            [{"vector": base64_of(one.vector)} for one in candidates],
            **{"lambda": 1},
        )
        for one in answer.get_json()["candidates"]:
            cosine = max(float(query.vector @ candidates[one["index"]].vector) for query in queries)
            assert one["similarity"] == pytest.approx(cosine, abs=1e-5)
            assert one["score"] == pytest.approx(min(max(cosine, 0), 1), abs=1e-3)

    def test_the_length_of_vectors_does_not_matter(self, api: Api) -> None:
        rows = [one.vector for one in random_embeddings(6, 8, 3)]
        plain, longer = (
            self.rerank(api, [(scale * rows[0]).tolist()], [{"vector": (scale * row).tolist()} for row in rows[1:]])
            for scale in (1.0, 250.0)
        )
        for one, other in zip(plain.get_json()["candidates"], longer.get_json()["candidates"], strict=True):
            assert (one["index"], one["score"]) == (other["index"], pytest.approx(other["score"], abs=1e-5))

    @pytest.mark.parametrize(
        ("queries", "candidates", "status", "named"),
        [
            ([], [{"vector": [1.0]}], 400, "queries"),
            ([[1.0]], [], 400, "candidates"),
            ([[1.0]], [{"vector": [1.0, 2.0]}], 422, "candidates.0"),
            ([[1.0], [1.0, 2.0]], [{"vector": [1.0]}], 422, "queries.1"),
            ([[0.0]], [{"vector": [1.0]}], 422, "queries.0"),
            (["not base64!"], [{"vector": [1.0]}], 422, "queries.0"),
            (["AAAAf"], [{"vector": [1.0]}], 422, "queries.0"),
            (["AADAfw=="], [{"vector": [1.0]}], 422, "queries.0"),
            ([[1.0]], [{"vector": [1.0], "secret": 1}], 400, "candidates.0.secret"),
            ([["1"]], [{"vector": [1.0]}], 400, "queries.0"),
        ],
    )
    def test_invalid_vectors(self, api: Api, queries: Any, candidates: Any, status: int, named: str) -> None:
        answer = self.rerank(api, queries, candidates)
        assert error_of(answer)[0] == status
        assert named in answer.get_json()["error"]["message"]


def vector_of(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), "<f4")


def base64_of(vector: Any) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()
