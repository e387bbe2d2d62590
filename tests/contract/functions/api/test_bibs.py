"""Corrections of bib numbers over the API, and rules that read stored text again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from photofinish.adapters.memory.failing import fail_once
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.application.bibs.projection import bib_fields
from photofinish.domain.access import Scope
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import TextLine, find_bibs
from photofinish.domain.face import face_id
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import sidecar, sidecar_bytes, sidecar_name
from photofinish.errors import Unavailable
from support.api import Api, error_of, names_of
from support.faces import face_in, photo
from support.index import VERSION, analysis

PHOTO = photo("race/1.jpg")
FACE = Box(0.4, 0.2, 0.06, 0.08)
PATH = f"/albums/race/photos/{PHOTO.photo_id}/bibs"
WEARER = face_id(PHOTO, VERSION, 0)
REPLACE = {"action": "replace", "number": "14951", "new_number": "1495"}


def of_text(text: str) -> PhotoAnalysis:
    """What an analysis finds in a photo of one runner with this text on the chest."""
    lines = (TextLine(text=text, ocr_score=0.95, box=Box(0.38, 0.4, 0.1, 0.06)),)
    faces = (face_in(FACE),)
    found = analysis(faces, find_bibs(lines, faces, width=640, height=480))
    return replace(found, text=lines)


@pytest.fixture
def store(api: Api) -> MemoryPhotoStore:
    derived = api.cloud.derived
    assert isinstance(derived, MemoryPhotoStore)
    return derived


def put(api: Api, store: MemoryPhotoStore, text: str = "14951", ref: PhotoRef = PHOTO) -> None:
    """Commit a photo as a task does."""
    found = of_text(text)
    store.put_derived(sidecar_name(ref, VERSION), sidecar_bytes(sidecar(ref, found, VERSION)), "application/json")
    shown = api.cloud.index.replace(ref, VERSION, found)
    assert shown is not None
    api.cloud.documents.record_final(ref, PhotoStatus.DONE, bib_fields(shown))


def document(api: Api, ref: PhotoRef = PHOTO) -> dict[str, Any]:
    record = api.cloud.documents.get("race", ref.photo_id)
    assert record is not None
    return dict(record.fields)


def test_a_correction_is_seen_by_everything_that_reads_numbers(api: Api, store: MemoryPhotoStore) -> None:
    put(api, store)
    assert names_of(api.search("race", bib="14951")) == ["race/1.jpg"]
    person = api.cloud.people.create("race", name="Ada", by="test").person_id
    api.cloud.people_changes.confirm("race", person, [WEARER], by="test")

    answer = api.call("PATCH", PATH, json=REPLACE)
    assert answer.status_code == 200, answer.text
    [bib] = answer.get_json()["bibs"]
    assert (bib["number"], bib["by_hand"], bib["face_id"], bib["ocr_score"]) == ("1495", True, WEARER, 1.0)

    assert names_of(api.search("race", bib="14951")) == []
    found = api.search("race", bib="1495").get_json()["photos"]
    assert [(one["photo"]["name"], one["bib"]["by_hand"]) for one in found] == [("race/1.jpg", True)]
    fields = document(api)
    assert fields["bib_numbers"] == ["1495"]
    assert [(one["number"], one["by_hand"]) for one in fields["bibs"]] == [("1495", True)]
    shown = api.call("GET", f"/albums/race/photos/{PHOTO.photo_id}").get_json()["bibs"]
    assert shown == answer.get_json()["bibs"]
    numbers = api.call("GET", f"/albums/race/people/{person}").get_json()["numbers"]
    assert [one["number"] for one in numbers] == ["1495"]
    people = api.cloud.people_documents.documents  # type: ignore[attr-defined]
    assert [number.number for number in people["race", person].numbers] == ["1495"]


def test_undo_restores_what_was_read(api: Api, store: MemoryPhotoStore) -> None:
    put(api, store)
    operation = api.call("PATCH", PATH, json=REPLACE).get_json()["operation_id"]
    undone = api.call("POST", f"/albums/race/bib-operations/{operation}/undo")
    assert [bib["number"] for bib in undone.get_json()["bibs"]] == ["14951"]
    assert document(api)["bib_numbers"] == ["14951"]
    assert error_of(api.call("POST", f"/albums/race/bib-operations/{operation}/undo")) == (409, "already_undone")
    listed = api.call("GET", "/albums/race/bib-operations").get_json()
    assert [(one["kind"], one["number"], one["instead_of"]) for one in listed["operations"]] == [
        ("undo", "1495", "14951"),
        ("replace", "1495", "14951"),
    ]
    page = api.call("GET", f"/albums/race/bib-operations?limit=1&photo_id={PHOTO.photo_id}").get_json()
    rest = api.call(
        "GET", f"/albums/race/bib-operations?photo_id={PHOTO.photo_id}&cursor={page['next_cursor']}"
    ).get_json()
    assert [one["operation_id"] for one in rest["operations"]] == [operation]


def test_add_move_and_remove(api: Api, store: MemoryPhotoStore) -> None:
    put(api, store)
    added = api.call("PATCH", PATH, json={"action": "add", "number": "12"}).get_json()["bibs"]
    assert [(one["number"], one["face_id"], one["box"]) for one in added if one["by_hand"]] == [("12", None, None)]
    assert names_of(api.search("race", bib="12")) == ["race/1.jpg"]
    moved = api.call("PATCH", PATH, json={"action": "move", "number": "12", "face_id": WEARER}).get_json()["bibs"]
    assert {one["number"]: one["face_id"] for one in moved} == {"12": WEARER, "14951": None}
    boxed = {"action": "add", "number": "13", "box": {"x": 0.1, "y": 0.2, "w": 0.1, "h": 0.05}}
    assert api.call("PATCH", PATH, json=boxed).get_json()["bibs"][-1]["box"] == boxed["box"]
    for number in ("12", "13", "14951"):
        left = api.call("PATCH", PATH, json={"action": "remove", "number": number})
    assert left.get_json()["bibs"] == []
    assert document(api)["bib_numbers"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"action": "remove", "number": "99"}, 404, "unknown_bib"),
        ({"action": "add", "number": "9", "face_id": "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"}, 404, "unknown_face"),
        ({"action": "replace", "number": "14951"}, 422, "invalid_value"),
        ({"action": "remove", "number": "14951", "new_number": "1"}, 422, "invalid_value"),
        ({"action": "move", "number": "14951"}, 422, "invalid_value"),
        ({"action": "remove", "number": "14951", "box": {"x": 0, "y": 0, "w": 1, "h": 1}}, 422, "invalid_value"),
        ({"action": "swap", "number": "14951"}, 400, "bad_request"),
        ({"action": "add", "number": "1 or 1"}, 400, "bad_request"),
        ({"action": "add", "number": "-"}, 422, "number_not_allowed"),
    ],
)
def test_what_cannot_be_done_is_refused(
    api: Api, store: MemoryPhotoStore, body: dict[str, Any], status: int, code: str
) -> None:
    put(api, store)
    assert error_of(api.call("PATCH", PATH, json=body)) == (status, code)
    assert document(api)["bib_numbers"] == ["14951"]


def test_correcting_needs_write_access_and_is_audited_without_numbers(api: Api, store: MemoryPhotoStore) -> None:
    put(api, store)
    for scope, status in [(Scope.SEARCH, 403), (Scope.WRITE, 200)]:
        key = api.key_for(scope, frozenset({"race"}))
        assert api.call("PATCH", PATH, key=key, json=REPLACE).status_code == status
        assert api.call("GET", "/albums/race/bib-operations", key=key).status_code == status
    elsewhere = api.key_for(Scope.WRITE, frozenset({"party"}))
    assert api.call("PATCH", PATH, key=elsewhere, json=REPLACE).status_code == 404
    entries = [entry for entry in api.audit() if entry[1] == "correct_bib"]
    assert any(entry[2:5] == ("race", PHOTO.photo_id, "200") for entry in entries)
    assert not any("1495" in str(part) for entry in entries for part in entry)
    assert error_of(api.call("PATCH", PATH.replace(PHOTO.photo_id, "f" * 32), json=REPLACE)) == (404, "unknown_photo")
    assert error_of(api.call("GET", "/albums/nowhere/bib-operations")) == (404, "unknown_album")


def test_other_rules_read_the_stored_text_again_and_keep_corrections(api: Api, store: MemoryPhotoStore) -> None:
    other, third = photo("race/2.jpg"), photo("race/3.jpg")
    put(api, store)
    put(api, store, "2906", other)
    put(api, store, "77", third)
    api.call("PATCH", PATH, json=REPLACE)
    answer = api.call("PUT", "/albums/race/bib-rules", json={"min_digits": 3, "max_digits": 4})
    assert answer.get_json()["rescoring"] == {
        "photos": 3,
        "added": 0,
        "removed": 1,
        "changed": 0,
        "skipped": 0,
        "remaining": 0,
    }
    assert [document(api, ref)["bib_numbers"] for ref in (PHOTO, other, third)] == [["1495"], ["2906"], []]
    assert names_of(api.search("race", bib="77")) == []
    back = api.call("PUT", "/albums/race/bib-rules", json={}).get_json()["rescoring"]
    assert (back["photos"], back["added"], back["removed"]) == (3, 1, 0)
    assert document(api, third)["bib_numbers"] == ["77"]
    assert api.call("GET", "/albums/race/bib-rules/rescoring").get_json() == back
    assert api.call("POST", "/albums/race/bib-rules/rescoring").get_json() == back


def test_rules_are_set_while_sidecars_cannot_be_read_and_followed_later(api: Api, store: MemoryPhotoStore) -> None:
    put(api, store, "77")
    fail_once(store.read_derived, Unavailable("the bucket does not answer"))
    answer = api.call("PUT", "/albums/race/bib-rules", json={"min_digits": 3})
    assert (answer.status_code, answer.get_json()["rescoring"]["remaining"]) == (200, 1)
    assert api.call("GET", "/albums/race/bib-rules/rescoring").get_json()["remaining"] == 1
    done = api.call("POST", "/albums/race/bib-rules/rescoring").get_json()
    assert (done["removed"], done["remaining"]) == (1, 0)
    assert document(api)["bib_numbers"] == []


def test_what_the_rules_answer_can_be_sent_back(api: Api, store: MemoryPhotoStore) -> None:
    put(api, store)
    rules = api.call("GET", "/albums/race/bib-rules").get_json()
    answer = api.call("PUT", "/albums/race/bib-rules", json=rules | {"max_digits": 4}).get_json()
    assert answer.pop("rescoring")["removed"] == 1
    assert api.call("GET", "/albums/race/bib-rules").get_json() == answer
