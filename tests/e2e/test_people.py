"""People in the whole local cloud: enrolled by upload, found on photos, shown to apps, and deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import requests
from google.cloud import storage

from e2e.conftest import ALL_FINAL_TIMEOUT_S, LocalCloud, wait_for
from photofinish_cli.sample_album import SampleAlbum

pytestmark = pytest.mark.timeout(300)
ALBUM = "people-race"


def call(cloud: LocalCloud, method: str, path: str, **request: Any) -> Any:
    """Send a request about the album, with the key of this local cloud."""
    url = f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{ALBUM}{path}"
    headers = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}
    answer = requests.request(method, url, headers=headers, timeout=60, **request)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def upload(target: dict[str, Any], content: bytes) -> None:
    """Upload as a web page or a phone does, with nothing but the URL."""
    answer = requests.request(target["method"], target["url"], headers=target["headers"], data=content, timeout=60)
    assert answer.ok, f"{answer.status_code} {answer.text}"


def enrolment_bucket(cloud: LocalCloud) -> storage.Bucket:
    client = storage.Client(project=cloud.environment["GOOGLE_CLOUD_PROJECT"])
    return client.bucket(cloud.environment["PHOTOFINISH_ENROLMENT_BUCKET"])


def test_a_person_is_enrolled_found_and_deleted(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    photos = [photo for photo in sample_album.photos if not photo.is_blurry]
    refs = {
        photo.path: cloud.upload(f"{ALBUM}/{photo.path.name}", photo.path.read_bytes()) for photo in sample_album.photos
    }
    runner = max(sample_album.people, key=lambda p: sum(r.person == p.person for ph in photos for r in ph.runners))
    portrait = cloud.upload(f"{ALBUM}/portrait.jpg", runner.selfie.read_bytes())  # shows no number
    grey = cv2.imencode(".jpg", np.full((400, 400, 3), 128, np.uint8))[1].tobytes()

    made = call(cloud, "POST", "/people", json={"name": "Ada Lovelace", "pictures": 2})
    person_id = made["person"]["person_id"]
    for target, content in zip(made["uploads"], (runner.selfie.read_bytes(), grey), strict=True):
        upload(target, content)

    def settled() -> Any:
        detail = call(cloud, "GET", f"/people/{person_id}")
        return detail if all(one["status"] != "waiting" for one in detail["uploads"]) else None

    detail = wait_for(settled, "both pictures to be processed", ALL_FINAL_TIMEOUT_S)
    assert {(one["status"], one["code"]) for one in detail["uploads"]} == {("accepted", None), ("refused", "no_face")}
    assert list(enrolment_bucket(cloud).list_blobs()) == []

    cloud.final_documents([*refs.values(), portrait])
    truth = {refs[p.path].photo_id for p in sample_album.photos for r in p.runners if r.person == runner.person}
    truth.add(portrait.photo_id)
    sharp = {refs[p.path].photo_id for p in photos for r in p.runners if r.person == runner.person}
    sharp.add(portrait.photo_id)
    document = cloud.firestore.document(f"albums/{ALBUM}/people/{person_id}")

    def found() -> Any:
        fields = document.get().to_dict() or {}
        return fields if sharp <= set(fields.get("photo_ids", [])) else None

    fields = wait_for(found, "the person to be found on all their photos", ALL_FINAL_TIMEOUT_S)
    assert set(fields["photo_ids"]) <= truth, "photos of other people were assigned to them"
    assert fields["name"] == "Ada Lovelace"
    matches = call(cloud, "GET", f"/people/{person_id}/matches")
    assert {face["photo"]["photo_id"] for face in matches["faces"]} == set(fields["photo_ids"])
    assert all(face["probability"] > 0.9 for face in matches["faces"])
    assert runner.bib_number in {number["number"] for number in call(cloud, "GET", f"/people/{person_id}")["numbers"]}
    by_name = call(cloud, "POST", "/search", json={"name": "ada"})["photos"]
    assert sharp <= {one["photo"]["photo_id"] for one in by_name} <= truth
    by_number = {
        one["photo"]["photo_id"]: one["bib"] for one in call(cloud, "GET", f"/bibs/{runner.bib_number}")["photos"]
    }
    inferred = by_number[portrait.photo_id]
    assert (inferred["inferred"], inferred["box"]) == (True, None)
    assert by_number[inferred["evidence_photo_id"]]["inferred"] is False, (
        "the evidence is a photo that shows the number"
    )
    assert call(cloud, "GET", "/clustering")["people"] >= 2

    call(cloud, "DELETE", f"/people/{person_id}")
    assert not document.get().exists
    for table in ("person", "person_face", "enrolment"):
        assert cloud.sql(f"SELECT count(*) FROM {table} WHERE person_id = %s", person_id) == [(0,)]
    assert cloud.sql("SELECT count(*) FROM person_embedding") == [(0,)]


def test_the_commands(cloud: LocalCloud, sample_album: SampleAlbum, tmp_path: Path) -> None:
    album = "people-by-command"
    refs = [cloud.upload(f"{album}/{photo.path.name}", photo.path.read_bytes()) for photo in sample_album.photos[:4]]
    one, other = sample_album.people[:2]
    person = cloud.json("people", "enrol", album, "Ada Lovelace", str(one.selfie))["person_id"]
    wrong = cloud.command("people", "enrol", album, "Wrong Picture", str(sample_album.bad_files[0]), check=False)
    assert (wrong.returncode, "refused" in wrong.stdout) == (1, True)
    grace = cloud.json("people", "enrol", album, "Grace", str(other.selfie), str(other.selfie))["person_id"]
    cloud.final_documents(refs)
    assert cloud.json("clusters", "run", album)["faces"] > 0
    listed = cloud.json("people", "list", album, "--named")["people"]
    assert {one["name"] for one in listed} == {"Ada Lovelace", "Grace"}, "a person without a picture was enrolled"
    merged = cloud.json("clusters", "merge", album, person, grace)
    assert merged["person"]["enrolled_count"] == 3
    cloud.command("clusters", "undo", album, str(merged["operation_id"]))
    assert [done["kind"] for done in cloud.json("clusters", "history", album)["operations"]][:2] == ["undo", "merge"]
    people = cloud.json("people", "list", album, "--sheet", str(tmp_path / "people.jpg"))["people"]
    sheet = cv2.imread(str(tmp_path / "people.jpg"))
    assert sheet is not None
    assert sheet.shape[1] > 260 * min(len(people), 6)
    assert any(one["cover"] and one["bib_numbers"] for one in people)
    state = cloud.json("clusters", "status", album)
    assert state["people"] == len(people)
    assert (
        f"{len(people)} people, {state['people_on_photos']} of them"
        in cloud.command("clusters", "status", album).stderr
    )
    assert "accepted" in cloud.command("people", "show", album, person[:8]).stdout
    assert "below" in cloud.command("clusters", "status", album).stdout
    assert cloud.json("people", "number", album, person, "4711")["person"]["person_id"] == person
    cloud.command("people", "rename", album, person, "Ada")
    refused = cloud.command("people", "delete", album, person, check=False)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    cloud.command("people", "delete", album, person[:8], "--yes")
    assert cloud.command("people", "show", album, person, check=False).returncode == 1
