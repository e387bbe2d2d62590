"""Consent and opt-outs over HTTP: the real API with a real Postgres and the real models."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.access import Scope
from photofinish.domain.album_policy import AlbumPolicy, Indexing
from photofinish.domain.face import face_id
from photofinish.domain.people import WeightedEmbedding
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from photofinish.domain.sidecar import preview_name, unlinked_name
from photofinish_functions.api.routes.opt_outs import OPT_OUTS_OF_VISITORS
from support.api import Api, error_of, files, jpeg, names_of, selfie_of_astronaut, selfie_of_group_member
from support.faces import embedding, photo
from support.index import VERSION, add
from support.people import TestAlbum
from support.pictures import astronaut, group

ALBUM, PURPOSE = "race", "race photos"
GIVEN = {"action": "given", "method": "web form", "text_version": "2026-03"}
WITHDRAWN = {"action": "withdrawn", "method": "e-mail"}
PHOTOS = ("race/1.jpg", "race/2.jpg")


@pytest.fixture
def race(api: Api, encoder: FaceEncoder) -> Api:
    """An album with the astronaut on two photos, on one of them beside another person."""
    [[ada], [bea, *_]] = encoder.encode([astronaut(), group()])
    add(api.cloud.index, photo(PHOTOS[0]), [ada])
    add(api.cloud.index, photo(PHOTOS[1]), [bea, ada])
    api.cloud.album_policies.set_policy(ALBUM, AlbumPolicy(purpose=PURPOSE))
    return api


def opt_out(race: Api, *pictures: bytes, path: str = f"/albums/{ALBUM}/opt-outs", **more: Any) -> Any:
    return race.call("POST", path, data={"picture": files(*pictures)}, **more)


def enrolled_astronaut(race: Api, encoder: FaceEncoder) -> str:
    person = race.cloud.people.create(ALBUM, name="Ada", by="test").person_id
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    [upload] = race.cloud.enrolments.add_uploads(ALBUM, person, 1, expires_at=expires_at)
    face = WeightedEmbedding(encoder.encode_portrait(astronaut())[0].embedding, 0.9)
    assert race.cloud.enrolments.accept(ALBUM, upload.upload_id, face, min_similarity=0.5)
    return person


def consent(race: Api, person: str, statement: dict[str, Any], status: int = 201) -> Any:
    answer = race.call("POST", f"/albums/{ALBUM}/people/{person}/consents", json=statement)
    assert answer.status_code == status, answer.text
    return answer.get_json()


class TestOptOuts:
    def test_a_person_opts_out_by_a_picture_and_is_not_found_any_more(self, race: Api) -> None:
        assert set(names_of(race.search(ALBUM, selfie_of_astronaut()))) == set(PHOTOS)
        answer = opt_out(race, selfie_of_astronaut())
        assert answer.status_code == 201, answer.text
        made = answer.get_json()
        assert (made["erased_faces"], made["liveness"]) == (2, "not_checked")
        assert made["opt_out"]["applied_at"] is not None
        assert names_of(race.search(ALBUM, selfie_of_astronaut())) == []
        bea = face_id(photo(PHOTOS[1]), VERSION, 0)
        assert set(race.cloud.index.embeddings(ALBUM, [face_id(photo(PHOTOS[1]), VERSION, n) for n in (0, 1)])) == {bea}
        [listed] = race.call("GET", f"/albums/{ALBUM}/opt-outs").get_json()["opt_outs"]
        assert (listed["opt_out_id"], listed["source"]) == (made["opt_out"]["opt_out_id"], "selfie")
        assert listed["applied_at"] is not None

    def test_visitors_opt_out_themselves_where_the_policy_offers_it(self, race: Api) -> None:
        key = race.key_for(Scope.SEARCH, frozenset({ALBUM}))
        path = f"/albums/{ALBUM}/find-me/opt-out"
        assert error_of(opt_out(race, selfie_of_astronaut(), path=path, key=key)) == (403, "opt_out_not_offered")
        assert set(names_of(race.search(ALBUM, selfie_of_astronaut()))) == set(PHOTOS)
        race.cloud.album_policies.set_policy(ALBUM, AlbumPolicy(purpose=PURPOSE, indexing=Indexing.OPT_OUT))
        assert race.call("GET", f"/albums/{ALBUM}", key=key).get_json()["privacy"]["indexing"] == "opt_out"
        answer = opt_out(race, selfie_of_astronaut(), path=path, key=key)
        assert (answer.status_code, answer.get_json()["erased_faces"]) == (201, 2)
        assert names_of(race.search(ALBUM, selfie_of_astronaut())) == []

    def test_a_visitor_cannot_opt_out_many_people(self, race: Api) -> None:
        race.cloud.album_policies.set_policy(ALBUM, AlbumPolicy(purpose=PURPOSE, indexing=Indexing.OPT_OUT))
        key, path = race.key_for(Scope.SEARCH, frozenset({ALBUM})), f"/albums/{ALBUM}/find-me/opt-out"
        for _ in range(OPT_OUTS_OF_VISITORS.burst):
            assert error_of(opt_out(race, b"no picture", path=path, key=key))[0] == 422
        assert error_of(opt_out(race, selfie_of_astronaut(), path=path, key=key)) == (429, "rate_limited")

    def test_they_are_removed_again_by_their_wish(self, race: Api, encoder: FaceEncoder) -> None:
        entry = opt_out(race, selfie_of_astronaut()).get_json()["opt_out"]["opt_out_id"]
        face = encoder.encode([astronaut()])[0][0].embedding
        assert race.cloud.admission.may_be_indexed(ALBUM, [face]) == [False]
        path = f"/albums/{ALBUM}/opt-outs/{entry}"
        assert error_of(race.call("DELETE", f"/opt-outs/{entry}")) == (404, "unknown_opt_out")
        assert race.call("DELETE", path).status_code == 204
        assert error_of(race.call("DELETE", path)) == (404, "unknown_opt_out")
        assert race.cloud.admission.may_be_indexed(ALBUM, [face]) == [True]

    def test_an_opt_out_of_all_albums_is_applied_by_the_next_sweep(self, race: Api, encoder: FaceEncoder) -> None:
        made = opt_out(race, selfie_of_astronaut(), path="/opt-outs").get_json()
        assert (made["opt_out"]["album"], made["opt_out"]["applied_at"], made["erased_faces"]) == (None, None, 0)
        face = encoder.encode([astronaut()])[0][0].embedding
        assert race.cloud.admission.may_be_indexed("any other album", [face]) == [False]
        assert race.cloud.opt_outs.sweep() == 2
        assert race.cloud.opt_outs.sweep() == 0
        assert names_of(race.search(ALBUM, selfie_of_astronaut())) == []
        [listed] = race.call("GET", "/opt-outs").get_json()["opt_outs"]
        assert listed["applied_at"] is not None
        assert race.call("GET", f"/albums/{ALBUM}/opt-outs").get_json()["opt_outs"] == []

    def test_pictures_of_several_people_are_refused(self, race: Api, encoder: FaceEncoder) -> None:
        other = selfie_of_group_member(encoder.encode([group()])[0][0])
        assert error_of(opt_out(race, selfie_of_astronaut(), other)) == (422, "different_people")
        assert error_of(opt_out(race, jpeg(group()))) == (422, "several_faces")
        assert race.call("GET", f"/albums/{ALBUM}/opt-outs").get_json()["opt_outs"] == []

    def test_a_liveness_check_refuses_pictures_of_pictures_and_answers_say_that_there_is_one(
        self, race: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class NothingIsLive:
            def is_live(self, picture: bytes) -> bool:
                return len(picture) == 0

        monkeypatch.setattr(type(race.cloud), "liveness", NothingIsLive())
        assert error_of(opt_out(race, selfie_of_astronaut())) == (422, "not_live")
        made = race.call("POST", f"/albums/{ALBUM}/people", json={"name": "Ada"}).get_json()
        assert made["liveness"] == "checked"

    def test_who_may_opt_people_out(self, race: Api) -> None:
        for scope, in_album, everywhere in ((Scope.SEARCH, 403, 403), (Scope.WRITE, 201, 403), (Scope.ADMIN, 201, 201)):
            key = race.key_for(scope)
            assert opt_out(race, selfie_of_astronaut(), key=key).status_code == in_album
            assert opt_out(race, selfie_of_astronaut(), path="/opt-outs", key=key).status_code == everywhere
        of_one_album = race.key_for(Scope.ADMIN, frozenset({ALBUM}))
        assert opt_out(race, selfie_of_astronaut(), path="/opt-outs", key=of_one_album).status_code == 403


class TestConsents:
    def test_a_withdrawal_erases_and_a_new_consent_lifts_it(self, race: Api, encoder: FaceEncoder) -> None:
        person = enrolled_astronaut(race, encoder)
        face = encoder.encode([astronaut()])[0][0].embedding
        first = consent(race, person, GIVEN)
        assert first["record"]["purpose"] == PURPOSE
        assert (first["analyse_again"], first["opt_out_id"]) == (False, None)
        done = consent(race, person, WITHDRAWN)
        assert done["erased_faces"] == 2
        assert names_of(race.search(ALBUM, selfie_of_astronaut())) == []
        assert race.cloud.admission.may_be_indexed(ALBUM, [face]) == [False]
        assert race.cloud.people.embeddings(ALBUM, person) == [], "the enrolment pictures are forgotten, too"
        shown = race.call("GET", f"/albums/{ALBUM}/people/{person}/consents").get_json()
        assert [one["action"] for one in shown["history"]] == ["given", "withdrawn"]
        assert shown["consents"] == {PURPOSE: "withdrawn"}
        consent(race, person, GIVEN)
        assert race.cloud.admission.may_be_indexed(ALBUM, [face]) == [True]

    def test_an_older_consent_that_is_recorded_late_lifts_nothing(self, race: Api, encoder: FaceEncoder) -> None:
        person = enrolled_astronaut(race, encoder)
        face = encoder.encode([astronaut()])[0][0].embedding
        consent(race, person, WITHDRAWN)
        consent(race, person, GIVEN | {"at": "2026-01-01T00:00:00Z"})
        assert race.cloud.admission.may_be_indexed(ALBUM, [face]) == [False]

    def test_a_withdrawal_is_finished_without_being_sent_again(
        self, race: Api, encoder: FaceEncoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person = enrolled_astronaut(race, encoder)
        statement = WITHDRAWN | {"at": "2026-05-01T00:00:00Z"}
        with monkeypatch.context() as patch:
            patch.setattr(race.cloud.opt_outs, "apply", lambda _: (_ for _ in ()).throw(RuntimeError("killed")))
            assert race.call("POST", f"/albums/{ALBUM}/people/{person}/consents", json=statement).status_code == 500
        assert race.cloud.opt_outs.sweep() == 2
        assert consent(race, person, statement)["erased_faces"] == 0, "sending it again changes nothing"
        assert len(race.call("GET", f"/albums/{ALBUM}/people/{person}/consents").get_json()["history"]) == 1
        assert len(race.cloud.suppression.of_person(ALBUM, person)) == 1

    def test_a_purpose_that_is_not_the_albums_erases_nothing(self, race: Api, encoder: FaceEncoder) -> None:
        person = enrolled_astronaut(race, encoder)
        assert consent(race, person, WITHDRAWN | {"purpose": "newsletter"})["erased_faces"] == 0
        assert set(names_of(race.search(ALBUM, selfie_of_astronaut()))) == set(PHOTOS)

    def test_consent_in_an_album_of_enrolled_people_says_to_analyse_again(
        self, race: Api, encoder: FaceEncoder
    ) -> None:
        policy = AlbumPolicy(purpose=PURPOSE, indexing=Indexing.ENROLLED_ONLY)
        race.cloud.album_policies.set_policy(ALBUM, policy)
        face = encoder.encode([astronaut()])[0][0].embedding
        stranger = embedding([1.0] + [0.0] * (face.vector.size - 1), face.space)
        person = enrolled_astronaut(race, encoder)
        assert race.cloud.admission.may_be_indexed(ALBUM, [face, stranger]) == [False, False]
        assert consent(race, person, GIVEN)["analyse_again"]
        assert race.cloud.admission.may_be_indexed(ALBUM, [face, stranger]) == [True, False]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"text_version": None}, "text_version"),
            ({"is_minor": True}, "guardian"),
            ({"guardian": "Anne"}, "guardian"),
            ({"at": "2026-05-01T00:00:00"}, "at"),
            ({"at": 1767225600}, "at"),
            ({"at": "2999-05-01T00:00:00Z"}, "at"),
            ({"purpose": "two\nlines"}, "purpose"),
            ({"action": "perhaps"}, "action"),
        ],
    )
    def test_an_incomplete_statement_is_refused_by_its_field(
        self, race: Api, change: dict[str, Any], field: str
    ) -> None:
        person = race.cloud.people.create(ALBUM, name="Ada", by="test").person_id
        answer = race.call("POST", f"/albums/{ALBUM}/people/{person}/consents", json=GIVEN | change)
        assert answer.status_code in (400, 422), answer.text
        assert field in answer.get_json()["error"]["message"]
        assert race.cloud.consents.records(ALBUM, person) == []

    def test_a_minor_is_flagged_with_who_consents_for_them(self, race: Api) -> None:
        person = race.cloud.people.create(ALBUM, name="Ada", by="test").person_id
        done = consent(race, person, GIVEN | {"is_minor": True, "guardian": "Anne Isabella Byron"})
        assert (done["record"]["is_minor"], done["record"]["guardian"]) == (True, "Anne Isabella Byron")

    def test_an_unknown_person_has_no_consent(self, race: Api) -> None:
        for method, body in (("GET", None), ("POST", GIVEN)):
            path = f"/albums/{ALBUM}/people/{uuid.uuid4()}/consents"
            assert error_of(race.call(method, path, json=body)) == (404, "unknown_person")


class TestSubjectAccess:
    def test_the_archive_has_the_person_and_nobody_else(self, race: Api, encoder: FaceEncoder) -> None:
        person = enrolled_astronaut(race, encoder)
        other = race.cloud.people.create(ALBUM, name="Charles Babbage", by="test").person_id
        consent(race, person, GIVEN)
        ref = photo(PHOTOS[1])
        bea, ada = (face_id(ref, VERSION, number) for number in (0, 1))
        race.cloud.people_changes.confirm(ALBUM, person, [ada], by="test")
        boxes = {bea: {"x": 0.6, "y": 0.1, "w": 0.2, "h": 0.3}, ada: {"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.3}}
        fields = {
            "faces": [{"face_id": id_, "box": box} for id_, box in boxes.items()],
            "face_areas": list(boxes.values()),
            "renditions": {"preview": preview_name(ref, VERSION)},
        }
        documents, now = race.cloud.documents, datetime.now(UTC)
        stored = StoredPhoto(ref=ref, size_bytes=1, content_type="image/jpeg", uploaded_at=now)
        documents.record_queued(stored, event_at=now, trace_id="t")
        documents.record_final(ref, PhotoStatus.DONE, fields)
        noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
        unlinked = unlinked_name(preview_name(ref, VERSION))
        assert unlinked is not None
        race.cloud.erasable_objects.replace_derived(unlinked, jpeg(noise), "image/jpeg")

        answer = race.call("GET", f"/albums/{ALBUM}/people/{person}/subject-access")
        assert (answer.status_code, answer.mimetype) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            name = f"photos/{ref.photo_id}.jpg"
            assert set(archive.namelist()) == {"subject.json", name}
            text = archive.read("subject.json").decode()
            shown = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
        subject = json.loads(text)
        assert (subject["person"]["name"], subject["person"]["person_id"]) == ("Ada", person)
        assert [one["statement"]["action"] for one in subject["consents"]] == ["given"]
        assert [(one["face_id"], one["photo"]) for one in subject["faces"]] == [(ada, PHOTOS[1])]
        assert subject["photos"] == [{"name": PHOTOS[1], "generation": 1, "preview": name}]
        assert [one["status"] for one in subject["enrolment_pictures"]] == ["accepted"]
        assert [one["action"] for one in subject["audit"]] == ["record_consent"]
        for secret in ("Babbage", other, bea, "vector"):
            assert secret not in text
        assert shown[20:60, 125:155].std() < 5, "the other face is covered"
        assert shown[20:60, 25:55].std() > 30, "their own is not"

    def test_only_an_admin_may_ask_and_only_for_a_person_of_the_album(self, race: Api, encoder: FaceEncoder) -> None:
        path = f"/albums/{ALBUM}/people/{enrolled_astronaut(race, encoder)}/subject-access"
        assert race.call("GET", path, key=race.key_for(Scope.WRITE)).status_code == 403
        unknown = f"/albums/{ALBUM}/people/{uuid.uuid4()}/subject-access"
        assert error_of(race.call("GET", unknown)) == (404, "unknown_person")


def test_no_template_or_name_is_audited(race: Api, encoder: FaceEncoder) -> None:
    person = enrolled_astronaut(race, encoder)
    entry = opt_out(race, selfie_of_astronaut()).get_json()["opt_out"]["opt_out_id"]
    consent(race, person, GIVEN | {"is_minor": True, "guardian": "Anne Isabella Byron"})
    found = [(action, target) for _, action, _, target, *_ in race.audit()]
    assert ("opt_out", entry) in found
    assert ("record_consent", person) in found
    assert "Byron" not in str(race.audit())


def test_every_person_who_is_not_opted_out_stays(race: Api, database: str) -> None:
    album = TestAlbum(race.database, database, name=ALBUM, space=race.cloud.embedding_space, dimension=128)
    others = [album.add(f"{person}-{n}", person)[0] for person in ("ann", "bob", "cid") for n in range(5)]
    opt_out(race, selfie_of_astronaut())
    assert set(race.cloud.index.embeddings(ALBUM, others)) == set(others)
