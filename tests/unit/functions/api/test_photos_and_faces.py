"""Albums, photos, comparing, embedding and re-ranking, over the real API."""

from __future__ import annotations

import base64
import io
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from support.api import Api, error_of, files, jpeg, selfie_of_astronaut, selfie_of_group_member
from support.faces import bib, embedding, face, photo, random_embeddings
from support.index import add
from support.pictures import astronaut, group

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PREVIEW = "renditions/race/0a/1.v.preview.jpg"
DONE = {
    "image": {"width": 6000, "height": 4000, "format": "JPEG", "taken_at": "2026-05-01T10:00:00", "camera": "X"},
    "sharpness": {"frame": 0.7, "laplacian_variance": 12.0, "is_blurry": False},
    "faces": [
        {
            "face_id": "f-1",
            "box": {"x": 0.1, "y": 0.2, "w": 0.1, "h": 0.2},
            "detection_score": 0.9,
            "sharpness": 0.5,
            "quality": 0.8,
            "person_id": None,
        }
    ],
    "bibs": [
        {
            "number": "42",
            "ocr_score": 0.9,
            "partial": False,
            "box": {"x": 0.1, "y": 0.5, "w": 0.1, "h": 0.1},
            "face_id": "f-1",
        }
    ],
    "bib_numbers": ["42"],
    "text": ["FINISH"],
    "renditions": {"preview": PREVIEW},
    "sidecar": "sidecars/secret-path.json",
    "models": {"face_detection": "m-1"},
    "timings_ms": {"decode": 1},
    "worker": "task-7",
    "last_error": {"message": "something internal"},
}


def record(api: Api, ref: PhotoRef, status: PhotoStatus | None = None, **fields: Any) -> None:
    """A photo's document, as the pipeline writes it."""
    stored = StoredPhoto(ref=ref, size_bytes=10, content_type="image/jpeg", uploaded_at=NOW)
    api.cloud.documents.record_queued(stored, event_at=NOW, trace_id="trace")
    if status is not None:
        error = ("cut_off", "The file is cut off.") if status is PhotoStatus.REJECTED else None
        api.cloud.documents.record_final(ref, status, fields, error=error)


class TestPhotos:
    def test_an_analysed_photo_and_nothing_internal(self, api: Api) -> None:
        ref = photo("race/cam 1/1.jpg", 7)
        record(api, ref, PhotoStatus.DONE, **DONE)
        answer = api.call("GET", f"/albums/race/photos/{ref.photo_id}")
        body = answer.get_json()
        assert body["photo"] == {
            "bucket": "photos",
            "name": "race/cam 1/1.jpg",
            "generation": 7,
            "photo_id": ref.photo_id,
        }
        assert (body["status"], body["error"], body["text"]) == ("done", None, ["FINISH"])
        assert body["image"] == DONE["image"]
        assert body["sharpness"] == {"frame": 0.7, "is_blurry": False}
        assert body["faces"][0]["box"] == [0.1, 0.2, 0.1, 0.2]
        assert body["bibs"][0]["face_id"] == body["faces"][0]["face_id"]
        assert f"/derived/{PREVIEW}?" in body["renditions"]["preview"]["url"]
        assert datetime.fromisoformat(body["done_at"]) - datetime.now(UTC) < timedelta(seconds=1)
        for internal in ("secret-path", "task-7", "something internal", "trace", "m-1"):
            assert internal not in answer.text

    def test_a_queued_photo_and_a_rejected_one(self, api: Api) -> None:
        waits, rejected = photo("race/1.jpg"), photo("race/2.jpg")
        record(api, waits)
        record(api, rejected, PhotoStatus.REJECTED)
        body = api.call("GET", f"/albums/race/photos/{waits.photo_id}").get_json()
        assert (body["status"], body["image"], body["faces"], body["done_at"]) == ("queued", None, [], None)
        assert body["renditions"] == {"preview": None}
        body = api.call("GET", f"/albums/race/photos/{rejected.photo_id}").get_json()
        assert body["error"] == {"code": "cut_off", "message": "The file is cut off."}

    def test_a_photo_of_another_album_is_not_found(self, api: Api) -> None:
        ref = photo("race/1.jpg")
        record(api, ref, PhotoStatus.DONE, **DONE)
        assert error_of(api.call("GET", f"/albums/other/photos/{ref.photo_id}")) == (404, "unknown_photo")
        assert error_of(api.call("GET", f"/albums/race/photos/{'0' * 32}")) == (404, "unknown_photo")


class TestAlbums:
    def test_counts(self, api: Api) -> None:
        add(api.cloud.index, photo("race/1.jpg"), [face(embedding([1, 0])), face(embedding([0, 1]))], [bib("1")])
        add(api.cloud.index, photo("race/2.jpg"), [], [])
        record(api, photo("race/1.jpg"), PhotoStatus.DONE)
        record(api, photo("race/3.jpg"))
        counted = {"album": "race", "photos": 2, "faces": 2, "bibs": 1}
        assert api.call("GET", "/albums").get_json()["albums"] == [counted]
        assert api.call("GET", "/albums/race").get_json() == counted | {"photos_by_status": {"done": 1, "queued": 1}}

    def test_an_album_with_only_queued_photos(self, api: Api) -> None:
        record(api, photo("new/1.jpg"))
        assert api.call("GET", "/albums/new").get_json() == {
            "album": "new",
            "photos": 0,
            "faces": 0,
            "bibs": 0,
            "photos_by_status": {"queued": 1},
        }

    def test_an_unknown_album(self, api: Api) -> None:
        assert error_of(api.call("GET", "/albums/nowhere")) == (404, "unknown_album")

    def test_a_removed_photo_does_not_count(self, api: Api) -> None:
        add(api.cloud.index, photo("race/1.jpg"), [face(embedding([1, 0]))])
        add(api.cloud.index, photo("race/2.jpg"), [face(embedding([1, 0]))])
        api.cloud.index.remove(photo("race/1.jpg"))
        [album] = api.call("GET", "/albums").get_json()["albums"]
        assert (album["photos"], album["faces"]) == (1, 1)


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
            assert found["landmarks"] == pytest.approx(np.asarray(one.landmarks), abs=1e-5)
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


def test_pictures_are_analysed_a_few_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits too long for a slot is answered with 503; a later one succeeds."""
    pictures = api.cloud.pictures
    monkeypatch.setattr("photofinish.application.pictures.MAX_WAIT_S", 0.05)
    with pictures._slot():
        taken = [pictures._slots.acquire(blocking=False) for _ in itertools.repeat(None, 64)]
        answer = api.call("POST", "/embeddings", data={"picture": (io.BytesIO(jpeg(astronaut())), "a.jpg")})
        assert error_of(answer) == (503, "unavailable")
        for _ in range(sum(taken)):
            pictures._slots.release()
    assert api.call("POST", "/embeddings", data={"picture": (io.BytesIO(b"x"), "a.jpg")}).status_code == 200


def vector_of(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), "<f4")


def base64_of(vector: Any) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()
