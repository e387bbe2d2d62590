"""People and clusters over HTTP: the real API with a real Postgres."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish.adapters.memory.people import MemoryPeopleDocuments
from photofinish.application.people.clustering import PeopleClustering
from photofinish.application.people.projection import PeopleProjector
from photofinish.domain.access import Scope
from support.api import Api
from support.faces import bib
from support.people import TestAlbum

ALBUM = "race"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def album(api: Api, database: str) -> TestAlbum:
    space = api.cloud.embedding_space
    return TestAlbum(api.database, database, name=ALBUM, space=space, dimension=128)


@pytest.fixture
def clustering(api: Api) -> PeopleClustering:
    calibrations = {api.cloud.embedding_space: api.cloud.calibration}
    projector = PeopleProjector(api.cloud.people_projection, api.cloud.people_documents)
    return PeopleClustering(api.cloud.clusters, calibrations, publish=projector.project, run_every_s=0)


def call(api: Api, method: str, path: str, status: int = 200, **request: Any) -> Any:
    answer = api.call(method, f"/albums/{ALBUM}{path}", **request)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json() if status != 204 else None


def shown(api: Api) -> dict[str, Any]:
    """Person id → the document that apps see."""
    documents = api.cloud.people_documents
    assert isinstance(documents, MemoryPeopleDocuments)
    return {person_id: document for (album, person_id), document in documents.documents.items() if album == ALBUM}


@pytest.fixture
def ann_and_bea(album: TestAlbum, clustering: PeopleClustering) -> tuple[list[str], list[str]]:
    ann = [album.add(f"ann-{i}", "ann", bibs=[bib("11", face_index=0)] if i == 0 else [])[0] for i in range(4)]
    bea = [album.add(f"bea-{i}", "bea")[0] for i in range(3)]
    clustering.photo_changed(ALBUM)
    return ann, bea


def cluster_ids(api: Api) -> list[str]:
    return [person["person_id"] for person in call(api, "GET", "/people")["people"]]


class TestPeople:
    def test_a_person_is_created_renamed_and_deleted(self, api: Api) -> None:
        made = call(api, "POST", "/people", 201, json={"name": "Ann", "pictures": 2})
        person_id = made["person"]["person_id"]
        assert len({upload["url"] for upload in made["uploads"]}) == 2
        for upload in made["uploads"]:
            assert f"/enrolments/{ALBUM}/{person_id}/{upload['upload_id']}?" in upload["url"]
            assert upload["method"] == "PUT"
            assert upload["headers"]["x-goog-content-length-range"] == "0,16777216"
        detail = call(api, "GET", f"/people/{person_id}")
        assert [upload["status"] for upload in detail["uploads"]] == ["waiting", "waiting"]
        assert shown(api)[person_id].person.name == "Ann"
        assert call(api, "PATCH", f"/people/{person_id}", json={"name": "Anna"})["name"] == "Anna"
        assert [person["name"] for person in call(api, "GET", "/people?name=anna")["people"]] == ["Anna"]
        more = call(api, "POST", f"/people/{person_id}/uploads", 201, json={"pictures": 1})["uploads"][0]
        call(api, "DELETE", f"/people/{person_id}/uploads/{more['upload_id']}", 204)
        call(api, "DELETE", f"/people/{person_id}/uploads/{more['upload_id']}", 404)
        assert len(call(api, "GET", f"/people/{person_id}")["uploads"]) == 2
        call(api, "DELETE", f"/people/{person_id}", 202)
        assert call(api, "GET", f"/people/{person_id}", 404)["error"]["code"] == "unknown_person"
        assert person_id not in shown(api)

    def test_people_are_listed_page_by_page(self, api: Api) -> None:
        names = {call(api, "POST", "/people", 201, json={"name": f"P {i}"})["person"]["name"] for i in range(5)}
        for parameter, answered in (("cursor", "next_cursor"), ("after", "next_after")):  # the second is of 0.1
            found, after = [], ""
            while after is not None:
                page = call(api, "GET", f"/people?limit=2{after and f'&{parameter}={after}'}")
                found += [person["name"] for person in page["people"]]
                after = page[answered]
            assert sorted(found) == sorted(names)

    def test_people_are_listed_with_their_cover_and_their_numbers(
        self, api: Api, album: TestAlbum, ann_and_bea: tuple[list[str], list[str]]
    ) -> None:
        enrolled = call(api, "POST", "/people", 201, json={"name": "Not on a photo"})["person"]["person_id"]
        listed = {person["person_id"]: person for person in call(api, "GET", "/people")["people"]}
        ann, bea = (album.owners()[faces[0]] for faces in ann_and_bea)
        assert {ann: ["11"], bea: [], enrolled: []} == {one: listed[one]["bib_numbers"] for one in listed}
        assert listed[enrolled]["cover"] is None
        for person, faces in zip((ann, bea), ann_and_bea, strict=True):
            cover = listed[person]["cover"]
            assert cover["face_id"] in faces
            assert cover["photo"]["photo_id"] in cover["renditions"]["preview"]["url"]
            assert cover["box"] == call(api, "GET", f"/people/{person}/matches?limit=1")["faces"][0]["box"]

    def test_an_unknown_album_is_not_found(self, api: Api) -> None:
        assert call(api, "GET", "/people", 404)["error"]["code"] == "unknown_album"
        assert call(api, "GET", "/clustering", 404)["error"]["code"] == "unknown_album"
        assert call(api, "GET", "/people-operations", 404)["error"]["code"] == "unknown_album"

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "", None),
            ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None),
            ("POST", "/uploads", {"pictures": 1}),
            ("GET", "/matches", None),
            ("POST", "/faces", {"face_ids": [UNKNOWN_ID]}),
            ("POST", "/rejections", {"face_ids": [UNKNOWN_ID]}),
            ("PUT", "/numbers/7", {"confirmed": True}),
            ("POST", "/merge", {"other": UNKNOWN_ID}),
            ("POST", "/split", {"face_ids": [UNKNOWN_ID]}),
        ],
    )
    def test_an_unknown_person_is_not_found_anywhere(self, api: Api, method: str, path: str, body: Any) -> None:
        answer = call(api, method, f"/people/{UNKNOWN_ID}{path}", 404, json=body)
        assert answer["error"]["code"] == "unknown_album"
        call(api, "POST", "/people", 201, json={"name": "Ada"})
        answer = call(api, method, f"/people/{UNKNOWN_ID}{path}", 404, json=body)
        assert answer["error"]["code"] == "unknown_person"

    @pytest.mark.parametrize("body", [{"name": ""}, {"name": "x" * 201}, {"pictures": 21}, {"pictures": "2"}, {"n": 1}])
    def test_an_invalid_person_is_refused(self, api: Api, body: Any) -> None:
        assert call(api, "POST", "/people", 400, json=body)["error"]["code"] == "bad_request"


class TestAuthorization:
    def test_a_search_key_can_read_but_not_change(self, api: Api, ann_and_bea: Any) -> None:
        [ann, bea] = cluster_ids(api)
        key = api.key_for(Scope.SEARCH)
        for path in ("/people", f"/people/{ann}", f"/people/{ann}/matches", "/clustering"):
            call(api, "GET", path, key=key)
        for method, path, body in (
            ("POST", "/people", {"name": "x"}),
            ("PATCH", f"/people/{ann}", {"name": "x"}),
            ("DELETE", f"/people/{ann}", None),
            ("POST", f"/people/{ann}/uploads", {"pictures": 1}),
            ("POST", f"/people/{ann}/faces", {"face_ids": [UNKNOWN_ID]}),
            ("POST", f"/people/{ann}/rejections", {"face_ids": [UNKNOWN_ID]}),
            ("PUT", f"/people/{ann}/numbers/7", {"confirmed": True}),
            ("POST", f"/people/{ann}/merge", {"other": bea}),
            ("POST", f"/people/{ann}/split", {"face_ids": [UNKNOWN_ID]}),
            ("GET", "/people-operations", None),
            ("POST", "/people-operations/1/undo", None),
        ):
            assert call(api, method, path, 403, key=key, json=body)["error"]["code"] == "forbidden"
        call(api, "GET", "/people", 404, key=api.key_for(Scope.ADMIN, frozenset({"other"})))

    def test_every_change_is_audited_without_names(self, api: Api, ann_and_bea: Any) -> None:
        [ann, _] = cluster_ids(api)
        call(api, "PATCH", f"/people/{ann}", json={"name": "Unmistakable"})
        call(api, "POST", f"/people/{ann}/faces", json={"face_ids": ann_and_bea[0][:2]})
        entries = [(action, album, target, count) for _, action, album, target, _, _, count in api.audit()]
        assert ("rename_person", ALBUM, ann, None) in entries
        assert ("confirm_faces", ALBUM, ann, 2) in entries
        assert "Unmistakable" not in str(api.audit())


class TestMatches:
    def test_own_and_suggested_faces_have_a_probability(self, api: Api, ann_and_bea: Any) -> None:
        ann_faces, _ = ann_and_bea
        [ann, _] = cluster_ids(api)
        found = call(api, "GET", f"/people/{ann}/matches")
        assert {face["face_id"] for face in found["faces"]} == set(ann_faces)
        assert {face["source"] for face in found["faces"]} == {"clustered"}
        assert all(face["similarity"] > 0.8 and face["probability"] > 0.9 for face in found["faces"])
        assert found["suggested"] == []
        least = found["min_similarity"]
        call(api, "GET", f"/people/{ann}/matches?min_similarity={least - 0.01}", 422)

    def test_a_rejected_face_is_not_suggested_and_a_confirmed_one_comes_first(
        self, api: Api, album: TestAlbum, ann_and_bea: Any
    ) -> None:
        [ann, _] = cluster_ids(api)
        first, second = ann_and_bea[0][:2]
        rejected = call(api, "POST", f"/people/{ann}/rejections", json={"face_ids": [first]})
        assert rejected["changed"] == [first]
        call(api, "POST", f"/people/{ann}/faces", json={"face_ids": [second]})
        found = call(api, "GET", f"/people/{ann}/matches")
        assert found["faces"][0]["face_id"] == second
        assert found["faces"][0]["source"] == "confirmed"
        assert first not in {face["face_id"] for face in found["faces"] + found["suggested"]}
        undone = call(api, "POST", f"/people-operations/{rejected['operation_id']}/undo")
        assert undone["operation_id"] > rejected["operation_id"]
        assert first in {face["face_id"] for face in call(api, "GET", f"/people/{ann}/matches")["faces"]}

    def test_photos_are_searched_by_person(self, api: Api, ann_and_bea: Any) -> None:
        [ann, _] = cluster_ids(api)
        photos = api.search(ALBUM, person_id=ann).get_json()["photos"]
        assert {photo["face"]["face_id"] for photo in photos} == set(ann_and_bea[0])


class TestClusters:
    def test_merge_split_and_undo(self, api: Api, ann_and_bea: Any) -> None:
        [ann, bea] = cluster_ids(api)
        merged = call(api, "POST", f"/people/{ann}/merge", json={"other": bea})
        assert merged["person"]["face_count"] == 7
        assert set(shown(api)) == {ann}
        call(api, "POST", f"/people-operations/{merged['operation_id']}/undo")
        assert set(shown(api)) == {ann, bea}
        again = call(api, "POST", f"/people-operations/{merged['operation_id']}/undo", 409)
        assert again["error"]["code"] == "already_undone"
        split = call(api, "POST", f"/people/{ann}/split", json={"face_ids": ann_and_bea[0][:1], "name": "Anna"})
        assert (split["person"]["name"], split["person"]["face_count"]) == ("Anna", 1)
        wrong = call(api, "POST", f"/people/{ann}/split", 409, json={"face_ids": ann_and_bea[1][:1]})
        assert wrong["error"]["code"] == "not_theirs"
        operations = call(api, "GET", "/people-operations?limit=2")
        assert [done["kind"] for done in operations["operations"]] == ["split", "undo"]
        for place in (f"cursor={operations['next_cursor']}", f"before={operations['next_before']}"):
            assert [d["kind"] for d in call(api, "GET", f"/people-operations?{place}")["operations"]] == ["merge"]
        call(api, "POST", "/people-operations/999999/undo", 404)

    def test_the_state_of_clustering(self, api: Api, album: TestAlbum, ann_and_bea: Any) -> None:
        state = call(api, "GET", "/clustering")
        assert (state["faces"], state["people"], state["is_waiting"]) == (7, 2, False)
        call(api, "POST", "/people", 201, json={"name": "Not on a photo"})
        state = call(api, "GET", "/clustering")
        assert state["people"] == len(call(api, "GET", "/people")["people"]) == 3
        assert (state["people_on_photos"], state["assigned_faces"]) == (2, 7)
        [space] = state["spaces"].values()
        assert space["min_similarity"] == api.cloud.calibration.min_similarity
        assert space["false_match_rate_at_most"] == 1
        api.cloud.clusters.request(ALBUM)
        assert call(api, "GET", "/clustering")["is_waiting"]


class TestNumbers:
    def test_a_search_by_bib_shows_faces_that_the_number_is_inferred_for(
        self, api: Api, album: TestAlbum, ann_and_bea: tuple[list[str], list[str]]
    ) -> None:
        ann, _ = ann_and_bea
        for found in (call(api, "GET", "/bibs/11"), call(api, "POST", "/search", json={"bib": "11"})):
            read, *others = found["photos"]
            assert (read["photo"]["name"], read["bib"]["inferred"]) == ("race/ann-0.jpg", False)
            assert read["bib"]["box"] is not None
            assert {one["photo"]["name"] for one in others} == {f"race/ann-{i}.jpg" for i in (1, 2, 3)}
            for one in others:
                assert one["bib"] == {
                    "number": "11",
                    "ocr_score": pytest.approx(0.9),
                    "partial": False,
                    "box": None,
                    "by_hand": False,
                    "face_id": one["bib"]["face_id"],
                    "inferred": True,
                    "confirmed": False,
                    "offered": True,
                    "evidence_photo_id": read["photo"]["photo_id"],
                    "evidence_face_id": ann[0],
                }
                assert one["bib"]["face_id"] in ann
                assert one["face_box"] is not None
        [person, _] = cluster_ids(api)
        call(api, "PUT", f"/people/{person}/numbers/11", json={"confirmed": True})
        assert [photo["bib"]["confirmed"] for photo in call(api, "GET", "/bibs/11")["photos"]] == [
            False,
            True,
            True,
            True,
        ]
        call(api, "PUT", f"/people/{person}/numbers/11", json={"confirmed": False})
        assert len(call(api, "GET", "/bibs/11")["photos"]) == 1

    def test_numbers_are_inferred_with_evidence_and_decided(self, api: Api, album: TestAlbum, ann_and_bea: Any) -> None:
        [ann, _] = cluster_ids(api)
        [number] = call(api, "GET", f"/people/{ann}")["numbers"]
        assert (number["number"], number["state"]) == ("11", "inferred")
        assert [one["photo"]["name"] for one in number["evidence"]] == ["race/ann-0.jpg"]
        decided = call(api, "PUT", f"/people/{ann}/numbers/11", json={"confirmed": False})
        assert call(api, "GET", f"/people/{ann}")["numbers"][0]["state"] == "rejected"
        call(api, "POST", f"/people-operations/{decided['operation_id']}/undo")
        assert call(api, "GET", f"/people/{ann}")["numbers"][0]["state"] == "inferred"
        call(api, "PUT", f"/people/{ann}/numbers/no number", 400, json={"confirmed": True})


class TestShown:
    def test_apps_see_faces_numbers_and_a_cover_but_nothing_biometric(self, api: Api, ann_and_bea: Any) -> None:
        from photofinish.adapters.google.people_documents import person_fields

        [ann, _] = cluster_ids(api)
        fields = person_fields(shown(api)[ann])
        assert (fields["name"], fields["face_count"], len(fields["photo_ids"])) == (None, 4, 4)
        assert {face["face_id"] for face in fields["faces"]} == set(ann_and_bea[0])
        assert fields["bib_numbers"] == ["11"]
        assert set(fields["cover"]) == {"face_id", "photo_id", "box"}
        assert "embedding" not in str(fields)
