"""Enrolment by an uploaded picture: real models, a real Postgres, and a bucket in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.adapters.postgres.people.enrolments import PgEnrolments
from photofinish.adapters.postgres.suppression import PgSuppressionList
from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.application.people.enrolment import enrol, object_name, sweep
from photofinish.application.pictures import MAX_PICTURE_BYTES, Pictures
from photofinish.domain.people import Person, UploadStatus, WeightedEmbedding
from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.errors import PhotoGone, RejectedInput, Unavailable
from support.api import jpeg, selfie_of_astronaut
from support.erasing import erase_rows
from support.examples import examples
from support.faces import embedding
from support.people import BY, TestAlbum
from support.pictures import astronaut, group

ALBUM = "race"
NOW = datetime.now(UTC)
SPACE = "test-space-1"


@dataclass
class MemoryBucket:
    """Objects by name; the second upload of a name is another generation."""

    objects: dict[PhotoRef, bytes] = field(default_factory=dict)
    is_away: bool = False

    def put(self, name: str, content: bytes) -> StoredPhoto:
        ref = PhotoRef(bucket="enrolments", name=name, generation=len(self.objects) + 1)
        self.objects[ref] = content
        return StoredPhoto(ref=ref, size_bytes=len(content), content_type="", uploaded_at=NOW)

    def read(self, picture: PhotoRef, *, max_bytes: int) -> bytes:
        if self.is_away:
            raise Unavailable("away")
        if picture not in self.objects:
            raise PhotoGone("picture_gone", "gone")
        if len(self.objects[picture]) > max_bytes:
            raise RejectedInput("file_too_large", "The file is too large.")
        return self.objects[picture]

    def delete(self, picture: PhotoRef) -> None:
        self.objects.pop(picture, None)

    def uploaded_before(self, moment: datetime) -> Iterator[StoredPhoto]:
        for ref, content in list(self.objects.items()):
            if moment > NOW:
                yield StoredPhoto(ref=ref, size_bytes=len(content), content_type="", uploaded_at=NOW)


@dataclass
class Enrolling:
    """A person being enrolled."""

    bucket: MemoryBucket
    enrolments: PgEnrolments
    pictures: Pictures
    person: Person
    names: list[str]
    suppression: PgSuppressionList

    def upload(self, number: int, content: bytes) -> StoredPhoto:
        return self.bucket.put(self.names[number], content)

    def process(self, picture: StoredPhoto) -> None:
        enrol(
            picture,
            store=self.bucket,
            enrolments=self.enrolments,
            pictures=self.pictures,
            suppression=self.suppression,
        )

    def statuses(self) -> list[tuple[str, str | None]]:
        uploads = self.enrolments.uploads(ALBUM, self.person.person_id)
        by_name = {object_name(ALBUM, upload.person_id, upload.upload_id): upload for upload in uploads}
        return [(by_name[name].status.value, by_name[name].code) for name in self.names]


@pytest.fixture
def enrolling(album: TestAlbum, encoder: FaceEncoder, decoders: DecoderPool) -> Enrolling:
    calibration = model_for("face_embedding").calibration
    assert calibration is not None
    person = album.people.create(ALBUM, name="Ann", by=BY)
    enrolments = PgEnrolments(album.database)
    uploads = enrolments.add_uploads(ALBUM, person.person_id, 4, expires_at=NOW + timedelta(hours=1))
    names = [object_name(ALBUM, person.person_id, upload.upload_id) for upload in uploads]
    pictures = Pictures(lambda: encoder, calibration, lambda: decoders)
    return Enrolling(MemoryBucket(), enrolments, pictures, person, names, PgSuppressionList(album.database))


class TestOnePicture:
    def test_a_good_picture_is_accepted_and_deleted(self, enrolling: Enrolling, album: TestAlbum) -> None:
        enrolling.process(enrolling.upload(0, selfie_of_astronaut()))
        assert enrolling.statuses()[0] == ("accepted", None)
        assert enrolling.bucket.objects == {}
        [centroid] = album.people.embeddings(ALBUM, enrolling.person.person_id)
        assert centroid.space == model_for("face_embedding").embedding_space

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"not a picture", "not_a_picture"),
            (b"", "empty_file"),
            (b"x" * (MAX_PICTURE_BYTES + 1), "file_too_large"),
            ("grey", "no_face"),
            ("group", "several_faces"),
            ("blurred", "unclear_face"),
        ],
    )
    def test_an_unusable_picture_is_refused_with_a_reason_and_deleted(
        self, enrolling: Enrolling, content: bytes | str, code: str
    ) -> None:
        pictures = {"grey": np.full((400, 400, 3), 128, np.uint8), "group": group(), "blurred": blurred()}
        enrolling.process(enrolling.upload(0, jpeg(pictures[content]) if isinstance(content, str) else content))
        assert enrolling.statuses()[0] == ("refused", code)
        assert enrolling.bucket.objects == {}
        [upload] = [u for u in enrolling.enrolments.uploads(ALBUM, enrolling.person.person_id) if u.code]
        assert upload.message is not None
        assert upload.message.endswith(".")

    def test_twice_equals_once(self, enrolling: Enrolling, album: TestAlbum) -> None:
        picture = enrolling.upload(0, selfie_of_astronaut())
        enrolling.process(picture)
        before = album.dump()
        enrolling.process(picture)
        enrolling.bucket.objects[picture.ref] = b"uploaded once more to the same address"
        enrolling.process(picture)
        assert album.dump() == before
        assert enrolling.bucket.objects == {}

    def test_a_picture_that_is_not_awaited_is_deleted_unseen(self, enrolling: Enrolling, album: TestAlbum) -> None:
        before = album.dump()
        for name in (
            "race/x/y",
            "race",
            "other/" + enrolling.names[0],
            enrolling.names[0].replace("race", "other"),
            "",
        ):
            enrolling.process(enrolling.bucket.put(name, selfie_of_astronaut()))
        assert album.dump() == before
        assert enrolling.bucket.objects == {}

    def test_a_picture_of_a_person_deleted_meanwhile_leaves_nothing(
        self, enrolling: Enrolling, album: TestAlbum
    ) -> None:
        picture = enrolling.upload(0, selfie_of_astronaut())
        erase_rows(album.database, ALBUM, person=enrolling.person.person_id)
        enrolling.process(picture)
        assert enrolling.bucket.objects == {}
        assert album.sql("SELECT count(*) FROM person_embedding") == [(0,)]

    def test_who_opted_out_is_not_enrolled(self, enrolling: Enrolling, album: TestAlbum) -> None:
        template = enrolling.pictures.person(jpeg(astronaut())).embedding
        entry = enrolling.suppression.add(ALBUM, [template], min_similarity=0.4, by=BY)
        enrolling.process(enrolling.upload(0, selfie_of_astronaut()))
        assert enrolling.statuses()[0] == ("refused", "opted_out")
        assert enrolling.bucket.objects == {}
        assert album.sql("SELECT count(*) FROM person_embedding") == [(0,)]
        assert enrolling.suppression.remove(ALBUM, entry.opt_out_id)
        enrolling.process(enrolling.upload(1, selfie_of_astronaut()))
        assert enrolling.statuses()[1] == ("accepted", None)

    def test_an_unavailable_bucket_decides_nothing(self, enrolling: Enrolling) -> None:
        picture = enrolling.upload(0, selfie_of_astronaut())
        enrolling.bucket.is_away = True
        with pytest.raises(Unavailable):
            enrolling.process(picture)
        assert enrolling.statuses()[0] == ("waiting", None)
        enrolling.bucket.is_away = False
        enrolling.process(picture)
        assert enrolling.statuses()[0] == ("accepted", None)

    def test_the_sweep_processes_pictures_whose_event_was_lost(self, enrolling: Enrolling) -> None:
        enrolling.upload(0, selfie_of_astronaut())
        parts = {
            "store": enrolling.bucket,
            "enrolments": enrolling.enrolments,
            "pictures": enrolling.pictures,
            "suppression": enrolling.suppression,
        }
        assert sweep(uploaded_before=NOW - timedelta(hours=1), **parts) == 0  # type: ignore[arg-type]
        assert sweep(uploaded_before=NOW + timedelta(hours=2), **parts) == 1  # type: ignore[arg-type]
        assert enrolling.statuses() == [("accepted", None), *[("refused", "not_uploaded")] * 3]
        assert enrolling.bucket.objects == {}


class TestDeleting:
    def test_embeddings_are_deleted_with_their_person(self, enrolling: Enrolling, album: TestAlbum) -> None:
        enrolling.process(enrolling.upload(0, selfie_of_astronaut()))
        [(stored,)] = album.sql("SELECT embedding::text FROM person_embedding")
        assert stored in album.dump()
        erase_rows(album.database, ALBUM, person=enrolling.person.person_id)
        assert stored not in album.dump()
        assert enrolling.person.person_id not in str(album.sql("SELECT * FROM enrolment"))

    def test_a_single_picture_can_be_forgotten(self, enrolling: Enrolling, album: TestAlbum) -> None:
        enrolling.process(enrolling.upload(0, selfie_of_astronaut()))
        upload_id = enrolling.names[0].rsplit("/", 1)[1]
        person_id = enrolling.person.person_id
        assert enrolling.enrolments.remove(ALBUM, person_id, upload_id, min_similarity=0.5)
        assert not enrolling.enrolments.remove(ALBUM, person_id, upload_id, min_similarity=0.5)
        assert album.people.embeddings(ALBUM, person_id) == []
        assert album.sql("SELECT count(*) FROM person_embedding") == [(0,)]


@settings(max_examples=examples(15))
@given(order=st.permutations(range(5)))
def test_which_pictures_are_accepted_does_not_depend_on_their_order(album: TestAlbum, order: list[int]) -> None:
    """Three pictures of Ann, and one each of two others."""
    vectors = np.random.default_rng(5).normal(size=(5, 32)) * 0.1
    vectors[:3] += np.eye(32)[0]
    vectors[3] += np.eye(32)[1]
    vectors[4] += np.eye(32)[2]
    enrolments = PgEnrolments(album.database)
    person = album.people.create(ALBUM, by=BY)
    uploads = enrolments.add_uploads(ALBUM, person.person_id, 5, expires_at=NOW + timedelta(hours=1))
    for number in order:
        face = WeightedEmbedding(embedding(vectors[number], SPACE), 0.9)
        assert enrolments.accept(ALBUM, uploads[number].upload_id, face, min_similarity=0.5)
        assert not enrolments.accept(ALBUM, uploads[number].upload_id, face, min_similarity=0.5), "twice equals once"
    uploaded = {upload.upload_id: upload for upload in enrolments.uploads(ALBUM, person.person_id)}
    assert [uploaded[upload.upload_id].status for upload in uploads] == [UploadStatus.ACCEPTED] * 3 + [
        UploadStatus.REFUSED
    ] * 2
    assert {uploaded[upload.upload_id].code for upload in uploads[3:]} == {"another_person"}
    kept = "SELECT count(*) FROM person_embedding JOIN enrolment USING (upload_id) WHERE person_id = %s"
    assert album.sql(kept, person.person_id) == [(3,)], (
        "no embedding of a refused picture is kept once all were uploaded"
    )


def blurred() -> NDArray[np.uint8]:
    """A face too blurred to be recognised."""
    return np.asarray(cv2.GaussianBlur(astronaut(), (0, 0), 7), np.uint8)
