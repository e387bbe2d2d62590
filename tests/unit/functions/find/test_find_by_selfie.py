"""The function `find_by_selfie` through a real Flask application, with the real models."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import pytest
from flask import Request, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from photofinish.adapters.memory_index import MemoryFaceIndex
from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.errors import RejectedInput
from photofinish.models.catalogue import model_for
from photofinish.models.face_encoder import FaceEncoder
from photofinish.models.settings import ModelSettings
from photofinish.ports import FaceIndex
from photofinish_functions.find_by_selfie import (
    MAX_BODY_BYTES,
    MAX_SELFIE_BYTES,
    best_per_photo,
    find_by_selfie,
    person_in,
)
from support.faces import embedding, face, photo
from support.index import add, postgres_index
from support.models import model_settings
from support.pictures import astronaut, group
from support.search_api import API_KEYS, AUTHORIZED, METHODS, client_of, error_of, jpeg, post_selfies

__all__ = ["model_settings"]

ALONE, TOGETHER = photo("race/astronaut.jpg", 17), photo("race/group.jpg")
MIN_SIMILARITY = model_for("face_embedding").min_similarity
assert MIN_SIMILARITY is not None


@pytest.fixture(scope="module")
def encoder(model_settings: ModelSettings) -> FaceEncoder:
    return FaceEncoder.load(model_settings)


@pytest.fixture(scope="module")
def group_faces(encoder: FaceEncoder) -> tuple[Face, ...]:
    [faces] = encoder.encode([group()])
    return faces


@pytest.fixture(scope="module")
def index(encoder: FaceEncoder, group_faces: tuple[Face, ...]) -> FaceIndex:
    index = MemoryFaceIndex()
    add(index, ALONE, encoder.encode([astronaut()])[0])
    add(index, TOGETHER, group_faces)
    return index


@pytest.fixture(scope="module")
def client(index: FaceIndex, encoder: FaceEncoder) -> FlaskClient:
    return client_with(index, encoder)


def client_with(index: FaceIndex, encoder: FaceEncoder) -> FlaskClient:
    assert MIN_SIMILARITY is not None
    least = MIN_SIMILARITY
    return client_of(
        lambda request: find_by_selfie(request, index=index, encoder=encoder, api_keys=API_KEYS, min_similarity=least)
    )


def selfie_of_astronaut() -> bytes:
    """Another picture than the indexed one: mirrored, cropped, smaller, brighter."""
    portrait = cv2.flip(astronaut()[0:300, 80:380], 1)
    smaller = cv2.resize(portrait, (240, 240), interpolation=cv2.INTER_AREA)
    return jpeg(cv2.convertScaleAbs(smaller, alpha=1.1, beta=10))


def selfie_of_group_member(person: Face) -> bytes:
    """A square around one face of the group picture."""
    picture = group()
    height, width = picture.shape[:2]
    x, y, w, h = (round(value) for value in person.box.to_pixels(width, height))
    side = round(max(w, h) * 1.3)
    left, top = max(x + w // 2 - side // 2, 0), max(y + h // 2 - side // 2, 0)
    return jpeg(picture[top : top + side, left : left + side])


def png_of_zeros(width: int, height: int) -> bytes:
    return cv2.imencode(".png", np.zeros((height, width), np.uint8))[1].tobytes()


class TestFinds:
    def test_the_person_of_the_selfie(self, client: FlaskClient, index: FaceIndex) -> None:
        answer = post_selfies(client, selfie_of_astronaut(), query={"album": "race"})
        assert answer.status_code == 200
        body = answer.get_json()
        assert body["album"] == "race"
        [match] = body["matches"]
        assert match["photo"] == {
            "bucket": "photos",
            "name": "race/astronaut.jpg",
            "generation": 17,
            "photo_id": ALONE.photo_id,
        }
        assert MIN_SIMILARITY is not None
        assert MIN_SIMILARITY <= match["similarity"] <= 1
        x, y, w, h = match["box"]  # the astronaut's face lies above the middle of the picture
        assert 0.3 < x < x + w < 0.6
        assert 0 < y < y + h < 0.5
        assert len(match["face_id"]) == 36

    def test_the_right_one_of_a_group(self, client: FlaskClient, group_faces: tuple[Face, ...]) -> None:
        person = group_faces[2]
        body = post_selfies(client, selfie_of_group_member(person), album="race").get_json()
        [match] = body["matches"]
        assert match["photo"]["name"] == TOGETHER.name
        assert match["box"] == pytest.approx([person.box.x, person.box.y, person.box.w, person.box.h], abs=1e-5)

    def test_anybody_of_several_selfies_best_first(self, client: FlaskClient, group_faces: tuple[Face, ...]) -> None:
        selfies = [selfie_of_astronaut(), selfie_of_group_member(group_faces[2])]
        matches = post_selfies(client, *selfies, query={"album": "race", "limit": "5"}).get_json()["matches"]
        assert {match["photo"]["name"] for match in matches} == {ALONE.name, TOGETHER.name}
        assert matches[0]["similarity"] >= matches[1]["similarity"]
        one = post_selfies(client, *selfies, query={"album": "race", "limit": "1"}).get_json()["matches"]
        assert one == matches[:1]

    def test_nobody(self, encoder: FaceEncoder, group_faces: tuple[Face, ...]) -> None:
        index = MemoryFaceIndex()
        add(index, TOGETHER, group_faces)
        answer = post_selfies(client_with(index, encoder), selfie_of_astronaut(), album="race")
        assert (answer.status_code, answer.get_json()) == (200, {"album": "race", "matches": []})

    def test_large_files_that_are_not_held_on_disk(self, client: FlaskClient) -> None:
        """Ten megabytes of content that no boundary or newline divides."""
        padded = selfie_of_astronaut() + b"\xaa" * 10_000_000
        assert len(post_selfies(client, padded, album="race").get_json()["matches"]) == 1


class TestOnePhotoOnce:
    def test_with_its_best_face_and_as_many_photos_as_were_asked_for(self) -> None:
        """Photos in which ten faces pass for the person leave room for others all the same."""
        index = MemoryFaceIndex()
        for number in range(4):
            crowd = [face(embedding([1, 0.01 * number, 0.1 * position])) for position in range(10)]
            add(index, photo(f"race/{number}.jpg"), crowd)
        found = best_per_photo(index, "race", [embedding([1, 0, 0])], limit=3, min_similarity=0.5)
        assert [match.face.photo.name for match in found] == ["race/0.jpg", "race/1.jpg", "race/2.jpg"]
        assert found[0].similarity == pytest.approx(1.0)
        everything = best_per_photo(index, "race", [embedding([1, 0, 0])], limit=99, min_similarity=0.5)
        assert len(everything) == 4
        assert everything[:3] == found


class TestWhoseFace:
    @staticmethod
    def of(side: float, quality: float = 0.75) -> Face:
        return replace(face(None), box=Box(0.1, 0.1, side, side), quality=quality)

    @staticmethod
    def refusal(*faces: Face) -> str:
        with pytest.raises(RejectedInput) as raised:
            person_in(faces)
        return raised.value.code

    def test_the_only_one_or_one_twice_as_large_in_both_directions(self) -> None:
        large, half, small = self.of(0.4), self.of(0.2), self.of(0.05)
        assert person_in([small]) is small
        assert person_in([small, large, half, small]) is large

    def test_no_one_stands_out(self) -> None:
        assert self.refusal() == "no_face"
        assert self.refusal(self.of(0.4), self.of(0.21)) == "several_faces"
        assert self.refusal(self.of(0.3), self.of(0.3)) == "several_faces"

    def test_not_clear_enough(self) -> None:
        assert self.refusal(self.of(0.4, quality=0.1)) == "unclear_face"
        assert self.refusal(self.of(0.4, quality=0.1), self.of(0.1)) == "unclear_face"


class TestPicturesThatDoNotHelp:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (jpeg(np.full((200, 200, 3), 127, np.uint8)), (422, "no_face")),
            (jpeg(group()), (422, "several_faces")),
            (jpeg(cv2.GaussianBlur(astronaut(), (0, 0), 7)), (422, "unclear_face")),
            (b"certainly not a picture", (422, "not_a_picture")),
            (b"", (422, "empty_file")),
            (jpeg(astronaut())[:-2000], (422, "cut_off")),
            (b"GIF89a" + b"\0" * 50, (422, "unsupported_format")),
            (png_of_zeros(10_000, 7_000), (422, "too_many_pixels")),
            (b"\xff\xd8\xff" + b"\0" * MAX_SELFIE_BYTES, (413, "too_large")),
        ],
        ids=["no face", "several", "blurred", "text", "empty", "cut off", "gif", "70 megapixels", "over 16 MiB"],
    )
    def test_codes(self, client: FlaskClient, content: bytes, expected: tuple[int, str]) -> None:
        assert error_of(post_selfies(client, content, album="race")) == expected

    def test_the_message_tells_which_picture(self, client: FlaskClient) -> None:
        answer = post_selfies(client, selfie_of_astronaut(), b"text", album="race")
        assert answer.get_json()["error"]["message"].startswith("Picture 2: ")


class TestRequestsThatDoNotHelp:
    def test_how_many(self, client: FlaskClient) -> None:
        assert error_of(post_selfies(client, album="race")) == (400, "bad_request")
        five = post_selfies(client, *[selfie_of_astronaut()] * 5, album="race")
        assert five.status_code == 200
        assert error_of(post_selfies(client, *[b"x"] * 6, album="race")) == (400, "too_many_selfies")
        assert error_of(post_selfies(client, *[b"x"] * 60, album="race")) == (413, "too_large")

    @pytest.mark.parametrize(
        ("query", "form", "expected"),
        [
            ({"album": "nowhere"}, {}, (404, "unknown_album")),
            ({"album": "'; DROP TABLE face; --"}, {}, (404, "unknown_album")),
            ({"album": "a/b"}, {}, (400, "bad_request")),
            ({}, {"album": "a\0b"}, (400, "bad_request")),
            ({}, {}, (400, "bad_request")),
            ({"album": "race"}, {"album": "race"}, (400, "bad_request")),
            ({"album": "race"}, {"limit": "-1"}, (400, "bad_request")),
            ({"album": "race"}, {"limit": "1; DROP TABLE face"}, (400, "bad_request")),
            ({"album": "race"}, {"note": "x" * 300_000}, (413, "too_large")),
        ],
    )
    def test_parameters(
        self, client: FlaskClient, query: dict[str, str], form: dict[str, str], expected: tuple[int, str]
    ) -> None:
        assert error_of(post_selfies(client, selfie_of_astronaut(), query=query, **form)) == expected

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b'{"album": "race"}', "application/json"),
            (b"album=race&selfie=x", "application/x-www-form-urlencoded"),
            (b"", ""),
            (b"--x\r\n", "multipart/form-data"),
            (b"nothing of that kind", "multipart/form-data; boundary=x"),
            (
                b'--x\r\nContent-Disposition: form-data; name="selfie"; filename="a"\r\n\r\ncut o',
                "multipart/form-data; boundary=x",
            ),
        ],
        ids=["json", "urlencoded", "nothing", "no boundary", "no parts", "cut off"],
    )
    def test_bodies(self, client: FlaskClient, body: bytes, content_type: str) -> None:
        answer = client.post("/?album=race", data=body, content_type=content_type, headers=AUTHORIZED)
        assert error_of(answer) == (400, "bad_request")

    def test_a_body_over_32_mib_is_refused_before_it_is_read(self, client: FlaskClient) -> None:
        answer, bytes_read = post_stream(client, b"", {"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)}, AUTHORIZED)
        assert error_of(answer) == (413, "too_large")
        assert bytes_read == 0

    def test_a_body_of_unknown_length_is_read_no_further_than_32_mib(self, client: FlaskClient) -> None:
        start = b'--x\r\nContent-Disposition: form-data; name="selfie"; filename="a"\r\n\r\n'
        answer, bytes_read = post_stream(client, start, {"wsgi.input_terminated": True}, AUTHORIZED)
        assert error_of(answer) == (413, "too_large")
        assert bytes_read <= MAX_BODY_BYTES + 2**20

    def test_without_a_key_the_body_is_not_read(self, client: FlaskClient) -> None:
        answer, bytes_read = post_stream(client, b"", {"CONTENT_LENGTH": "1000"}, {})
        assert error_of(answer) == (401, "unauthorized")
        assert bytes_read == 0

    @pytest.mark.parametrize("method", [method for method in METHODS if method != "POST"])
    def test_only_post(self, client: FlaskClient, method: str) -> None:
        answer = client.open("/", method=method, headers=AUTHORIZED)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_database_out_of_reach(encoder: FaceEncoder) -> None:
    nowhere = "postgresql://me:hunter2@127.0.0.1:1/photofinish"
    with postgres_index(nowhere, connection_timeout_s=0.2) as index:
        answer = post_selfies(client_with(index, encoder), selfie_of_astronaut(), album="race")
    assert error_of(answer) == (503, "unavailable")
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize("padding", [0, 3_000_000])
def test_a_selfie_is_neither_written_nor_logged(
    index: FaceIndex, encoder: FaceEncoder, caplog: pytest.LogCaptureFixture, padding: int
) -> None:
    opened: list[str] = []

    def watched(request: Request) -> Response:
        with files_opened_for_writing(opened):
            return find_by_selfie(request, index=index, encoder=encoder, api_keys=API_KEYS, min_similarity=0.5)

    client = client_of(watched)
    selfies = [selfie_of_astronaut() + b"\0" * padding, jpeg(group()) + b"\0" * padding]
    with caplog.at_level(logging.DEBUG):
        answers = [post_selfies(client, *taken, album="race") for taken in (selfies[:1], selfies[1:], selfies)]
    assert [answer.status_code for answer in answers] == [200, 422, 422]
    assert opened == []
    assert [record.getMessage() for record in caplog.records] == []


def test_the_watch_for_written_files_sees_them(tmp_path: os.PathLike[str]) -> None:
    opened: list[str] = []
    with files_opened_for_writing(opened):
        with open(os.path.join(tmp_path, "a"), "wb"):
            pass
        os.close(os.open(tmp_path, os.O_RDWR | os.O_TMPFILE))
    assert len(opened) == 2


_watching: list[list[str]] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watching:
        path, mode, flags = arguments
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
            _watching[-1].append(f"{path!r} {mode!r}")


@contextmanager
def files_opened_for_writing(opened: list[str]) -> Iterator[None]:
    """Add every file that this process opens for writing inside the block, temporary ones without a name too."""
    if not hasattr(sys, "_photofinish_watch"):  # such a hook stays for the life of the process
        sys.addaudithook(_watch)
        sys._photofinish_watch = True  # type: ignore[attr-defined]
    _watching.append(opened)
    try:
        yield
    finally:
        _watching.pop()


def post_stream(
    client: FlaskClient, start: bytes, environ: dict[str, object], headers: dict[str, str]
) -> tuple[TestResponse, int]:
    """Post an endless body that begins with `start`; the answer, and how many bytes were taken for it."""
    body = _CountingStream(start)
    answer = client.post(
        "/?album=race",
        content_type="multipart/form-data; boundary=x",
        headers=headers,
        environ_overrides={"wsgi.input": body} | environ,
    )
    return answer, body.bytes_read


class _CountingStream(io.RawIOBase):
    """`start` and then zeros without end; counts what is taken from it."""

    def __init__(self, start: bytes) -> None:
        self._start = io.BytesIO(start)
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._start.read(len(buffer)) or bytes(len(buffer))
        buffer[: len(content)] = content
        self.bytes_read += len(content)
        return len(content)
