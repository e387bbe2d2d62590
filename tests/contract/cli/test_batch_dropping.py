"""How `photofinish drop` sends batches: over real HTTP to a storage that breaks off, with an API that refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.errors import Conflict, RejectedInput, Unavailable
from photofinish_cli import api_client, batch_uploads
from photofinish_cli.batch_dropping import BatchDropping, in_batches
from photofinish_cli.drop_files import LocalPhoto, collect
from photofinish_cli.drop_names import Placed, Placement, place
from photofinish_cli.dropping import content_of
from support.http_server import POLL_S, HttpServer


class Cloud:
    """A storage that takes resumable uploads, and an API that announces files there."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.batches: list[list[dict[str, Any]]] = []
        self.keys: list[str] = []
        self.known: set[str] = set()
        self.breaks_off_at: int | None = None
        self.asleep = False
        """The time of every address that was given until now is over."""
        self.pages = 0
        self.refuses: Exception | None = None
        self.cancelled: list[str] = []
        cloud = self

        class Storage(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path, _, renewed = self.path.partition("?")
                if cloud.asleep and not renewed:
                    self._answer(400)
                    return
                self._answer(201, Location=f"{cloud.url}/session{path}?{renewed}")

            def do_PUT(self) -> None:
                path, _, renewed = self.path.partition("?")
                name = path.removeprefix("/session/")
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if cloud.asleep and not renewed:
                    self._answer(410)
                    return
                sent, _, size = self.headers["Content-Range"].removeprefix("bytes ").partition("/")
                parts = cloud.parts.setdefault(name, bytearray())
                if sent != "*":
                    assert int(sent.partition("-")[0]) == len(parts), "goes on where the storage is"
                    if cloud.breaks_off_at is not None:
                        parts += content[: cloud.breaks_off_at]
                        cloud.breaks_off_at = None
                        self.close_connection = True
                        return
                    parts += content
                if len(parts) < int(size):
                    self._answer(308, **({"Range": f"bytes=0-{len(parts) - 1}"} if parts else {}))
                elif name in cloud.objects and cloud.objects[name] != parts:
                    self._answer(412)
                else:
                    cloud.objects[name] = bytes(parts)
                    self._answer(200, **{"x-goog-generation": "7"})

            def _answer(self, status: int, **headers: str) -> None:
                self.send_response(status)
                for header, value in headers.items():
                    self.send_header(header, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.parts: dict[str, bytearray] = {}
        self._server = HttpServer(("127.0.0.1", 0), Storage)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def in_album(self, method: str, album: str, path: str, **request: Any) -> dict[str, Any]:
        assert album == "race"
        if self.refuses is not None:
            error, self.refuses = self.refuses, None
            raise error
        if path.endswith("/cancel"):
            self.cancelled.append(path)
            return {}
        if method == "GET":
            number = int(path.rpartition("/")[2])
            self.pages += 1
            return self.page(self.batches[number], with_uploads=bool(request["params"].get("uploads")))
        files = request["json"]["files"]
        self.keys.append(request["idempotency_key"])
        if any(file["name"] in self.known for file in files):
            raise Conflict("photo_exists", "The album has photos of these names: files.0.")
        if path == "/batches":
            self.batches.append([])
        self.batches[-1] += files
        uploads = [{"upload": self._upload(file["name"])} for file in files]
        return {"batch": {"batch_id": str(len(self.batches) - 1)}, "uploads": uploads}

    def _upload(self, name: str, renewed: str = "") -> dict[str, Any]:
        return {"method": "POST", "url": f"{self.url}/{name}{renewed}", "headers": {"X-A": "1"}}

    def page(self, files: Sequence[Mapping[str, Any]], *, with_uploads: bool = False) -> dict[str, Any]:
        """Photos that begin with `bad` are rejected, all others done."""
        shown = []
        for file in files:
            content = self.objects.get(file["name"])
            status = "awaited" if content is None else "rejected" if content.startswith(b"bad") else "done"
            error = {"code": "cut_off", "message": "It is cut off."} if status == "rejected" else None
            shown.append({"name": file["name"], "status": status, "error": error})
            if with_uploads and status == "awaited":
                shown[-1]["upload"] = self._upload(file["name"], "?renewed")
        if with_uploads:  # they are asked for with `status=awaited`
            shown = [one for one in shown if one["status"] == "awaited"]
        statuses = [one["status"] for one in shown]
        counts = {name: statuses.count(name) for name in ("awaited", "queued", "done", "rejected", "failed")}
        state = "open" if counts["awaited"] else "completed"
        return {"batch": {"state": state, "counts": counts}, "files": shown, "next_cursor": None}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    made = Cloud()
    monkeypatch.setattr(api_client, "in_album", made.in_album)
    monkeypatch.setattr(batch_uploads, "_FIRST_PAUSE_S", 0.01)
    yield made
    made.stop()


def placed(folder: Path, **contents: bytes) -> list[Placed]:
    for name, content in contents.items():
        (folder / f"{name}.jpg").write_bytes(content)
    return place(collect([folder], "race").photos, {}, {}, replace=False)


def dropping() -> BatchDropping:
    return BatchDropping("race", "photos", parallel=4)


def test_many_photos_are_one_batch_with_results(cloud: Cloud, tmp_path: Path) -> None:
    sender = dropping()
    done: list[int] = []
    final: list[int] = []
    photos = placed(tmp_path, bad=b"bad", **{f"IMG_{number}": b"%d" % number for number in range(250)})
    dropped = sender.send(photos, on_done=lambda: done.append(1))
    assert (len(dropped.sent), dropped.failed, len(done)) == (251, [], 251)
    assert PhotoRef(bucket="photos", name="race/IMG_1.jpg", generation=7) in dropped.sent
    assert [len(files) for files in cloud.batches] == [251]
    assert len(set(cloud.keys)) == 3, "requests of 100 files"
    [first] = [file for file in cloud.batches[0] if file["name"] == "IMG_9.jpg"]
    content = content_of(tmp_path / "IMG_9.jpg")
    assert first == {"name": "IMG_9.jpg", "size": 1, "content_type": "image/jpeg", "crc32c": content.crc32c}
    sender.wait(final.append)
    results = sender.results()
    assert sum(final) == 251
    assert results.counts == {PhotoStatus.DONE: 250, PhotoStatus.REJECTED: 1}
    assert [(one.name, one.code) for one in results.problems] == [("race/bad.jpg", "cut_off")]


def test_an_upload_goes_on_where_it_broke_off(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_uploads, "PART_BYTES", 1000)
    content = bytes(range(256)) * 20
    cloud.breaks_off_at = 700
    cloud.refuses = Unavailable("the API cannot be reached")
    dropped = dropping().send(placed(tmp_path, one=content), on_done=lambda: None)
    assert (len(dropped.sent), dropped.failed) == (1, [])
    assert cloud.objects == {"one.jpg": content}


def test_drop_goes_on_after_the_laptop_slept_longer_than_its_links_last(cloud: Cloud, tmp_path: Path) -> None:
    photos = placed(tmp_path, **{f"IMG_{number}": b"%d" % number for number in range(30)})

    def sleeps() -> None:  # after the first photo: of the others some uploads were started, some not
        cloud.asleep = True

    dropped = dropping().send(photos, on_done=sleeps)
    assert (len(dropped.sent), dropped.failed) == (30, [])
    assert cloud.objects == {f"IMG_{number}.jpg": b"%d" % number for number in range(30)}
    assert cloud.pages <= 2, "all get new links together"


def test_a_file_that_the_storage_refuses_is_told_once_its_link_is_renewed(cloud: Cloud, tmp_path: Path) -> None:
    cloud.asleep = True
    photos = placed(tmp_path, one=b"1", two=b"2")
    cloud.page = lambda files, **_: Cloud.page(cloud, files[:1], with_uploads=True)  # type: ignore[method-assign]
    dropped = dropping().send(photos, on_done=lambda: None)
    assert len(dropped.sent) == 1
    [failed] = dropped.failed
    assert "its batch does not await it" in failed.reason


def test_time_for_which_a_program_was_stopped_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-Z for an hour in the middle of an attempt: the next one is made all the same."""
    now_s = iter([0.0, 3600.0, 3601.0, 3602.0])
    monkeypatch.setattr(batch_uploads.time, "monotonic", lambda: next(now_s))
    monkeypatch.setattr(batch_uploads.time, "sleep", lambda _: None)
    answers = iter([Unavailable("the connection is gone"), None])

    def ask() -> str:
        if error := next(answers):
            raise error
        return "sent"

    assert batch_uploads.patiently(ask) == "sent"


def test_a_name_that_is_taken_meanwhile_is_kept(cloud: Cloud, tmp_path: Path) -> None:
    """By a photo that the album knows, or by one that has just arrived in the bucket."""
    cloud.known = {"known.jpg"}
    cloud.objects = {"there.jpg": b"theirs"}
    sender = dropping()
    dropped = sender.send(placed(tmp_path, known=b"1", there=b"22", free=b"333"), on_done=lambda: None)
    assert dropped.failed == []
    assert sorted(name.split("~")[0] for name in cloud.objects) == ["free.jpg", "known", "there", "there.jpg"]
    assert cloud.objects["there.jpg"] == b"theirs"
    assert {one.placement for one in dropped.beside} == {Placement.BESIDE}
    assert len(dropped.beside) == 2


def test_a_file_that_cannot_be_read_costs_no_other_and_is_not_awaited(cloud: Cloud, tmp_path: Path) -> None:
    photos = placed(tmp_path, good=b"1", gone=b"2")
    (tmp_path / "gone.jpg").unlink()
    sender = dropping()
    dropped = sender.send(photos, on_done=lambda: None)
    assert [one.path.name for one in dropped.failed] == ["gone.jpg"]
    sender.wait(lambda count: None)
    assert sender.results().counts == {PhotoStatus.DONE: 1}


def test_a_batch_with_a_file_that_did_not_arrive_is_ended(cloud: Cloud, tmp_path: Path) -> None:
    sender = dropping()
    sender.send(placed(tmp_path, one=b"1"), on_done=lambda: None)
    cloud.batches[0].append({"name": "never.jpg"})
    sender.wait(lambda count: None)
    assert cloud.cancelled == ["/batches/0/cancel"]


def test_a_key_that_may_not_write_ends_it_at_once(cloud: Cloud, tmp_path: Path) -> None:
    cloud.refuses = RejectedInput("forbidden", "This key or user may not do that.")
    with pytest.raises(RejectedInput, match="may not"):
        dropping().send(placed(tmp_path, one=b"1", two=b"2"), on_done=lambda: None)
    assert cloud.batches == []


def test_batches_take_new_photos_of_fitting_size(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "photo.jpg").write_bytes(b"1")

    def one(name: str, placement: Placement) -> Placed:
        return Placed(LocalPhoto(tmp_path / name, f"race/{name}"), f"race/{name}", placement)

    new, empty, replaces = (
        one("photo.jpg", Placement.NEW),
        one("empty.jpg", Placement.NEW),
        one("photo.jpg", Placement.REPLACES),
    )
    assert in_batches([new, empty, replaces]) == ([new], [empty, replaces])
