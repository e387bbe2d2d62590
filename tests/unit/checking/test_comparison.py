"""The comparison of one photo, from what the stores say: pure, so every state of them can be made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from photofinish.application.checking.comparison import compare
from photofinish.application.checking.facts import PhotoFacts, Rules
from photofinish.application.checking.findings import REPAIRS, Problem
from photofinish.application.checking.originals import by_photo_id
from photofinish.application.recording_events import photo_event
from photofinish.domain.album_event import EventType
from photofinish.domain.announced import Announced
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.photo_document import identity_fields
from photofinish.ports import PhotoRecord, PhotoRows, ToldEvent

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=2)
REF = PhotoRef(bucket="photos", name="race/1.jpg", generation=5)
RULES = Rules(
    now=NOW,
    stale_after=timedelta(hours=6),
    settled_after=timedelta(minutes=1),
    bib_rules=BibRules(),
    keep_originals=True,
    events_since=EARLIER - timedelta(days=1),
)


def original(ref: PhotoRef = REF, uploaded_at: datetime = EARLIER) -> StoredPhoto:
    return StoredPhoto(ref=ref, size_bytes=5, content_type="image/jpeg", uploaded_at=uploaded_at)


def record(status: PhotoStatus, ref: PhotoRef = REF, **fields: Any) -> PhotoRecord:
    times = {"queued_at": EARLIER, "changed_at": EARLIER, "done_at": EARLIER}
    return PhotoRecord(ref=ref, status=status, fields=identity_fields(ref) | times | {"status": status.value} | fields)


def facts(of: PhotoRecord | None = None, **others: Any) -> PhotoFacts:
    found = {"rows": PhotoRows(photo_id=REF.photo_id), "original": original()} | others
    return PhotoFacts(album="race", photo_id=REF.photo_id, record=of, **found)


def rejected() -> PhotoFacts:
    of = record(PhotoStatus.REJECTED, error={"code": "c", "message": "m"}, queued_at=EARLIER)
    event = photo_event(of, PhotoStatus.REJECTED)
    assert event is not None
    told = ToldEvent(id=event.id, type=event.type, generation=5, position=1, occurred_at=EARLIER)
    return facts(of, rows=PhotoRows(photo_id=REF.photo_id, events=(told,)))


def problems(of: PhotoFacts, rules: Rules = RULES) -> list[str]:
    return [finding.problem.value for finding in compare(of, rules).findings]


def test_every_problem_says_how_it_is_mended() -> None:
    assert REPAIRS.keys() == set(Problem)


def test_a_rejected_photo_is_whole_with_its_event_alone() -> None:
    assert problems(rejected()) == []
    indexed = replace(rejected().rows, ref=REF, pipeline_version="v")
    assert problems(replace(rejected(), rows=indexed)) == ["indexed_without_result"]
    assert problems(replace(rejected(), rows=replace(rejected().rows, events=()))) == ["event_missing"]
    forgotten = replace(RULES, events_since=NOW)
    assert problems(replace(rejected(), rows=replace(rejected().rows, events=())), forgotten) == []


def test_a_photo_is_unfinished_until_it_is_stuck() -> None:
    waiting = facts(record(PhotoStatus.PROCESSING))
    assert compare(waiting, RULES).is_unfinished
    assert problems(waiting, replace(RULES, stale_after=timedelta(hours=2, microseconds=-1))) == ["stuck"]
    assert problems(waiting, replace(RULES, stale_after=timedelta(0), settled_after=timedelta(0))) == ["stuck"]
    assert compare(waiting, replace(RULES, stale_after=timedelta(hours=2))).is_unfinished


def test_what_just_came_or_changed_is_left_out() -> None:
    just = NOW - timedelta(seconds=59)
    assert compare(facts(original=original(uploaded_at=just)), RULES).is_unfinished
    assert problems(facts(original=original(uploaded_at=NOW - timedelta(minutes=1)))) == ["not_recorded"]
    changed = facts(record(PhotoStatus.FAILED, changed_at=just))
    assert compare(changed, RULES).is_unfinished
    assert problems(changed, replace(RULES, settled_after=timedelta(0))) == ["event_missing"]


def test_of_two_versions_the_newer_one_counts() -> None:
    newer = original(replace(REF, generation=6))
    assert problems(facts(record(PhotoStatus.QUEUED), original=newer)) == ["older_generation"]
    assert problems(facts(record(PhotoStatus.DONE), original=original(replace(REF, generation=4)))) == ["original_gone"]
    gone = facts(record(PhotoStatus.DONE, pipeline_version="v"), original=None)
    assert problems(gone) == ["original_gone"]
    kept = replace(gone, rows=replace(gone.rows, removed_original=5))
    assert "original_gone" not in problems(kept), "the album keeps only results"
    older = replace(gone, rows=replace(gone.rows, removed_original=4))
    assert problems(older) == ["original_gone"]


def test_an_erased_photo_has_nothing_but_its_mark() -> None:
    rows = PhotoRows(photo_id=REF.photo_id, erased_generation=5)
    assert problems(facts(rows=rows)) == ["erasure_unmarked"]
    assert problems(facts(rows=rows, is_marked_erased=True)) == []
    assert problems(facts(rows=rows, original=None)) == []
    left = replace(facts(rows=rows, original=None), objects=frozenset({f"sidecars/race/{REF.photo_id}/5.v.json"}))
    assert problems(left) == ["erased_left"]
    newer = facts(record(PhotoStatus.REJECTED, replace(REF, generation=6)), rows=rows)
    newer = replace(newer, original=original(replace(REF, generation=6)))
    assert problems(newer) == ["event_missing"], "a newer version is a new photo"


def test_what_belongs_to_no_photo_is_found() -> None:
    alone = facts(original=None, objects=frozenset({f"renditions/race/{REF.photo_id}/5.v.preview.jpg"}))
    assert problems(alone) == ["objects_without_photo"]
    indexed = PhotoRows(photo_id=REF.photo_id, ref=REF, pipeline_version="v")
    assert problems(facts(original=None, rows=indexed)) == ["rows_without_photo"]
    removed = PhotoRows(photo_id=REF.photo_id, ref=REF)
    assert problems(facts(original=None, rows=removed)) == [], "a removed photo keeps its row"


def test_a_duplicate_needs_the_photo_with_its_bytes() -> None:
    stored = replace(original(), md5="m", crc32c="c")
    other = replace(REF, name="race/2.jpg")
    duplicate = facts(record(PhotoStatus.DONE, duplicate_of=other.photo_id), original=stored)
    forgotten = replace(RULES, events_since=NOW)
    assert problems(duplicate, forgotten) == ["copy_of_nothing"]
    same = replace(duplicate, copied=record(PhotoStatus.DONE, other, checksum="m c"))
    assert problems(same, forgotten) == []
    overwritten = replace(duplicate, copied=record(PhotoStatus.DONE, other, checksum="m d"))
    assert problems(overwritten, forgotten) == ["copy_of_nothing"]


def test_a_result_is_told_once_for_each_time_that_the_photo_was_queued() -> None:
    def told(*types: EventType) -> list[str]:
        events = tuple(
            ToldEvent(
                id=photo_event(record(PhotoStatus.DONE, done_at=EARLIER + timedelta(seconds=at)), PhotoStatus.DONE).id,  # type: ignore[union-attr]
                type=type_,
                generation=5,
                position=at,
                occurred_at=EARLIER + timedelta(seconds=at),
            )
            for at, type_ in enumerate(types)
        )
        return problems(replace(rejected(), rows=replace(rejected().rows, events=(*events, *rejected().rows.events))))

    queued, done, indexed = EventType.PHOTO_QUEUED, EventType.PHOTO_DONE, EventType.FACE_INDEXED
    assert told(queued) == []
    assert told(queued, done) == [], "the document was queued at a time of which the log does not tell"
    assert told(queued, done, done) == ["two_results"]
    assert told(queued, done, queued, done) == []
    assert told(queued, indexed, done, indexed) == [], "two pipelines at the same time have a result each"
    assert told(done) == [], "the log begins later than the photo"


def test_originals_are_sorted_by_the_ids_of_their_photos_and_whole() -> None:
    names = [f"race/{number}.jpg" for number in range(2500)]
    listed = [
        replace(
            original(replace(REF, name=name)),
            md5="m",
            crc32c="c",
            announced=Announced(size_bytes=5) if name.endswith("7.jpg") else None,
        )
        for name in [*names, "race/\ud800.jpg"]
    ]
    with by_photo_id(listed) as found:
        read = list(found)
    assert [photo_id for photo_id, _ in read] == sorted(one.ref.photo_id for one in listed)
    assert {photo for _, photo in read} == set(listed)
