"""Downloads over the real API: what each caller may have, ZIPs that are whole, resumed and revoked."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import cv2
import numpy as np
import pytest
from werkzeug.test import TestResponse

from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.analysis.imaging.jpeg_metadata import read_metadata
from photofinish.application.downloads.facts import AlbumFacts
from photofinish.domain.access import Scope
from photofinish.domain.album_policy import AlbumPolicy, Redact
from photofinish.domain.people import FaceOwner, FaceSource
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import preview_name
from photofinish.ports import People
from support.api import Api, error_of
from support.faces import bib
from support.index import VERSION, add

FACE = "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"


class OneFace:
    """The people of an album, where one face is a certain person's."""

    def __init__(self, people: Any, owner: FaceOwner) -> None:
        self.list_people = people.list_people
        self._owner = owner

    def face_owners(self, album: str, face_ids: Sequence[str]) -> dict[str, FaceOwner]:
        del album
        return {face: self._owner for face in face_ids if face == FACE}


@dataclass
class Race:
    """An album of three photos: originals of these contents, and previews."""

    api: Api
    contents: dict[str, bytes]
    refs: dict[str, PhotoRef] = field(default_factory=dict)

    @property
    def originals(self) -> MemoryPhotoStore:
        store = self.api.cloud.originals
        assert isinstance(store, MemoryPhotoStore)
        return store

    @property
    def ids(self) -> list[str]:
        return [ref.photo_id for ref in self.refs.values()]

    def create(self, key: str | None = None, **body: Any) -> TestResponse:
        return self.api.call("POST", "/albums/race/downloads", key=key, json={"photo_ids": self.ids} | body)

    def link(self, **body: Any) -> str:
        answer = self.create(**body)
        assert answer.status_code == 201, answer.get_json()
        return urlsplit(answer.get_json()["url"]).path

    def fetch(self, path: str, **headers: str) -> TestResponse:
        return self.api.client.get(path, headers=headers, buffered=True)


@pytest.fixture
def race(api: Api) -> Race:
    made = Race(api, {"cam1/IMG_1.jpg": b"1" * 3000, "cam2/Zürich.jpg": b"22", "IMG_1.CR2": b""})
    for name, content in made.contents.items():
        stored = made.originals.upload(f"race/{name}", content)
        made.refs[name] = stored.ref
        add(api.cloud.index, stored.ref, [], [bib("42")])
        now = datetime.now(UTC)
        api.cloud.documents.record_queued(stored, event_at=now, trace_id="t")
        preview = preview_name(stored.ref, VERSION)
        fields = {"renditions": {"preview": preview}, "image": {"taken_at": "2026-05-01T10:04:26"}}
        api.cloud.documents.record_final(stored.ref, PhotoStatus.DONE, fields)
        made.originals.put_derived(preview, b"preview of " + name.encode(), "image/jpeg")
    return made


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


class TestZip:
    def test_has_all_originals_with_folders_and_times(self, race: Race) -> None:
        created = race.create().get_json()
        answer = race.fetch(urlsplit(created["url"]).path)
        assert files_of(answer.data) == race.contents
        assert created["files"] == 3
        assert created["size_bytes"] == answer.content_length == len(answer.data)
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="race.zip"')
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            assert {one.date_time for one in archive.infolist()} == {(2026, 5, 1, 10, 4, 26)}

    def test_previews_are_jpeg_files_of_unknown_size(self, race: Race) -> None:
        created = race.create(size="web").get_json()
        answer = race.fetch(urlsplit(created["url"]).path)
        assert created["size_bytes"] is None
        assert answer.headers["Accept-Ranges"] == "none"
        assert files_of(answer.data) == {
            "cam1/IMG_1.jpg": b"preview of cam1/IMG_1.jpg",
            "cam2/Zürich.jpg": "preview of cam2/Zürich.jpg".encode(),
            "IMG_1.jpg": b"preview of IMG_1.CR2",
        }

    def test_originals_of_unknown_size_are_originals(self, race: Race) -> None:
        stored = race.originals.upload("race/old.jpg", b"recorded by an old version")
        race.api.cloud.documents.record_final(stored.ref, PhotoStatus.DONE, {})
        created = race.create(photo_ids=[stored.ref.photo_id]).get_json()
        assert created["size_bytes"] is None
        assert files_of(race.fetch(urlsplit(created["url"]).path).data) == {"old.jpg": b"recorded by an old version"}

    def test_goes_on_where_it_ended(self, race: Race) -> None:
        link = race.link()
        whole = race.fetch(link)
        etag = whole.headers["ETag"]
        rest = race.fetch(link, **{"Range": "bytes=1000-", "If-Range": etag})
        assert rest.status_code == 206
        assert rest.data == whole.data[1000:]
        assert rest.headers["Content-Range"] == f"bytes 1000-{len(whole.data) - 1}/{len(whole.data)}"
        assert race.fetch(link, Range="bytes=-10").data == whole.data[-10:]
        assert race.fetch(link, **{"Range": "bytes=1000-", "If-Range": '"other"'}).data == whole.data
        several = race.fetch(link, Range="bytes=0-1,5-6")
        assert (several.status_code, several.data) == (200, whole.data)

    @pytest.mark.parametrize("unit", ["lines=0-5", "lines=999999-", "lines=-5"])
    def test_a_range_of_an_unknown_unit_is_ignored(self, race: Race, unit: str) -> None:
        link = race.link()
        answer = race.fetch(link, Range=unit)
        assert (answer.status_code, answer.data) == (200, race.fetch(link).data)

    def test_more_last_bytes_than_there_are_is_all_of_them(self, race: Race) -> None:
        link = race.link()
        whole = race.fetch(link).data
        answer = race.fetch(link, Range=f"bytes=-{len(whole) + 1}")
        assert (answer.status_code, answer.data) == (206, whole)
        assert answer.headers["Content-Range"] == f"bytes 0-{len(whole) - 1}/{len(whole)}"

    def test_a_range_behind_the_end_is_refused(self, race: Race) -> None:
        answer = race.fetch(race.link(), Range="bytes=999999-")
        assert error_of(answer) == (416, "range_not_satisfiable")
        assert answer.headers["Content-Range"].startswith("bytes */")

    def test_head_tells_the_size(self, race: Race) -> None:
        link = race.link()
        answer = race.api.client.head(link)
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.content_length == len(race.fetch(link).data)

    @pytest.mark.parametrize("size", ["original", "web"])
    def test_names_photos_that_vanished(self, race: Race, size: str) -> None:
        link = race.link(size=size)
        if size == "original":
            race.originals.delete("race/cam1/IMG_1.jpg")
        else:
            race.originals.derived.pop(preview_name(race.refs["cam1/IMG_1.jpg"], VERSION))
        found = files_of(race.fetch(link).data)
        assert b"cam1/IMG_1.jpg\r\n" in found.pop("MISSING.txt")
        assert len(found) == 2

    def test_only_some_are_sent_at_once(self, race: Race) -> None:
        link = race.link()
        open_ones = [race.api.client.get(link) for _ in range(4)]
        refused = race.fetch(link)
        assert error_of(refused) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert race.api.client.head(link).status_code == 200
        open_ones.pop().close()
        assert race.fetch(link).status_code == 200
        for one in open_ones:
            one.close()


class TestMetadata:
    @pytest.fixture
    def named(self, race: Race) -> Race:
        """A JPEG that shows Ada, number 42, and whose raw file lies beside it."""
        picture = cv2.imencode(".jpg", np.zeros((32, 32, 3), np.uint8))[1].tobytes()
        person = race.api.call("POST", "/albums/race/people", json={"name": "Ada"}).get_json()["person"]
        race.contents["cam1/IMG_1.jpg"] = picture
        stored = race.originals.upload("race/cam1/IMG_1.jpg", picture)
        face = {"face_id": FACE, "box": {"x": 0, "y": 0, "w": 1, "h": 1}}
        fields = {
            "faces": [face],
            "bibs": [{"number": "42", "ocr_score": 0.9, "face_id": FACE}],
            "sharpness": {"frame": 0.9, "is_blurry": False},
        }
        race.refs["cam1/IMG_1.jpg"] = stored.ref
        race.api.cloud.documents.record_queued(stored, event_at=datetime.now(UTC), trace_id="t")
        race.api.cloud.documents.record_final(stored.ref, PhotoStatus.DONE, fields)
        owner = FaceOwner(person_id=person["person_id"], source=FaceSource.CONFIRMED, user_id=None)
        people = cast(People, OneFace(race.api.cloud.people, owner))
        race.api.cloud.album_facts = AlbumFacts(people, race.api.cloud.album_rules)
        return race

    def test_copies_have_numbers_and_names_and_a_sidecar_each(self, named: Race) -> None:
        created = named.create(metadata=True).get_json()
        assert created["size_bytes"] is None
        found = files_of(named.fetch(urlsplit(created["url"]).path).data)
        assert found.keys() == {*named.contents, "cam1/IMG_1.xmp", "cam2/Zürich.xmp", "IMG_1.xmp"}
        xmp, keywords = read_metadata(found["cam1/IMG_1.jpg"])
        assert keywords == ["42", "Ada"]
        assert xmp is not None
        assert 'xmp:Rating="5"' in xmp
        assert b"<rdf:li>Ada</rdf:li>" in found["cam1/IMG_1.xmp"]
        assert found["IMG_1.CR2"] == named.contents["IMG_1.CR2"], "what is no JPEG stays as it is"
        assert named.originals.read(named.refs["cam1/IMG_1.jpg"], max_bytes=10**6) == named.contents["cam1/IMG_1.jpg"]

    def test_are_of_originals(self, race: Race) -> None:
        assert error_of(race.create(metadata=True, size="web")) == (422, "invalid_value")

    def test_csv_has_a_line_for_each_number_and_person(self, named: Race) -> None:
        answer = named.api.call("GET", "/albums/race/export.csv", buffered=True)
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="race.csv"')
        rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
        by_name = {row["name"]: row for row in rows}
        assert len(rows) == 3
        assert by_name["race/cam1/IMG_1.jpg"]["person_name"] == "Ada"
        assert by_name["race/cam1/IMG_1.jpg"]["number"] == "42"
        assert by_name["race/cam2/Zürich.jpg"]["number"] == ""
        assert error_of(named.api.call("GET", "/albums/race/export.csv", key=named.api.key_for(Scope.SEARCH))) == (
            403,
            "forbidden",
        )


class TestLink:
    def test_expires(self, race: Race) -> None:
        link = race.link()
        assert race.api.cloud.downloads.expire(datetime.now(UTC) + timedelta(hours=25)) == 1
        assert error_of(race.fetch(link)) == (404, "unknown_link")

    def test_ends_with_its_key(self, race: Race) -> None:
        key = race.api.key_for(Scope.WRITE)
        link = race.link(key=key)
        race.api.cloud.access.revoke_key(key.split("_")[1])
        assert error_of(race.fetch(link)) == (404, "unknown_link")

    def test_ends_when_a_photo_of_it_is_erased(self, race: Race) -> None:
        link = race.link()
        assert race.api.call("DELETE", f"/albums/race/photos/{race.ids[0]}").status_code == 202
        assert error_of(race.fetch(link)) == (404, "unknown_link")

    def test_cannot_be_guessed(self, race: Race) -> None:
        assert error_of(race.fetch(race.link()[:-1] + "!")) == (404, "unknown_link")


class TestRights:
    @pytest.mark.parametrize(
        ("downloads", "redacts", "sizes"),
        [
            ("none", False, set()),
            ("web", False, {"web"}),
            ("original", False, {"web", "original"}),
            ("original", True, {"web"}),
        ],
    )
    def test_the_card_says_what_others_may_download(
        self, race: Race, downloads: str, redacts: bool, sizes: set[str]
    ) -> None:
        runner = race.api.key_for(Scope.SEARCH)
        assert race.api.call("PUT", "/albums/race", json={"downloads": downloads}).status_code == 200
        if redacts:
            race.api.cloud.album_policies.set_policy("race", AlbumPolicy(redact=Redact.EVERYONE))
        for size in ("web", "original"):
            assert race.create(runner, size=size).status_code == (201 if size in sizes else 403), size
            assert race.create(size=size).status_code == 201, "organisers"
        told = race.api.call("GET", "/albums/race", key=runner).get_json()
        assert told["has_originals"] == ("original" in sizes)
        assert race.api.call("GET", "/albums/race").get_json()["has_originals"], "organisers"

    def test_a_visitor_downloads_what_they_found_until_the_share_is_revoked(self, race: Race) -> None:
        share = race.api.call("POST", "/albums/race/shares", json={"may": "find"}).get_json()
        opened = race.api.client.post("/v1/shares/open", json={"token": share["url"].rpartition("/")[2]}).get_json()
        visitor = {"headers": {"X-Api-Key": "", "Authorization": f"Bearer {opened['session_token']}"}}

        def create(**body: Any) -> TestResponse:
            return race.api.call("POST", "/albums/race/downloads", json={"size": "web"} | body, **visitor)

        assert error_of(create(photo_ids=race.ids)) == (404, "unknown_photo")
        found = race.api.call("GET", "/albums/race/bibs/42", **visitor).get_json()["photos"]
        passes = [one["download_pass"] for one in found]
        created = create(photo_ids=[*race.ids], download_passes=passes[:2]).get_json()
        assert created["files"] == 2
        link = urlsplit(created["url"]).path
        assert len(files_of(race.fetch(link).data)) == 2
        other = passes[0][:-1] + ("A" if passes[0][-1] != "A" else "B")
        assert error_of(create(photo_ids=race.ids, download_passes=[other])) == (404, "unknown_photo")
        assert race.api.call("DELETE", f"/albums/race/shares/{share['share_id']}").status_code == 204
        assert error_of(race.fetch(link)) == (404, "unknown_link")

    def test_metadata_is_for_organisers(self, race: Race) -> None:
        race.api.call("PUT", "/albums/race", json={"downloads": "original"})
        assert error_of(race.create(race.api.key_for(Scope.SEARCH), metadata=True)) == (403, "forbidden")

    def test_originals_are_for_organisers(self, race: Race) -> None:
        runner = race.api.key_for(Scope.SEARCH)
        assert error_of(race.create(runner)) == (403, "downloads_not_allowed")
        one = f"/albums/race/photos/{race.ids[0]}/download"
        assert error_of(race.api.call("GET", one, key=runner)) == (403, "downloads_not_allowed")
        assert race.create(runner, size="web").status_code == 201
        assert race.api.call("GET", f"{one}?size=web", key=runner).status_code == 303

    def test_one_original_is_a_link_to_its_version_with_its_name(self, race: Race) -> None:
        ref = race.refs["cam2/Zürich.jpg"]
        answer = race.api.call("GET", f"/albums/race/photos/{ref.photo_id}/download")
        assert answer.status_code == 303
        url = urlsplit(answer.headers["Location"])
        query = parse_qs(url.query)
        assert unquote(url.path) == "/photos/race/cam2/Zürich.jpg"
        assert query["generation"] == [str(ref.generation)]
        assert query["response-content-disposition"] == [
            "attachment; filename=\"Z_rich.jpg\"; filename*=UTF-8''Z%C3%BCrich.jpg"
        ]

    def test_one_preview_is_a_link_to_a_jpeg_file_with_its_name(self, race: Race) -> None:
        ref = race.refs["IMG_1.CR2"]
        answer = race.api.call("GET", f"/albums/race/photos/{ref.photo_id}/download?size=web")
        assert answer.status_code == 303
        url = urlsplit(answer.headers["Location"])
        assert unquote(url.path) == f"/derived/{preview_name(ref, VERSION)}"
        assert parse_qs(url.query)["response-content-disposition"] == [
            "attachment; filename=\"IMG_1.jpg\"; filename*=UTF-8''IMG_1.jpg"
        ]

    def test_what_has_no_such_file_is_left_out(self, race: Race) -> None:
        stored = race.originals.upload("race/new.jpg", b"new")
        race.api.cloud.documents.record_queued(stored, event_at=datetime.now(UTC), trace_id="t")
        new = stored.ref.photo_id
        created = race.create(photo_ids=[*race.ids, new, "0" * 32, new], size="web").get_json()
        assert (created["files"], created["left_out"]) == (3, [new, "0" * 32])
        assert error_of(race.create(photo_ids=[new], size="web")) == (404, "no_picture")
        assert error_of(race.create(photo_ids=["0" * 32])) == (404, "unknown_photo")

    def test_nothing_is_downloaded_where_only_results_are_kept(self, race: Race) -> None:
        race.api.cloud.album_policies.set_policy("race", AlbumPolicy(keep_originals=False))
        for size in ("original", "web"):
            assert error_of(race.create(size=size)) == (404, "no_picture")
            one = f"/albums/race/photos/{race.ids[0]}/download?size={size}"
            assert error_of(race.api.call("GET", one)) == (404, "no_picture")

    def test_a_redacted_picture_comes_from_the_api(self, race: Race) -> None:
        race.api.cloud.album_policies.set_policy("race", AlbumPolicy(redact=Redact.EVERYONE))
        one = f"/albums/race/photos/{race.ids[0]}/download?size=web"
        answer = race.api.call("GET", one, key=race.api.key_for(Scope.SEARCH))
        assert urlsplit(answer.headers["Location"]).path.startswith("/v1/pictures/")
