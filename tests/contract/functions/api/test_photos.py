"""Albums and their photos, over the real API."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from photofinish.application.cursors import encode_cursor
from photofinish.domain.album_policy import AlbumPolicy
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_listing import PhotoListing
from support.api import Api, error_of
from support.faces import bib, embedding, face, photo
from support.index import add

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PREVIEW, THUMBNAIL = "renditions/race/0a/1.v.preview.jpg", "renditions/race/0a/1.v.thumbnail.webp"
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
    "renditions": {"preview": PREVIEW, "thumbnail": THUMBNAIL},
    "placeholder": "WYcGTZKAdnebhnhZeGd5aGFQBViI",
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
            "album": "race",
            "photo_id": ref.photo_id,
        }
        assert (body["status"], body["error"], body["text"]) == ("done", None, ["FINISH"])
        assert body["image"] == DONE["image"]
        assert body["sharpness"] == {"frame": 0.7, "is_blurry": False}
        assert body["faces"][0]["box"] == {"x": 0.1, "y": 0.2, "w": 0.1, "h": 0.2}
        assert body["bibs"][0]["face_id"] == body["faces"][0]["face_id"]
        assert f"/derived/{PREVIEW}?" in body["renditions"]["preview"]["url"]
        assert f"/derived/{THUMBNAIL}?" in body["renditions"]["thumbnail"]["url"]
        assert body["placeholder"] == DONE["placeholder"]
        assert datetime.fromisoformat(body["done_at"]) - datetime.now(UTC) < timedelta(seconds=1)
        for internal in ("secret-path", "task-7", "something internal", "trace", "m-1"):
            assert internal not in answer.text

    def test_whose_faces_they_are_now(self, api: Api) -> None:
        ref = photo("race/1.jpg")
        add(api.cloud.index, ref, [face(), face(x=0.6)])
        with api.database.transaction() as conn:
            ids = [str(row[0]) for row in conn.execute("SELECT face_id FROM face ORDER BY face_id").fetchall()]
        record(api, ref, PhotoStatus.DONE, **DONE | {"faces": [DONE["faces"][0] | {"face_id": one} for one in ids]})
        person = api.cloud.people.create("race", name="Ada", by="test").person_id
        api.cloud.people_changes.confirm("race", person, ids[:1], by="test")
        shown = api.call("GET", f"/albums/race/photos/{ref.photo_id}").get_json()["faces"]
        assert [one["person_id"] for one in shown] == [person, None]

    def test_a_photo_that_was_analysed_before_there_were_thumbnails(self, api: Api) -> None:
        ref = photo("race/1.jpg")
        record(api, ref, PhotoStatus.DONE, **{**DONE, "renditions": {"preview": PREVIEW}, "placeholder": None})
        body = api.call("GET", f"/albums/race/photos/{ref.photo_id}").get_json()
        assert body["renditions"]["preview"] is not None
        assert (body["renditions"]["thumbnail"], body["placeholder"]) == (None, None)

    def test_what_was_not_as_it_should_be_with_the_file_is_told(self, api: Api) -> None:
        warnings = [{"code": "end_missing", "message": "The end of the file is missing."}]
        ref, older = photo("race/1.jpg"), photo("race/2.jpg")
        record(api, ref, PhotoStatus.DONE, **DONE, warnings=warnings)
        record(api, older, PhotoStatus.DONE, **DONE)
        answers = [api.call("GET", f"/albums/race/photos/{one.photo_id}").get_json() for one in (ref, older)]
        assert [answer["warnings"] for answer in answers] == [warnings, []]

    def test_a_queued_photo_and_a_rejected_one(self, api: Api) -> None:
        waits, rejected = photo("race/1.jpg"), photo("race/2.jpg")
        record(api, waits)
        record(api, rejected, PhotoStatus.REJECTED)
        body = api.call("GET", f"/albums/race/photos/{waits.photo_id}").get_json()
        assert (body["status"], body["image"], body["faces"], body["done_at"]) == ("queued", None, [], None)
        assert body["renditions"] == {"preview": None, "thumbnail": None}
        body = api.call("GET", f"/albums/race/photos/{rejected.photo_id}").get_json()
        assert body["error"] == {"code": "cut_off", "message": "The file is cut off."}

    def test_an_album_is_the_same_in_both_spellings_of_its_name(self, api: Api) -> None:
        ref = photo("Zu\u0308rich/1.jpg", 1)
        record(api, ref, PhotoStatus.DONE, **DONE)
        for album in ("Zu\u0308rich", "Z\u00fcrich"):
            found = api.call("GET", f"/albums/{quote(album)}/photos/{ref.photo_id}").get_json()
            assert (found["photo"]["album"], found["photo"]["name"]) == ("Z\u00fcrich", "Zu\u0308rich/1.jpg")

    def test_a_photo_of_another_album_is_not_found(self, api: Api) -> None:
        ref = photo("race/1.jpg")
        record(api, ref, PhotoStatus.DONE, **DONE)
        add(api.cloud.index, photo("other/1.jpg"), [], [])
        assert error_of(api.call("GET", f"/albums/other/photos/{ref.photo_id}")) == (404, "unknown_photo")
        assert error_of(api.call("GET", f"/albums/race/photos/{'0' * 32}")) == (404, "unknown_photo")


class TestPhotoLists:
    def listed(self, api: Api, album: str = "race", **query: Any) -> tuple[list[str], str | None]:
        answer = api.call("GET", f"/albums/{album}/photos", query_string=query)
        assert answer.status_code == 200, answer.text
        body = answer.get_json()
        return [one["photo"]["name"] for one in body["photos"]], body["next_cursor"]

    def test_each_photo_as_it_is_shown_alone(self, api: Api) -> None:
        done, waits, rejected = photo("race/a/1.jpg"), photo("race/a/2.jpg"), photo("race/3.jpg")
        record(api, done, PhotoStatus.DONE, **DONE)
        record(api, waits)
        record(api, rejected, PhotoStatus.REJECTED)
        shown = api.call("GET", "/albums/race/photos").get_json()["photos"]
        for ref, one in zip((rejected, done, waits), shown, strict=True):
            alone = api.call("GET", f"/albums/race/photos/{ref.photo_id}").get_json()
            links = (one.pop("renditions"), alone.pop("renditions"))
            for size in ("preview", "thumbnail"):
                urls = [of_photo[size] and of_photo[size]["url"].partition("?")[0] for of_photo in links]
                assert urls[0] == urls[1]
            assert one == alone

    def test_near_duplicates_burst_by_burst(self, api: Api) -> None:
        for name, second, sharpness in (
            *(("race/a/2.jpg", 1, 0.2), ("race/a/1.jpg", 0, 0.4), ("race/a/3.jpg", 2, 0.9)),
            *(("race/b/9.jpg", 30, 0.3), ("race/b/8.jpg", 31, 0.5), ("race/b/alone.jpg", 59, 0.9)),
        ):
            record(api, photo(name), PhotoStatus.DONE, **DONE)
            taken_at = datetime(2026, 5, 1, 10, 0, second)
            add(api.cloud.index, photo(name), taken_at=taken_at, camera="X", sharpness=sharpness, perceptual_hash=7)
        in_order = ["race/a/3.jpg", "race/a/1.jpg", "race/a/2.jpg", "race/b/8.jpg", "race/b/9.jpg"]
        names, cursor = self.listed(api, near_duplicates=True)
        assert (names, cursor) == (in_order, None)
        first, cursor = self.listed(api, near_duplicates=True, limit=2)
        assert first + self.listed(api, near_duplicates=True, cursor=cursor)[0] == in_order
        assert self.listed(api, near_duplicates=True, folder="b")[0] == in_order[3:]
        shown = api.call("GET", "/albums/race/photos?near_duplicates=true&folder=b").get_json()["photos"]
        ids = [photo(name).photo_id for name in in_order[3:]]
        assert [one["burst"] for one in shown] == [{"size": 2, "photo_ids": ids}] * 2
        refused = api.call("GET", "/albums/race/photos?near_duplicates=true&is_blurry=true")
        assert error_of(refused) == (422, "invalid_query")

    def test_by_status_camera_folder_bib_and_time(self, api: Api) -> None:
        record(api, photo("race/a/1.jpg"), PhotoStatus.DONE, **DONE)
        record(api, photo("race/a/2.jpg"))
        record(api, photo("race/3.jpg"), PhotoStatus.REJECTED)
        assert self.listed(api)[0] == ["race/3.jpg", "race/a/1.jpg", "race/a/2.jpg"]
        assert self.listed(api, status="rejected")[0] == ["race/3.jpg"]
        assert self.listed(api, folder="/a/")[0] == ["race/a/1.jpg", "race/a/2.jpg"]
        done = {"camera": "X", "bib": "42", "taken_from": "2026-05-01T10:00", "taken_to": "2026-05-01T10:00:00"}
        for name, value in done.items():
            assert self.listed(api, **{name: value})[0] == ["race/a/1.jpg"], name
        assert self.listed(api, **done, folder="a", status="done")[0] == ["race/a/1.jpg"]
        assert self.listed(api, camera="Y")[0] == []
        assert self.listed(api, with_warnings="true")[0] == []
        record(api, photo("race/4.jpg"), PhotoStatus.DONE, **DONE, has_warnings=True)
        assert self.listed(api, with_warnings="true")[0] == ["race/4.jpg"]

    def test_blurry_ones_and_those_without_a_number(self, api: Api) -> None:
        blurry = {"sharpness": {"frame": 0.1, "is_blurry": True}}
        record(api, photo("race/1.jpg"), PhotoStatus.DONE, **DONE)
        record(api, photo("race/2.jpg"), PhotoStatus.DONE, **DONE | {"bibs": [], "bib_numbers": []})
        record(api, photo("race/3.jpg"), PhotoStatus.DONE, **DONE | blurry)
        record(api, photo("race/4.jpg"), PhotoStatus.REJECTED)
        assert self.listed(api, without_bib="true")[0] == ["race/2.jpg"]
        assert self.listed(api, is_blurry="true")[0] == ["race/3.jpg"]
        both = api.call("GET", "/albums/race/photos", query_string={"bib": "42", "without_bib": "true"})
        assert error_of(both) == (422, "invalid_query")

    def test_page_by_page(self, api: Api) -> None:
        names = [f"race/{number}.jpg" for number in range(5)]
        for name in names:
            record(api, photo(name), PhotoStatus.DONE, **DONE)
        for conditions in ({}, {"taken_from": "2026-05-01T10:00"}):
            found: list[str] = []
            cursor: dict[str, str] = {}
            while True:
                page, after = self.listed(api, limit=2, **conditions, **cursor)
                found += page
                if after is None:
                    break
                cursor = {"cursor": after}
            assert found == names

    def test_long_lists_are_compressed_for_those_who_take_it(self, api: Api) -> None:
        for number in range(4):
            record(api, photo(f"race/{number}.jpg"), PhotoStatus.DONE, **DONE)
        plain = api.call("GET", "/albums/race/photos")
        packed = api.call("GET", "/albums/race/photos", headers={"Accept-Encoding": "gzip"})
        assert ("Content-Encoding" in plain.headers, packed.headers["Content-Encoding"]) == (False, "gzip")
        assert "Accept-Encoding" in plain.headers["Vary"]
        listed = json.loads(gzip.decompress(packed.data))["photos"]
        assert [one["photo"] for one in listed] == [one["photo"] for one in plain.get_json()["photos"]]
        assert len(packed.data) < len(plain.data) / 2

    def test_the_cursor_of_another_list_is_refused(self, api: Api) -> None:
        for number in range(2):
            record(api, photo(f"race/{number}.jpg"), PhotoStatus.DONE, **DONE)
        _, cursor = self.listed(api, limit=1)
        for other in ({"bib": "42"}, {"taken_to": "2026-05-01T10:00"}):
            answer = api.call("GET", "/albums/race/photos", query_string=other | {"cursor": cursor})
            assert error_of(answer) == (422, "invalid_query")
        for text in ("x", encode_cursor(("race", PhotoListing()), ["race/1.jpg", "../x"])):
            answer = api.call("GET", "/albums/race/photos", query_string={"cursor": text})
            assert error_of(answer) == (422, "invalid_query")

    def test_an_unknown_album_and_one_without_such_a_photo(self, api: Api) -> None:
        record(api, photo("race/1.jpg"))
        assert self.listed(api, status="done") == ([], None)
        assert error_of(api.call("GET", "/albums/nowhere/photos")) == (404, "unknown_album")

    def test_a_day_that_does_not_exist(self, api: Api) -> None:
        answer = api.call("GET", "/albums/race/photos?taken_from=2026-02-30T10:00")
        assert error_of(answer) == (422, "invalid_query")


class TestAlbums:
    def test_counts(self, api: Api) -> None:
        add(api.cloud.index, photo("race/1.jpg"), [face(embedding([1, 0])), face(embedding([0, 1]))], [bib("1")])
        add(api.cloud.index, photo("race/2.jpg"), [], [])
        record(api, photo("race/1.jpg"), PhotoStatus.DONE)
        record(api, photo("race/3.jpg"))
        counted = {"album": "race", "photos": 2, "faces": 2, "bibs": 1}
        titled = counted | {"title": None, "held_on": None}
        assert api.call("GET", "/albums").get_json()["albums"] == [titled]
        detail = api.call("GET", "/albums/race").get_json()
        uploaded = api.cloud.documents.last_upload("race")
        assert uploaded is not None
        assert datetime.fromisoformat(detail.pop("last_upload_at")) == uploaded
        assert detail.pop("privacy")["redact"] == "none"
        card = {"title": None, "held_on": None, "watermark": None}
        assert detail == counted | card | {
            "downloads": "original",
            "visitors_may_download": "web",
            "has_originals": True,
            "photos_by_status": {"done": 1, "queued": 1},
            "gpu_refused": None,
            "ends_on": None,
        }

    def test_an_album_says_when_it_ends(self, api: Api) -> None:
        record(api, photo("race/1.jpg"))
        api.cloud.album_policies.set_policy("race", AlbumPolicy(ends_on=date(2026, 12, 31)))
        assert api.call("GET", "/albums/race").get_json()["ends_on"] == "2026-12-31"

    def test_an_album_says_that_gpus_are_refused(self, api: Api) -> None:
        record(api, photo("race/1.jpg"))
        now = datetime(2026, 5, 1, 12, tzinfo=UTC)
        api.cloud.gpu_states.update(lambda state: state.refused("Quota exceeded", now, first_retry_s=300))
        assert api.call("GET", "/albums/race").get_json()["gpu_refused"] == {
            "reason": "Quota exceeded",
            "since": "2026-05-01T12:00:00Z",
            "retry_at": "2026-05-01T12:05:00Z",
        }

    def test_an_album_with_only_queued_photos(self, api: Api) -> None:
        record(api, photo("new/1.jpg"))
        counted = {"album": "new", "photos": 0, "faces": 0, "bibs": 0}
        [listed] = api.call("GET", "/albums").get_json()["albums"]
        assert counted.items() <= listed.items()
        assert counted.items() <= api.call("GET", "/albums/new").get_json().items()
        assert api.call("GET", "/albums/new").get_json()["photos_by_status"] == {"queued": 1}

    def test_pages_list_every_album_once_by_name(self, api: Api) -> None:
        analysed, recorded = ["b", "d", "é", "Z"], ["a", "b", "ß", "Z", "zz"]
        for album in analysed:
            add(api.cloud.index, photo(f"{album}/1.jpg"), [], [])
        for album in recorded:
            record(api, photo(f"{album}/1.jpg"))
        names = sorted({*analysed, *recorded})
        for key, visible in (
            (None, names),
            (api.key_for(albums=frozenset({"a", "b", "zz", "none"})), ["a", "b", "zz"]),
        ):
            for limit in (1, 2, 3, 100):
                found, after = [], {}
                while after is not None:
                    page = api.call("GET", "/albums", key=key, query_string={"limit": limit} | after).get_json()
                    found += [album["album"] for album in page["albums"]]
                    after = {"after": page["next_after"]} if page["next_after"] else None
                assert found == visible

    def test_an_unknown_album(self, api: Api) -> None:
        assert error_of(api.call("GET", "/albums/nowhere")) == (404, "unknown_album")

    def test_a_removed_photo_does_not_count(self, api: Api) -> None:
        add(api.cloud.index, photo("race/1.jpg"), [face(embedding([1, 0]))])
        add(api.cloud.index, photo("race/2.jpg"), [face(embedding([1, 0]))])
        api.cloud.index.remove(photo("race/1.jpg"))
        [album] = api.call("GET", "/albums").get_json()["albums"]
        assert (album["photos"], album["faces"]) == (1, 1)
