"""Search requests, their answers and refusals, over the real API."""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime
from typing import Any

import cv2
import numpy as np
import pytest

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.face import Face, face_id
from support.api import Api, error_of, files, jpeg, names_of, selfie_of_astronaut, selfie_of_group_member
from support.faces import bib, photo
from support.index import VERSION, add
from support.logs import captured_log
from support.pictures import astronaut, group

ALBUM = "O'Brien 10k & ümlaut"
ALONE, TOGETHER = photo(f"{ALBUM}/cam 1/astronaut.jpg", 17), photo(f"{ALBUM}/cam 2/group.jpg")


@pytest.fixture(scope="module")
def group_faces(encoder: FaceEncoder) -> tuple[Face, ...]:
    [faces] = encoder.encode([group()])
    return faces


@pytest.fixture
def album(api: Api, encoder: FaceEncoder, group_faces: tuple[Face, ...]) -> Api:
    """The astronaut wears 42 at 10:00; six people stand together at 11:00."""
    index = api.cloud.index
    noon = {"taken_at": datetime(2026, 5, 1, 11), "camera": "Canon EOS R5"}
    add(index, ALONE, encoder.encode([astronaut()])[0], [bib("42", 0.875, face_index=0)], ["NASA"],
        taken_at=datetime(2026, 5, 1, 10), camera="NIKON Z 9")  # fmt: skip
    add(index, TOGETHER, group_faces, [bib("7", 0.5)], **noon)
    return api


def without_links(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without its links, which are signed anew for every request."""
    return answer | {"photos": [photo | {"renditions": None} for photo in answer["photos"]]}


def png_of_zeros(width: int, height: int) -> bytes:
    return cv2.imencode(".png", np.zeros((height, width), np.uint8))[1].tobytes()


def test_near_duplicates_are_folded_under_the_best(api: Api) -> None:
    first = datetime(2026, 5, 1, 10)
    for name, sharpness in (("a", 0.2), ("b", 0.9), ("c", 0.4)):
        add(api.cloud.index, photo(f"race/{name}.jpg"), bibs=[bib("42")], taken_at=first, camera="X",
            sharpness=sharpness, perceptual_hash=7)  # fmt: skip
    [shown] = api.search("race", bib="42", collapse="bursts").get_json()["photos"]
    assert shown["photo"]["name"] == "race/b.jpg"
    best_first = [photo(f"race/{name}.jpg").photo_id for name in "bca"]
    assert (shown["burst"]["size"], shown["burst"]["photo_ids"]) == (3, best_first)
    folded = shown["burst"]["photos"]
    assert [one["photo"]["photo_id"] for one in folded] == best_first[1:]
    assert len({one["renditions"]["preview"]["url"] for one in [shown, *folded]}) == 3
    assert [one["burst"] for one in api.search("race", bib="42").get_json()["photos"]] == [None] * 3
    assert error_of(api.search("race", bib="42", collapse="people")) == (400, "bad_request")


class TestFinds:
    def test_the_person_of_the_selfie(self, album: Api) -> None:
        answer = album.search(ALBUM, selfie_of_astronaut())
        assert names_of(answer) == [ALONE.name]
        body = answer.get_json()
        assert body["album"] == ALBUM
        [found] = body["photos"]
        assert found["photo"] == {
            "bucket": "photos",
            "name": ALONE.name,
            "generation": 17,
            "album": ALBUM,
            "photo_id": ALONE.photo_id,
        }
        assert 0.3 < found["face"]["similarity"] <= 1
        assert 0 <= found["face"]["shared_neighbours"] <= 1
        assert found["face_box"] == found["face"]["box"]
        x, y, w, h = (
            found["face_box"][edge] for edge in "xywh"
        )  # the astronaut's face is above the middle of the picture
        assert 0.3 < x < x + w < 0.6
        assert 0 < y < y + h < 0.5
        [used] = body["selfies"]
        assert used["quality"] > 0.5
        assert body["next_cursor"] is None

    def test_every_score_is_the_sum_of_its_parts(self, album: Api) -> None:
        answer = album.search(ALBUM, selfie_of_astronaut(), bib="42", text="nasa", weights={"text": 2.0})
        [found] = answer.get_json()["photos"]
        assert {part["part"] for part in found["parts"]} == {"face", "bib", "text", "quality"}
        assert found["score"] == pytest.approx(sum(part["contribution"] for part in found["parts"]), abs=1e-5)
        assert sum(part["weight"] for part in found["parts"]) == pytest.approx(1, abs=1e-5)
        assert (found["bib"]["number"], found["text"]) == ("42", ["NASA"])
        assert found["bib"]["face_id"] == found["face"]["face_id"]

    def test_the_right_person_of_a_group(self, album: Api, group_faces: tuple[Face, ...]) -> None:
        person = group_faces[2]
        [found] = album.search(ALBUM, selfie_of_group_member(person)).get_json()["photos"]
        assert found["photo"]["name"] == TOGETHER.name
        assert found["face_box"] == pytest.approx(person.box.by_name, abs=1e-5)

    @pytest.mark.parametrize(
        ("criteria", "found"),
        [
            ({"bib": "42"}, [ALONE]),
            ({"text": "nasa"}, [ALONE]),
            ({"taken_from": "2026-05-01T10:30:00"}, [TOGETHER]),
            ({"taken_to": "2026-05-01T10:30"}, [ALONE]),
            ({"camera": "NIKON Z 9"}, [ALONE]),
            ({"folder": "/cam 2/"}, [TOGETHER]),
            ({"bib": "42", "folder": "cam 2"}, []),
            ({"bib": "4711"}, []),
        ],
    )
    def test_other_criteria(self, album: Api, criteria: dict[str, Any], found: list[Any]) -> None:
        assert names_of(album.search(ALBUM, **criteria)) == [ref.name for ref in found]

    def test_criteria_with_a_selfie_as_a_part_or_as_fields(self, album: Api) -> None:
        path = f"/albums/{ALBUM}/search".replace("&", "%26")
        data = {"selfie": files(selfie_of_astronaut()), "bib": "42", "limit": "5", "min_similarity": "0.6"}
        as_fields = album.call("POST", path, data=data).get_json()
        as_part = album.search(ALBUM, selfie_of_astronaut(), bib="42", limit=5, min_similarity=0.6).get_json()
        assert without_links(as_fields) == without_links(as_part)
        both = data | {"selfie": files(selfie_of_astronaut()), "query": "{}"}
        assert error_of(album.call("POST", path, data=both)) == (422, "invalid_query")

    def test_embeddings_find_what_the_selfie_finds(self, album: Api, encoder: FaceEncoder) -> None:
        [[face, *_]] = encoder.encode([astronaut()])
        vector = face.embedding.vector
        space = face.embedding.space
        for given in (base64.b64encode(vector.astype("<f4").tobytes()).decode(), (vector * 7).tolist()):
            [found] = album.search(ALBUM, embeddings={"space": space, "vectors": [given]}).get_json()["photos"]
            assert found["photo"]["name"] == ALONE.name
            assert found["face"]["similarity"] == pytest.approx(1, abs=2e-3)

    def test_an_enrolled_person_is_found(self, album: Api) -> None:
        person = album.cloud.people.create(ALBUM, name="Eileen", by="key:test")
        answer = album.search(ALBUM, person_id=person.person_id)
        assert error_of(answer) == (422, "person_without_face")
        users = album.cloud.users
        user = users.create_user(ALBUM, "eileen", by="key:test")
        known = face_id(ALONE, VERSION, 0)
        assert users.associate_faces(ALBUM, "eileen", [known], min_similarity=0, by="key:test").changed
        found = album.search(ALBUM, person_id=user.person_id)
        assert names_of(found) == [ALONE.name]
        assert found.get_json()["photos"][0]["face"]["face_id"] == known
        other = "00000000-0000-4000-8000-000000000000"
        assert error_of(album.search(ALBUM, person_id=other)) == (404, "unknown_person")

    def test_page_by_page(self, album: Api) -> None:
        whole = names_of(album.search(ALBUM, taken_from="2026-01-01T00:00"))
        assert len(whole) == 2
        first = album.search(ALBUM, taken_from="2026-01-01T00:00", limit=1).get_json()
        second = album.search(ALBUM, taken_from="2026-01-01T00:00", limit=1, cursor=first["next_cursor"]).get_json()
        assert [page["photos"][0]["photo"]["name"] for page in (first, second)] == whole
        assert second["next_cursor"] is None

    def test_a_bib_number_by_its_own_path(self, album: Api) -> None:
        answer = album.call("GET", "/albums/O'Brien%2010k%20%26%20%C3%BCmlaut/bibs/42")
        assert names_of(answer) == [ALONE.name]
        assert answer.get_json()["photos"][0]["bib"]["ocr_score"] == 0.875

    def test_renditions_are_linked(self, album: Api) -> None:
        [found] = album.search(ALBUM, bib="42").get_json()["photos"]
        preview = found["renditions"]["preview"]
        assert f"/{ALONE.photo_id}/17.{VERSION}.preview.jpg?" in preview["url"]
        expires_in_s = (datetime.fromisoformat(preview["expires_at"]) - datetime.now().astimezone()).total_seconds()
        assert 600 < expires_in_s <= 900

    def test_photos_outside_the_photo_bucket_have_no_link(self, album: Api) -> None:
        add(album.cloud.index, photo(f"{ALBUM}/0a1b", bucket="rekognition"), [], [bib("99")])
        [found] = album.search(ALBUM, bib="99").get_json()["photos"]
        assert found["renditions"] == {"preview": None, "thumbnail": None}

    def test_a_large_file(self, album: Api) -> None:
        assert len(names_of(album.search(ALBUM, selfie_of_astronaut() + b"\xaa" * 10_000_000))) == 1


class TestUnusablePictures:
    @pytest.mark.parametrize(
        ("content", "code", "hint"),
        [
            (jpeg(np.full((200, 200, 3), 127, np.uint8)), "no_face", "good light"),
            (jpeg(group()), "several_faces", "Cut the picture"),
            (jpeg(np.asarray(cv2.GaussianBlur(astronaut(), (0, 0), 7), np.uint8)), "unclear_face", "hold still"),
            (b"certainly not a picture", "not_a_picture", ""),
            (b"", "empty_file", ""),
            (jpeg(astronaut())[:12_000], "cut_off", ""),
            (b"8BPS" + b"\0" * 50, "unsupported_format", "Export it as JPEG"),
            (png_of_zeros(10_000, 7_000), "too_many_pixels", ""),
        ],
        ids=["no face", "several", "blurred", "text", "empty", "cut off", "photoshop", "70 megapixels"],
    )
    def test_codes_and_hints(self, album: Api, content: bytes, code: str, hint: str) -> None:
        answer = album.search(ALBUM, selfie_of_astronaut(), content)
        assert error_of(answer) == (422, code)
        message = answer.get_json()["error"]["message"]
        assert message.startswith("Picture 2: ")
        assert hint in message

    def test_a_tiny_face(self, album: Api) -> None:
        tiny = np.full((480, 640, 3), 200, np.uint8)
        tiny[200:224, 300:324] = cv2.resize(astronaut()[60:250, 130:320], (24, 24), interpolation=cv2.INTER_AREA)
        answer = album.search(ALBUM, jpeg(tiny))
        assert error_of(answer) == (422, "small_face")
        assert "come closer" in answer.get_json()["error"]["message"]

    def test_too_many_and_too_large_pictures(self, album: Api) -> None:
        assert album.search(ALBUM, *[selfie_of_astronaut()] * 5).status_code == 200
        assert error_of(album.search(ALBUM, *[b"x"] * 6)) == (400, "too_many_pictures")
        assert error_of(album.search(ALBUM, *[b"x"] * 60)) == (413, "too_large")
        assert error_of(album.search(ALBUM, b"\xff\xd8\xff" + b"\0" * 2**24)) == (413, "too_large")


class TestInvalidRequests:
    @pytest.mark.parametrize(
        ("criteria", "status", "named"),
        [
            ({}, 422, "at least one of"),
            ({"bib": 42}, 400, "bib"),
            ({"bib": ""}, 400, "bib"),
            ({"limit": 0, "bib": "1"}, 400, "limit"),
            ({"limit": 201, "bib": "1"}, 400, "limit"),
            ({"limit": "5", "bib": "1"}, 400, "limit"),
            ({"min_similarity": 1.5, "bib": "1"}, 400, "min_similarity"),
            ({"taken_from": "yesterday"}, 400, "taken_from"),
            ({"taken_from": "2026-05-01T10:00:00Z"}, 400, "taken_from"),
            ({"taken_from": "2026-02-30T10:00:00"}, 422, "day"),
            ({"taken_from": "2026-05-01T10:00:00", "taken_to": "2026-05-01T09:00:00"}, 422, "ends before"),
            ({"weights": {"face": -1}, "bib": "1"}, 400, "weights.face"),
            ({"weights": {"luck": 1}, "bib": "1"}, 400, "weights.luck"),
            ({"number": "1"}, 400, "number"),
            ({"text": "\0"}, 400, "text"),
            ({"text": "…"}, 422, "no letter"),
            ({"cursor": "not a cursor"}, 400, "cursor"),
            ({"cursor": "bm90LW91cnM", "bib": "1"}, 422, "cursor"),
            ({"person_id": "1"}, 400, "person_id"),
            ({"embeddings": {"space": "sface", "vectors": []}}, 400, "embeddings.vectors"),
            ({"embeddings": {"space": "sface", "vectors": ["AAA"]}}, 422, "embeddings.vectors.0"),
            ({"embeddings": {"space": "sface", "vectors": ["AAAAAA=="]}}, 422, "embeddings.vectors.0"),
            ({"embeddings": {"space": "sface", "vectors": [[0, 0]]}}, 422, "embeddings.vectors.0"),
            ({"embeddings": {"space": "another", "vectors": [[1, 0]]}}, 422, "space"),
            # The centroid of a person and made-up vectors would tell the person's template.
            (
                {
                    "embeddings": {"space": "sface", "vectors": [[1, 0]]},
                    "person_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
                },
                422,
                "or with a person",
            ),
        ],
    )
    def test_the_message_names_what_is_wrong(
        self, album: Api, criteria: dict[str, Any], status: int, named: str
    ) -> None:
        answer = album.search(ALBUM, **criteria)
        assert error_of(answer)[0] == status, answer.get_json()
        assert named in answer.get_json()["error"]["message"]

    @pytest.mark.parametrize("kernel", ["similarity.cosine_top_k", "scoring.hybrid_scores"])
    def test_a_bug_is_not_an_invalid_query(self, album: Api, kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise ValueError("operands could not be broadcast together")

        monkeypatch.setattr(f"photofinish.application.search.{kernel}", broken)
        with captured_log() as written:
            answer = album.search(ALBUM, selfie_of_astronaut())
        assert error_of(answer) == (500, "internal")
        assert "broadcast" not in answer.text
        [entry] = [json.loads(line) for line in written.getvalue().splitlines()]
        assert (entry["severity"], entry["request_id"]) == ("ERROR", answer.headers["X-Request-Id"])
        assert "broadcast" in entry["exception"]

    def test_values_of_the_request_are_not_repeated(self, album: Api) -> None:
        for criteria in ({"bib": "private!"}, {"name": "private\0"}, {"taken_from": "private"}, {"limit": "private"}):
            assert "private" not in album.search(ALBUM, **criteria).text

    @pytest.mark.parametrize(
        ("body", "content_type", "expected"),
        [
            (b'{"bib": "1"', "application/json", (400, "bad_request")),
            (b'["bib"]', "application/json", (400, "bad_request")),
            (b'"{}"', "application/json", (400, "bad_request")),
            (b"\xff", "application/json", (400, "bad_request")),
            (b'{"min_similarity": NaN, "bib": "1"}', "application/json", (400, "bad_request")),
            (b"[" * 100_000, "application/json", (400, "bad_request")),
            (b"", "application/json", (400, "bad_request")),
            (b" " * (2**20 + 1), "application/json", (413, "too_large")),
            (b"bib=1", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
            (b"bib: 1", "text/yaml", (415, "unsupported_media_type")),
            (b"", "", (415, "unsupported_media_type")),
            (b"--x\r\n", "multipart/form-data", (400, "bad_request")),
            (b"nothing of that kind", "multipart/form-data; boundary=x", (400, "bad_request")),
            (
                b'--x\r\nContent-Disposition: form-data; name="selfie"; filename="a"\r\n\r\ncut o',
                "multipart/form-data; boundary=x",
                (400, "bad_request"),
            ),
        ],
    )
    def test_bodies(self, album: Api, body: bytes, content_type: str, expected: tuple[int, str]) -> None:
        answer = album.call("POST", "/albums/race/search", data=body, content_type=content_type)
        assert error_of(answer) == expected

    def test_forms(self, album: Api) -> None:
        def post(**form: Any) -> tuple[int, str]:
            path = f"/albums/{ALBUM}/search".replace("&", "%26")
            return error_of(album.call("POST", path, data=form, content_type="multipart/form-data"))

        selfie = selfie_of_astronaut()
        assert post(bib="42", selfie="text") == (400, "bad_request")
        assert post(selfie=files(selfie), limit="many") == (400, "bad_request")
        assert post(selfie=files(selfie), limit="nan") == (400, "bad_request")
        assert post(selfie=files(selfie), luck="1") == (400, "bad_request")
        assert post(selfie=files(selfie), query="[]") == (400, "bad_request")
        assert post(selfie=files(selfie), bib=["1", "2"]) == (400, "bad_request")
        assert post(selfie=files(selfie), other=(io.BytesIO(b"x"), "x")) == (400, "bad_request")
        assert post(selfie=files(selfie), query="{" + " " * 3_000_000 + "}") == (413, "too_large")
