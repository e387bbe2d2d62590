"""Which files `photofinish drop` takes, under which names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import PhotoState
from photofinish.errors import NotFound, RejectedInput
from photofinish_cli.dropping import check_album_name, collect, file_crc32c, wait_until_final
from photofinish_cli.tracing import trace_of


@pytest.fixture
def card(tmp_path: Path) -> Path:
    for name in ("cam1/b.jpg", "cam1/a.jpg", "cam2/a.jpg", ".DS_Store", ".thumbs/x.jpg"):
        path = tmp_path / "card" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "card"


def test_folders_keep_their_inner_structure_and_hidden_files_stay_out(card: Path) -> None:
    assert [photo.name for photo in collect([card], "race")] == [
        "race/cam1/a.jpg",
        "race/cam1/b.jpg",
        "race/cam2/a.jpg",
    ]


def test_files_go_to_the_top_of_the_album(card: Path) -> None:
    assert [photo.name for photo in collect([card / "cam1" / "a.jpg"], "race")] == ["race/a.jpg"]


def test_two_files_of_one_name_are_refused(card: Path) -> None:
    with pytest.raises(RejectedInput, match=r"race/a\.jpg"):
        collect([card / "cam1" / "a.jpg", card / "cam2" / "a.jpg"], "race")


def test_nothing_to_drop_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no files"):
        collect([tmp_path], "race")
    with pytest.raises(NotFound, match="does not exist"):
        collect([tmp_path / "nowhere"], "race")


@pytest.mark.parametrize("album", ["", "a/b", "..", "x" * 256])
def test_an_album_that_cannot_be_one_is_refused_before_anything_is_sent(album: str) -> None:
    with pytest.raises(RejectedInput, match="cannot be an album"):
        check_album_name(album)


def test_the_checksum_is_cloud_storages(tmp_path: Path) -> None:
    path = tmp_path / "digits"
    path.write_bytes(b"123456789")
    # CRC-32C of "123456789" is 0xE3069283 (RFC 3720, appendix B.4 uses the same polynomial)
    assert file_crc32c(path) == "4waSgw=="


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
