"""Batches over the API: announced, uploaded, followed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from photofinish.application.recording_events import record_photo_event
from photofinish.domain.access import Scope
from photofinish.domain.album_event import EventType
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from support.api import PHOTO_BUCKET, Api

PATH = "/albums/race/batches"


def file(name: str = "cam2/IMG_1.jpg", **fields: Any) -> dict[str, Any]:
    return {"name": name, "size": 1000, "content_type": "image/jpeg"} | fields


def create(api: Api, *files: dict[str, Any], **request: Any) -> TestResponse:
    return api.call("POST", PATH, json={"files": list(files)}, **request)


def result(api: Api, name: str, status: PhotoStatus = PhotoStatus.DONE, error: tuple[str, str] | None = None) -> None:
    """What happens when the object arrives, and its photo gets this status."""
    ref = PhotoRef(bucket=PHOTO_BUCKET, name=f"race/{name}", generation=1)
    now = datetime.now(UTC)
    stored = StoredPhoto(ref=ref, size_bytes=1000, content_type="image/jpeg", uploaded_at=now)
    api.cloud.documents.record_queued(stored, event_at=now, trace_id="t")
    api.cloud.documents.record_final(ref, status, {}, error=error)
    record_photo_event(ref, status, api.cloud.documents, api.cloud.event_log, api.cloud.batches)


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


def test_every_file_gets_a_signed_resumable_upload_of_its_own(api: Api) -> None:
    answer = create(api, file("cam2/IMG 1.jpg", crc32c="n03x6A=="), file("IMG_2.CR3", content_type="image/x-canon-cr3"))
    assert answer.status_code == 202
    made = answer.get_json()
    assert answer.headers["Location"] == made["poll_url"] == f"/v1{PATH}/{made['batch']['batch_id']}"
    assert answer.headers["Retry-After"] == "2"
    assert made["batch"]["counts"] == {"awaited": 2, "queued": 0, "done": 0, "rejected": 0, "failed": 0}
    [first, second] = made["uploads"]
    assert [first["name"], second["name"]] == ["cam2/IMG 1.jpg", "IMG_2.CR3"]
    assert first["upload"]["method"] == "POST"
    assert first["upload"]["headers"] == {
        "Content-Type": "image/jpeg",
        "x-goog-resumable": "start",
        "x-goog-content-length-range": "1000,1000",
        "x-goog-if-generation-match": "0",
        "x-goog-meta-announced-size": "1000",
        "x-goog-meta-announced-crc32c": "n03x6A==",
    }
    address = urlsplit(first["upload"]["url"])
    assert address.path == f"/{PHOTO_BUCKET}/race/cam2/IMG%201.jpg"
    signed = parse_qs(address.query)
    assert signed["X-Goog-Algorithm"] == ["GOOG4-RSA-SHA256"]
    assert set(signed["X-Goog-SignedHeaders"][0].split(";")) == {
        "host",
        *(name.lower() for name in first["upload"]["headers"]),
    }
    ref = PhotoRef(bucket=PHOTO_BUCKET, name="race/cam2/IMG 1.jpg", generation=1)
    assert first["photo_id"] == ref.photo_id


def test_a_batch_shows_its_results_and_completes(api: Api) -> None:
    poll_url = create(api, file("1.jpg"), file("2.jpg")).get_json()["poll_url"].removeprefix("/v1")
    result(api, "1.jpg")
    answer = api.call("GET", poll_url)
    assert answer.headers["Retry-After"] == "2"
    batch = answer.get_json()["batch"]
    assert (batch["state"], batch["counts"]["done"], batch["counts"]["awaited"]) == ("open", 1, 1)
    assert batch["results_per_s"] > 0
    assert batch["remaining_s"] > 0
    result(api, "2.jpg", PhotoStatus.REJECTED, ("damaged", "The JPEG file is damaged."))
    answer = api.call("GET", poll_url)
    assert "Retry-After" not in answer.headers
    shown = answer.get_json()
    assert (shown["batch"]["state"], shown["batch"]["remaining_s"]) == ("completed", 0)
    assert [(one["name"], one["status"], one["error"]) for one in shown["files"]] == [
        ("1.jpg", "done", None),
        ("2.jpg", "rejected", {"code": "damaged", "message": "The JPEG file is damaged."}),
    ]
    events = api.call("GET", f"/albums/race/events?batch_id={shown['batch']['batch_id']}").get_json()["events"]
    assert [one["type"].removeprefix("photofinish.") for one in events] == [
        EventType.BATCH_CREATED,
        EventType.PHOTO_DONE,
        EventType.PHOTO_REJECTED,
        EventType.BATCH_COMPLETED,
    ]
    assert events[-1]["data"] == {"album": "race", "batch_id": shown["batch"]["batch_id"], "files": 2} | {
        "done": 1,
        "rejected": 1,
    }


def test_files_come_in_pages_and_by_status(api: Api) -> None:
    poll_url = create(api, *(file(f"{number}.jpg") for number in range(5))).get_json()["poll_url"].removeprefix("/v1")
    result(api, "3.jpg")
    read: list[str] = []
    cursor = ""
    while True:
        page = api.call("GET", f"{poll_url}?status=awaited&limit=3{cursor}").get_json()
        read += [one["name"] for one in page["files"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert read == ["0.jpg", "1.jpg", "2.jpg", "4.jpg"]
    assert refusal(api.call("GET", f"{poll_url}?status=done{cursor}")) == (422, "invalid_query")


def test_a_client_that_lost_its_uploads_gets_them_again(api: Api) -> None:
    poll_url = create(api, file("1.jpg"), file("2.jpg")).get_json()["poll_url"].removeprefix("/v1")
    result(api, "1.jpg")
    [done, awaited] = api.call("GET", f"{poll_url}?uploads=true").get_json()["files"]
    assert done["upload"] is None
    assert awaited["upload"]["headers"]["x-goog-content-length-range"] == "1000,1000"
    assert all(one["upload"] is None for one in api.call("GET", poll_url).get_json()["files"])


def test_more_files_may_come_until_the_batch_ends(api: Api) -> None:
    made = create(api, file("1.jpg")).get_json()
    path = made["poll_url"].removeprefix("/v1")
    more = api.call("POST", f"{path}/files", json={"files": [file("2.jpg")]})
    assert more.status_code == 202
    assert [one["name"] for one in more.get_json()["uploads"]] == ["2.jpg"]
    assert more.get_json()["batch"]["files"] == 2
    assert api.call("POST", f"{path}/cancel").get_json()["state"] == "cancelled"
    assert refusal(api.call("POST", f"{path}/files", json={"files": [file("3.jpg")]})) == (409, "batch_ended")
    assert api.call("GET", path).get_json()["batch"]["files"] == 2


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], (400, "bad_request")),
        ([file()] * 1001, (400, "bad_request")),
        ([file(), file()], (422, "announced_twice")),
        ([file(size=0)], (422, "empty_file")),
        ([file(size=100_000_001)], (422, "file_too_large")),
        ([file(size=-1)], (400, "bad_request")),
        ([file("/1.jpg")], (422, "invalid_value")),
        ([file("a\nb.jpg")], (422, "photo_name_not_allowed")),
        ([file("../other/1.jpg")], (422, "photo_name_not_allowed")),
        ([file("cam/./1.jpg")], (422, "photo_name_not_allowed")),
        ([file("é" * 600)], (422, "photo_name_not_allowed")),
        ([file(content_type="no type")], (400, "bad_request")),
        ([file(crc32c="n03x6A")], (400, "bad_request")),
    ],
)
def test_what_cannot_be_uploaded_is_refused_whole(
    api: Api, files: list[dict[str, Any]], expected: tuple[int, str]
) -> None:
    refused = create(api, *files)
    assert refusal(refused) == expected
    message = refused.get_json()["error"]["message"]
    assert "jpg" not in message, "messages say where, and repeat no values"
    assert "files" in message
    with api.database.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM upload_batch").fetchone() == (0,)


def test_photos_of_the_album_are_not_replaced(api: Api) -> None:
    result(api, "1.jpg")
    refused = create(api, file("1.jpg"), file("2.jpg"))
    assert refusal(refused) == (409, "photo_exists")
    assert "files.0." in refused.get_json()["error"]["message"]
    assert "1.jpg" not in refused.get_json()["error"]["message"]


def test_batches_are_for_writers_of_the_album(api: Api) -> None:
    poll_url = create(api, file()).get_json()["poll_url"].removeprefix("/v1")
    reader = api.key_for(Scope.SEARCH, frozenset({"race"}))
    other = api.key_for(Scope.WRITE, frozenset({"other"}))
    assert refusal(create(api, file("2.jpg"), key=reader)) == (403, "forbidden")
    assert refusal(api.call("GET", poll_url, key=reader)) == (403, "forbidden")
    assert refusal(api.call("GET", poll_url, key=other)) == (404, "unknown_album")
    assert refusal(api.call("GET", poll_url.replace("/race/", "/other/"), key=other))[0] == 404


def test_a_thousand_files_are_one_request(api: Api) -> None:
    made = create(api, *(file(f"cam1/IMG_{number:04}.jpg") for number in range(1000)))
    assert made.status_code == 202
    assert len(made.get_json()["uploads"]) == 1000
