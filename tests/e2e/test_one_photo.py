"""The whole way of a photo: dropped with the official storage client, read with official clients and by HTTP."""

from __future__ import annotations

import json
import os
import signal
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import cv2
import jsonschema
import numpy as np
import psutil
import pytest
import requests

from e2e.conftest import LocalCloud, wait_for
from photofinish.domain.lanes import Lane
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import sidecar_schema
from photofinish.ports import WorkItem
from photofinish.settings import Settings
from photofinish.wiring import App
from photofinish_cli.sample_album import SampleAlbum

pytestmark = pytest.mark.timeout(240)
GREY = cv2.imencode(".jpg", np.full((400, 400, 3), 128, np.uint8))[1].tobytes()


@pytest.fixture(scope="module")
def dropped(cloud: LocalCloud, sample_album: SampleAlbum) -> dict[Path, tuple[PhotoRef, dict[str, object]]]:
    """The sample album, bad files included, uploaded as an app would do it: every file and its final document."""
    files = sorted(path for path in sample_album.photos_folder.rglob("*") if path.is_file())
    refs = [cloud.upload(f"race/{path.relative_to(sample_album.photos_folder)}", path.read_bytes()) for path in files]
    return dict(zip(files, zip(refs, cloud.final_documents(refs), strict=True), strict=True))


def test_every_photo_comes_back_with_what_is_on_it(dropped, sample_album: SampleAlbum) -> None:  # type: ignore[no-untyped-def]
    truth = read = 0
    for photo in sample_album.photos:
        _, fields = dropped[photo.path]
        assert fields["status"] == "done", fields
        assert (fields["image"]["width"], fields["image"]["height"]) == (photo.width, photo.height)
        assert datetime.fromisoformat(fields["image"]["taken_at"]).replace(tzinfo=None) == photo.taken_at
        assert fields["image"]["camera"] == photo.camera
        numbers = {runner.bib_number for runner in photo.runners}
        truth += len(numbers)
        read += len(numbers & set(fields["bib_numbers"]))
        if not photo.is_blurry:
            assert len(fields["faces"]) >= len(photo.runners), photo.path.name
    assert read >= 0.8 * truth, f"{read} of {truth} bib numbers were read"


def test_bad_files_are_rejected_each_with_its_reason(dropped, sample_album: SampleAlbum) -> None:  # type: ignore[no-untyped-def]
    assert sample_album.bad_files
    for path in sample_album.bad_files:
        _, fields = dropped[path]
        assert fields["status"] == "rejected", (path.name, fields["status"])
        assert fields["error"]["code"] in {"empty_file", "not_a_picture", "cut_off"}
        assert fields["error"]["message"].endswith(".")


def test_the_album_has_a_cost_and_a_budget_that_halts_it(cloud: LocalCloud, dropped) -> None:  # type: ignore[no-untyped-def]
    def told() -> dict[str, Any] | None:
        answer: dict[str, Any] = cloud.json("cost", "race")
        is_measured = any(line["is_measured"] for line in answer["lines"])
        return answer if is_measured and answer["is_complete"] else None

    answer = wait_for(told, "tasks to report their time, every ten seconds", 60)
    assert (answer["photos"], answer["is_billed"]) == (len(dropped), False)
    assert answer["usd"] > 0
    halted = cloud.json("cost", "race", "--budget", "0.0001")
    assert halted["budget"]["is_halted"]
    assert cloud.json("cost", "race", "--budget", "0")["budget"] is None


def test_sidecar_and_preview_lie_in_the_derived_bucket(cloud: LocalCloud, dropped) -> None:  # type: ignore[no-untyped-def]
    ref, fields = next(value for value in dropped.values() if value[1]["status"] == "done")
    sidecar = json.loads(cloud.derived_bucket.blob(fields["sidecar"]).download_as_bytes())
    jsonschema.validate(sidecar, sidecar_schema())
    assert sidecar["photo"]["generation"] == ref.generation
    assert len(sidecar["faces"]) == len(fields["faces"])
    preview = cloud.derived_bucket.blob(fields["renditions"]["preview"]).download_as_bytes()
    picture = cv2.imdecode(np.frombuffer(preview, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert max(picture.shape[:2]) <= 1600
    assert b"Exif" not in preview
    thumbnail = cloud.derived_bucket.blob(fields["renditions"]["thumbnail"])
    small = cv2.imdecode(np.frombuffer(thumbnail.download_as_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert (thumbnail.content_type, max(small.shape[:2])) == ("image/webp", 320)
    assert sidecar["placeholder"] == fields["placeholder"]


def test_embeddings_lie_in_postgres_and_nowhere_else(cloud: LocalCloud, dropped) -> None:  # type: ignore[no-untyped-def]
    faces = sum(len(fields.get("faces", [])) for _, fields in dropped.values())
    assert cloud.sql("SELECT count(*) FROM face JOIN album USING (album_id) WHERE name = %s", "race") == [(faces,)]
    assert not any("embedding" in key for _, fields in dropped.values() for key in fields)


def test_a_runner_is_found_by_bib(cloud: LocalCloud, dropped, sample_album: SampleAlbum) -> None:  # type: ignore[no-untyped-def]
    numbers = {number for _, fields in dropped.values() for number in fields.get("bib_numbers", [])}
    number = next(person.bib_number for person in sample_album.people if person.bib_number in numbers)
    answer = ask(cloud, "GET", f"race/bibs/{number}").json()
    found = {photo["photo"]["name"] for photo in answer["photos"]}
    expected = {ref.name for ref, fields in dropped.values() if number in fields.get("bib_numbers", [])}
    assert found == expected


def test_a_selfie_finds_its_runner_and_no_other(cloud: LocalCloud, dropped, sample_album: SampleAlbum) -> None:  # type: ignore[no-untyped-def]
    names = {photo.path: dropped[photo.path][0].name for photo in sample_album.photos}
    for person in sample_album.people:
        on = {names[p.path] for p in sample_album.photos for r in p.runners if r.person == person.person}
        sharp = {
            names[p.path]
            for p in sample_album.photos
            for r in p.runners
            if r.person == person.person and not p.is_blurry
        }
        answer = ask(cloud, "POST", "race/search", files=[("selfie", person.selfie.read_bytes())])
        assert answer.status_code == 200, answer.json()
        found = {photo["photo"]["name"] for photo in answer.json()["photos"]}
        assert found <= on, f"{person.person} was found on photos of others"
        assert sharp <= found, f"{person.person} was missed"


@pytest.mark.parametrize(
    ("path", "selfie", "status", "code"),
    [
        ("no-such-album/search", b"a picture", 404, "unknown_album"),
        ("race/search", b"not a picture", 422, "not_a_picture"),
        ("race/search", GREY, 422, "no_face"),
        ("race/search", b"x" * 17_000_000, 413, "too_large"),
        ("race/search", b"x" * 35_000_000, 413, "too_large"),
    ],
    ids=["album", "text", "no face", "over 16 MiB", "over 32 MiB"],
)
def test_the_search_says_what_is_wrong(  # type: ignore[no-untyped-def]
    cloud: LocalCloud, dropped, path: str, selfie: bytes, status: int, code: str
) -> None:
    answer = ask(cloud, "POST", path, files=[("selfie", selfie)])
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_found_photos_have_a_preview(cloud: LocalCloud, dropped) -> None:  # type: ignore[no-untyped-def]
    number = next(number for _, fields in dropped.values() for number in fields.get("bib_numbers", []))
    photo = ask(cloud, "GET", f"race/bibs/{number}").json()["photos"][0]
    preview = requests.get(photo["renditions"]["preview"]["url"], timeout=10)
    assert preview.content.startswith(b"\xff\xd8\xff")
    thumbnail = requests.get(photo["renditions"]["thumbnail"]["url"], timeout=10)
    assert (thumbnail.headers["Content-Type"], thumbnail.content[8:12]) == ("image/webp", b"WEBP")
    assert photo["placeholder"]
    shown = ask(cloud, "GET", f"race/photos/{photo['photo']['photo_id']}").json()
    assert number in [bib["number"] for bib in shown["bibs"]]
    assert shown["status"] == "done"


def test_a_search_needs_a_key(cloud: LocalCloud) -> None:
    answer = requests.get(f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/race/bibs/1", timeout=10)
    assert answer.status_code == 401


def test_an_overwritten_photo_shows_its_newest_version_only(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    jpegs = [photo for photo in sample_album.photos if not photo.is_blurry and photo.path.suffix == ".jpg"]
    one, other = jpegs[:2]
    first = cloud.upload("overwritten/1.jpg", one.path.read_bytes())
    cloud.final_documents([first])
    second = cloud.upload("overwritten/1.jpg", other.path.read_bytes())
    assert first.photo_id == second.photo_id
    [fields] = cloud.final_documents([second])
    assert fields["status"] == "done"
    generations = cloud.sql("SELECT generation FROM photo WHERE photo_id = %s", UUID(second.photo_id))
    assert generations == [(second.generation,)]
    # Cloud Storage says that the first one was overwritten: what was made of it goes.
    wait_for(lambda: derived_generations(cloud, first) == {second.generation}, "the end of the older derived objects")


def test_a_photo_of_the_bulk_lane_is_analysed_like_any_other(cloud: LocalCloud) -> None:
    """Where an album has too many photos to test with."""
    photo = cloud.upload("bulk/1.jpg", GREY)
    [before] = cloud.final_documents([photo])
    app = App(Settings.from_env())
    assert app.documents.record_requeued(photo, trace_id="in-bulk")
    item = WorkItem(photo=photo, trace_id="in-bulk", uploaded_at=before["stages"]["uploaded_at"])
    app.queue.publish([item], lane=Lane.BULK)
    [after] = cloud.final_documents([photo])
    assert after["status"] == "done"
    assert after["trace_id"] == "in-bulk"
    assert after["done_at"] > before["done_at"]


def test_deleting_an_original_erases_what_was_found_in_it_with_a_receipt(
    cloud: LocalCloud, sample_album: SampleAlbum, tmp_path: Path
) -> None:
    photo = next(photo for photo in sample_album.photos if not photo.is_blurry and photo.path.suffix == ".jpg")
    ref = cloud.upload("deleted/1.jpg", photo.path.read_bytes())
    [fields] = cloud.final_documents([ref])
    number = fields["bib_numbers"][0]
    assert len(ask(cloud, "GET", f"deleted/bibs/{number}").json()["photos"]) == 1
    assert derived_generations(cloud, ref) == {ref.generation}

    cloud.bucket.blob(ref.name).delete()
    wait_for(lambda: (cloud.document(ref) or {}).get("status") == "erased", "the erased document")
    wait_for(lambda: derived_generations(cloud, ref) == set(), "the end of sidecar and preview")
    assert ask(cloud, "GET", f"deleted/bibs/{number}").json()["photos"] == []
    for table in ("photo", "face", "bib"):
        assert cloud.sql(f"SELECT count(*) FROM {table} WHERE photo_id = %s", UUID(ref.photo_id)) == [(0,)]

    finished = "SELECT erasure_id::text FROM erasure WHERE target_id = %s AND finished_at IS NOT NULL"
    [(erasure_id,)] = wait_for(lambda: cloud.sql(finished, ref.photo_id), "the end of the erasure")
    receipt, keys = tmp_path / "receipt.json", tmp_path / "keys.pem"
    cloud.command("receipt", "show", erasure_id, "--save", str(receipt))
    keys.write_text(cloud.command("receipt", "keys", "--pem").stdout)
    assert cloud.json("receipt", "verify", str(receipt), "--public-key", str(keys))["valid"]
    removed = json.loads(receipt.read_bytes())["removed"]
    assert removed["postgres"]["face"] == len(fields["faces"])
    assert removed["derived_bucket"]["objects"] == 3, "sidecar, preview and thumbnail"


def derived_generations(cloud: LocalCloud, ref: PhotoRef) -> set[int]:
    """The versions of the photo that there is a sidecar or a preview of."""
    names = [
        blob.name
        for kind in ("sidecars", "renditions")
        for blob in cloud.derived_bucket.list_blobs(prefix=f"{kind}/{ref.album}/{ref.photo_id}/")
    ]
    return {int(name.rsplit("/", 1)[1].split(".")[0]) for name in names}


@pytest.mark.parametrize("album", ["l'été 2026", 'a "quoted" album', "'; drop table face; --", "赛跑", "x" * 128])
def test_unusual_albums_are_taken_safely(cloud: LocalCloud, album: str) -> None:
    picture = cv2.imencode(".png", np.full((200, 300, 3), 90, np.uint8))[1].tobytes()
    [fields] = cloud.final_documents([cloud.upload(f"{album}/1.png", picture)])
    assert fields["status"] == "done"
    assert ask(cloud, "GET", f"{quote(album, safe='')}/bibs/1").json()["photos"] == []
    assert ask(cloud, "GET", quote(album, safe="")).json()["photos_by_status"] == {"done": 1}


def test_an_album_that_cannot_be_one_is_rejected_where_people_see_it(cloud: LocalCloud) -> None:
    ref = cloud.upload("__reserved__/1.jpg", b"x")
    assert ref.album == "default"
    [fields] = cloud.final_documents([ref])
    assert fields["error"]["code"] == "album_name_not_allowed"


def test_killing_the_task_in_the_middle_loses_nothing(cloud: LocalCloud, sample_album: SampleAlbum) -> None:
    """kill -9 as soon as a task has photos in hand; another one takes over."""
    contents = [photo.path.read_bytes() for photo in sample_album.photos[:6]]
    refs = [cloud.upload(f"killed/{number}.jpg", content) for number, content in enumerate(contents)]

    def task_at_work() -> list[psutil.Process]:
        if not any((cloud.document(ref) or {}).get("status") == "processing" for ref in refs):
            return []
        return analysis_tasks(cloud)

    for process in wait_for(task_at_work, "a task that works on these photos", 60):
        os.kill(process.pid, signal.SIGKILL)
    documents = cloud.final_documents(refs)
    assert {fields["status"] for fields in documents} == {"done"}
    ids = [UUID(ref.photo_id) for ref in refs]
    indexed = "SELECT count(*) FROM photo WHERE photo_id = ANY(%s) AND pipeline_version IS NOT NULL"
    assert cloud.sql(indexed, ids) == [(len(refs),)]


@pytest.mark.parametrize("piece", ["firestore", "pubsub", "postgres"])
def test_killing_a_server_in_the_middle_loses_nothing(cloud: LocalCloud, sample_album: SampleAlbum, piece: str) -> None:
    contents = [photo.path.read_bytes() for photo in sample_album.photos[:4]]
    album = f"without-{piece}"
    refs = [cloud.upload(f"{album}/{number}.jpg", content) for number, content in enumerate(contents)]
    wait_for(lambda: all(cloud.document(ref) for ref in refs), "records of these photos")
    os.kill(cloud.pids()[piece], signal.SIGKILL)
    assert {fields["status"] for fields in cloud.final_documents(refs)} == {"done"}


def ask(cloud: LocalCloud, method: str, path: str, **arguments: object) -> requests.Response:
    """The API below `/v1/albums/`, with the key of this local cloud."""
    headers = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}
    url = f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/{path}"
    return requests.request(method, url, headers=headers, timeout=60, **arguments)  # type: ignore[arg-type]


def analysis_tasks(cloud: LocalCloud) -> list[psutil.Process]:
    """The job's task processes of this local cloud (another one may run on the machine)."""
    server = psutil.Process(cloud.pids()["run-jobs"])
    return [
        process
        for process in server.children(recursive=True)
        if "photofinish_jobs" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    ]
