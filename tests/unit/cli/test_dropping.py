"""What `photofinish drop` sends, waits for and says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.failing import before_call
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.photo_uploads import MemoryPhotoUploads
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import PhotoState
from photofinish.errors import RejectedInput
from photofinish_cli.arguments import album_of
from photofinish_cli.commands import drop as drop_command
from photofinish_cli.dropping import content_of, wait_until_final
from photofinish_cli.main import app
from photofinish_cli.tracing import trace_of

PHOTO = b"\xff\xd8\xff\xe0 the beginning of a JPEG"


class Cloud:
    """A cloud that analyses what is uploaded at once, and rejects what begins with `bad`."""

    def __init__(self) -> None:
        self.store = MemoryPhotoStore()
        self.uploads = MemoryPhotoUploads(self.store)
        self.documents = MemoryDocuments()
        before_call(self.documents.states, lambda photos: self._analyse())

    def _analyse(self) -> None:
        for photo in self.store.list_photos():
            if self.documents.record_queued(photo, event_at=photo.uploaded_at, trace_id="0"):
                if b"bad" in self.store.read(photo.ref, max_bytes=10**9):
                    error = ("cut_off", "The file is cut off.")
                    self.documents.record_final(photo.ref, PhotoStatus.REJECTED, {}, error=error)
                else:
                    self.documents.record_final(photo.ref, PhotoStatus.DONE, {})

    def names(self) -> list[str]:
        return [photo.ref.name for photo in self.store.list_photos()]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(drop_command, "connect", lambda state: made)
    return made


def _drop(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["drop", *map(str, arguments)], catch_exceptions=False)


def _card(folder: Path, **photos: bytes) -> Path:
    folder.mkdir()
    for name, content in photos.items():
        (folder / f"{name}.jpg").write_bytes(PHOTO + content)
    return folder


def test_rejected_photos_are_told_and_end_with_1(cloud: Cloud, tmp_path: Path) -> None:
    card = _card(tmp_path / "card", good=b"", broken=b"bad")
    (card / "labels.json").write_text("{}")
    result = _drop(card, "-a", "race", "--wait")
    assert result.exit_code == 1
    assert "race: 2 sent, 0 already there, 1 skipped; 1 done, 1 rejected, 0 failed" in result.stdout
    assert "race/broken.jpg was rejected: The file is cut off." in result.stderr
    assert "labels.json" in result.stderr

    again = json.loads(_drop(card, "-a", "race", "--wait", "--json").stdout)
    assert (again["sent"], again["unchanged"]) == ([], 2)
    assert again["results"]["counts"] == {"done": 1, "rejected": 1}
    assert [problem["code"] for problem in again["results"]["problems"]] == ["cut_off"]


def test_one_refused_photo_costs_no_other(cloud: Cloud, tmp_path: Path) -> None:
    card = _card(tmp_path / "card", a=b"1", b=b"2")

    def refuse(file: Path, name: str, *_: object, **__: object) -> None:
        if file.name == "b.jpg":
            raise RejectedInput("upload_refused", "the storage does not take it: file name too long (HTTP 400)")

    before_call(cloud.uploads.upload, refuse)
    result = _drop(card, "-a", "race", "--wait", "--json")
    assert result.exit_code == 4
    told = json.loads(result.stdout)
    assert [sent["name"] for sent in told["sent"]] == ["race/a.jpg"]
    assert [(Path(one["file"]).name, "too long" in one["error"]) for one in told["failed"]] == [("b.jpg", True)]


def test_a_second_card_replaces_nothing_and_a_second_drop_sends_nothing(cloud: Cloud, tmp_path: Path) -> None:
    first, second = _card(tmp_path / "card1", IMG_1=b"one"), _card(tmp_path / "card2", IMG_1=b"two")
    _drop(first, "-a", "race")
    result = _drop(second, "-a", "race")
    assert result.exit_code == 0
    assert "1 sent" in result.stdout
    assert "kept beside another photo of the same name: race/IMG_1~" in result.stderr
    assert len(cloud.names()) == 2
    for card in (first, second):
        assert "0 sent, 1 already there" in _drop(card, "-a", "race").stdout


def test_both_cards_of_one_command_are_kept(cloud: Cloud, tmp_path: Path) -> None:
    cards = [_card(tmp_path / f"card{number}", IMG_1=str(number).encode()) for number in (1, 2)]
    assert "2 sent" in _drop(*cards, "-a", "race").stdout
    assert "0 sent, 2 already there" in _drop(*cards, "-a", "race").stdout


def test_edited_photos_replace_the_old_ones_on_request(cloud: Cloud, tmp_path: Path) -> None:
    card = _card(tmp_path / "card", IMG_1=b"one")
    _drop(card, "-a", "race")
    (card / "IMG_1.jpg").write_bytes(PHOTO + b"edited")
    assert "1 sent, 1 replaced" in _drop(card, "-a", "race", "--replace").stdout
    assert cloud.names() == ["race/IMG_1.jpg"]


@pytest.mark.parametrize(("answer", "names"), [("y\n", 1), ("n\n", 2)])
def test_on_a_terminal_it_asks_before_it_replaces(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, names: int
) -> None:
    monkeypatch.setattr(drop_command, "_can_ask", lambda json: True)
    first, second = _card(tmp_path / "card1", IMG_1=b"one"), _card(tmp_path / "card2", IMG_1=b"two")
    asked = CliRunner().invoke(app, ["drop", str(first), "-a", "race"])
    assert "Replace" not in asked.stderr
    asked = CliRunner().invoke(app, ["drop", str(second), "-a", "race"], input=answer)
    assert "1 photo has the name of another in the album: race/IMG_1.jpg" in asked.stderr
    assert len(cloud.names()) == names


def test_two_cards_of_one_command_are_no_question(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drop_command, "_can_ask", lambda json: True)
    cards = [_card(tmp_path / f"card{number}", IMG_1=str(number).encode()) for number in (1, 2)]
    result = _drop(*cards, "-a", "race")
    assert (result.exit_code, "Replace" in result.stderr, len(cloud.names())) == (0, False, 2)


def test_a_photo_that_another_drop_sends_meanwhile_is_not_replaced(cloud: Cloud, tmp_path: Path) -> None:
    card = _card(tmp_path / "card", IMG_1=b"mine")

    def other_photographer(*_: object, **__: object) -> None:
        if not cloud.names():
            cloud.store.upload("race/IMG_1.jpg", PHOTO + b"theirs")

    before_call(cloud.uploads.upload, other_photographer)
    told = json.loads(_drop(card, "-a", "race", "--json").stdout)
    assert [one["name"].startswith("race/IMG_1~") for one in told["kept_beside"]] == [True]
    assert len(cloud.names()) == 2


def test_album_names_are_composed(cloud: Cloud, tmp_path: Path) -> None:
    _drop(_card(tmp_path / "card", IMG_1=b""), "-a", "Zu\u0308rich")
    assert cloud.names() == ["Z\u00fcrich/IMG_1.jpg"]


def test_ctrl_c_says_what_goes_on(cloud: Cloud, tmp_path: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before_call(cloud.documents.states, interrupt)
    result = _drop(_card(tmp_path / "card", IMG_1=b""), "-a", "race", "--wait")
    assert result.exit_code == 130
    assert "analysed anyway" in result.stderr


@pytest.mark.parametrize("album", ["", "a/b", "..", "x" * 256])
def test_an_album_that_cannot_be_one_is_refused_before_anything_is_sent(album: str) -> None:
    with pytest.raises(RejectedInput, match="cannot be an album"):
        album_of(album)


def test_the_checksum_is_cloud_storages(tmp_path: Path) -> None:
    path = tmp_path / "digits"
    path.write_bytes(b"123456789")
    # CRC-32C of "123456789" is 0xE3069283 (RFC 3720, appendix B.4 uses the same polynomial)
    assert (content_of(path).size_bytes, content_of(path).crc32c) == (9, "4waSgw==")


def test_waiting_ends_when_all_are_final() -> None:
    photos = [PhotoRef(bucket="b", name=f"race/{number}.jpg", generation=1) for number in range(1000)]

    class Records:
        def states(self, refs: list[PhotoRef]) -> dict[PhotoRef, PhotoState]:
            now = datetime.now(UTC)
            states = {ref: PhotoState(generation=1, status=PhotoStatus.DONE, changed_at=now) for ref in refs}
            if photos[3] in states:  # overwritten meanwhile; its newer generation is not waited for
                states[photos[3]] = PhotoState(generation=2, status=PhotoStatus.QUEUED, changed_at=now)
            return states

    counted: list[int] = []
    wait_until_final(Records(), photos, counted.append)  # type: ignore[arg-type]
    assert sum(counted) == 1000


def test_a_trace_tells_moments_and_durations_in_order() -> None:
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    steps = trace_of(
        {
            "status": "done",
            "stages": {"uploaded_at": start, "event_at": start, "queued_at": start, "pulled_at": start},
            "timings_ms": {"read": 300.0, "decode": 10.0, "detect": 20.0, "embed": 30.0, "commit_index": 4.0},
            "done_at": start.replace(second=2),
        }
    )
    assert [step["stage"] for step in steps] == [
        "uploaded", "event", "queued", "pulled", "decoded", "detected", "embedded", "read", "commit_index", "committed",
    ]  # fmt: skip
    assert steps[-1]["after_s"] == 2.0
