"""Compare what all stores say of one photo: one final state, its newest version everywhere, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from photofinish.application.checking.facts import PhotoFacts, Rules
from photofinish.application.checking.findings import Finding, Problem
from photofinish.application.checking.results import compare_result
from photofinish.application.recording_events import photo_event
from photofinish.domain.album_event import EventType
from photofinish.domain.photo import FINAL_STATUSES, PhotoStatus, is_folder_placeholder
from photofinish.domain.sidecar import derived_of
from photofinish.ports import PhotoRecord

Wrong = tuple[Problem, str]
_RESULTS = {EventType.PHOTO_DONE, EventType.PHOTO_REJECTED}


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison of one photo says."""

    findings: tuple[Finding, ...] = ()
    is_unfinished: bool = False
    """It waits for its analysis, or has just changed: it was not compared."""


def compare(facts: PhotoFacts, rules: Rules) -> Compared:
    """Compare one photo."""
    if _is_in_flight(facts, rules):
        return Compared(is_unfinished=True)
    wrong = [*_wrong(facts, rules), *_repeated_events(facts)]
    return Compared(
        tuple(
            Finding(problem=problem, album=facts.album, photo_id=facts.photo_id, name=facts.name, message=message)
            for problem, message in wrong
        )
    )


def _is_in_flight(facts: PhotoFacts, rules: Rules) -> bool:
    """Whether the photo just came or changed, or is being analysed."""
    original, record = facts.original, facts.record
    if original is not None and rules.now - original.uploaded_at < rules.settled_after:
        return True
    if record is None:
        return False
    if original is not None and original.ref.generation > record.ref.generation:
        return False
    within = rules.settled_after if record.status in FINAL_STATUSES else rules.stale_after
    return bool(rules.now - record.fields["changed_at"] <= within) if within else False


def _wrong(facts: PhotoFacts, rules: Rules) -> Iterator[Wrong]:
    newest = max(facts.generations, default=None)
    if newest is None or (facts.original is not None and is_folder_placeholder(facts.original)):
        return
    if facts.rows.is_erased(newest):
        yield from _left_of_erased(facts)
        return
    record, original = facts.record, facts.original
    if record is None:
        yield from _without_document(facts)
        return
    if original is not None and original.ref.generation > record.ref.generation:
        yield (
            Problem.OLDER_GENERATION,
            f"The bucket has version {original.ref.generation}, the document is of {record.ref.generation}.",
        )
        return
    if (original is None or original.ref.generation < record.ref.generation) and not facts.was_original_removed:
        yield Problem.ORIGINAL_GONE, f"It is {record.status}, but the bucket does not have its original any more."
        return
    if record.status not in FINAL_STATUSES:
        yield Problem.STUCK, f"It has been {record.status} since {record.fields['changed_at']:%Y-%m-%d %H:%M} UTC."
        return
    yield from _final(facts, record, rules)


def _left_of_erased(facts: PhotoFacts) -> Iterator[Wrong]:
    places = []
    if facts.record is not None:
        places.append("a document")
    if facts.rows.pipeline_version is not None or facts.rows.faces:
        places.append("rows in the index")
    if facts.objects:
        places.append("a sidecar or pictures")
    if places:
        yield Problem.ERASED_LEFT, f"The photo is erased, but there still are {' and '.join(places)} of it."
    elif facts.original is not None and not facts.is_marked_erased:
        yield (
            Problem.ERASURE_UNMARKED,
            "The photo is erased and its original is there, but no document says so: it would be queued again.",
        )


def _without_document(facts: PhotoFacts) -> Iterator[Wrong]:
    if facts.original is not None:
        if facts.is_marked_erased:
            return
        result = facts.result
        if result is not None and result[0] == facts.original.ref and facts.sidecar is not None:
            yield Problem.DOCUMENT_MISSING, "It was analysed, but it has no document."
        else:
            yield Problem.NOT_RECORDED, "It is in the bucket, but it has no document."
        return
    if facts.was_original_removed and facts.sidecar is not None:
        yield Problem.DOCUMENT_MISSING, "It was analysed and its original removed, but it has no document."
        return
    if facts.rows.pipeline_version is not None or facts.rows.faces:
        yield (
            Problem.ROWS_WITHOUT_PHOTO,
            "The index has a result of it, but there is neither an original nor a document.",
        )
    if facts.objects:
        yield (
            Problem.OBJECTS_WITHOUT_PHOTO,
            f"There are {len(facts.objects)} derived objects of it, but neither an original nor a document.",
        )


def _final(facts: PhotoFacts, record: PhotoRecord, rules: Rules) -> Iterator[Wrong]:
    if "open_attempts" in record.fields:
        yield Problem.ATTEMPT_OPEN, f"It is {record.status}, but its document counts an attempt that never ended."
    if record.status is PhotoStatus.DONE and not record.fields.get("duplicate_of"):
        yield from compare_result(facts, record, rules)
    else:
        if record.status is PhotoStatus.DONE:
            yield from _copy(facts, record)
        ref = facts.rows.ref
        if ref is not None and facts.rows.pipeline_version is not None and ref.generation >= record.ref.generation:
            yield Problem.INDEXED_WITHOUT_RESULT, f"It is {_told(record)}, but the index has a result of it."
        elif facts.rows.faces and facts.rows.pipeline_version is None:
            yield Problem.INDEXED_WITHOUT_RESULT, f"It is {_told(record)}, but the index has faces of it."
    if needless := sorted(needless_objects(facts)):
        yield (
            Problem.NEEDLESS_OBJECTS,
            f"There are {len(needless)} derived objects that its document does not refer to, such as {needless[0]}.",
        )
    yield from _missing_event(facts, record, rules)


def _told(record: PhotoRecord) -> str:
    return "a duplicate" if record.status is PhotoStatus.DONE else str(record.status)


def _copy(facts: PhotoFacts, record: PhotoRecord) -> Iterator[Wrong]:
    copied, original = facts.copied, facts.original
    if copied is None or (original is not None and copied.fields.get("checksum") != original.checksum):
        yield (
            Problem.COPY_OF_NOTHING,
            f"It is a duplicate of {record.fields['duplicate_of']}, which does not have its bytes any more.",
        )


def _is_of(record: PhotoRecord, name: str) -> bool:
    """Whether a derived object is of the result that a document has; a failed photo may still show an earlier one."""
    named = derived_of(name)
    return named is not None and named[1:] == (record.ref.generation, record.fields.get("pipeline_version"))


def _missing_event(facts: PhotoFacts, record: PhotoRecord, rules: Rules) -> Iterator[Wrong]:
    event = photo_event(record, record.status)
    if event is None or event.occurred_at < rules.events_since:
        return
    if event.id not in {told.id for told in facts.rows.events}:
        yield Problem.EVENT_MISSING, f"The event log does not tell that it is {record.status}."


def _repeated_events(facts: PhotoFacts) -> Iterator[Wrong]:
    events = facts.rows.events
    repeated = [events_id for events_id, count in Counter(event.id for event in events).items() if count > 1]
    if repeated:
        types = sorted({event.type.value for event in events if event.id in repeated})
        yield Problem.EVENT_REPEATED, f"The event log has {', '.join(types)} more than once for the same fact."
    queued_last = None if facts.record is None else photo_event(facts.record, PhotoStatus.QUEUED)
    for generation in sorted({event.generation for event in events if event.generation is not None}):
        of_version = {event.id: event for event in events if event.generation == generation}
        types_told = Counter(event.type for event in of_version.values())
        queued = types_told[EventType.PHOTO_QUEUED]
        if queued_last is not None and queued_last.generation == generation and queued_last.id not in of_version:
            queued += 1  # what queued it ended before it told so
        results = sum(types_told[one] for one in _RESULTS)
        # A photo that was queued again, or analysed by two pipelines at the same time, has a result of each. Where the
        # log begins later than the photo, it tells too little.
        first = min(of_version.values(), key=lambda event: event.occurred_at)
        if first.type is EventType.PHOTO_QUEUED and results > max(queued, types_told[EventType.FACE_INDEXED]):
            yield (
                Problem.TWO_RESULTS,
                f"The event log tells {results} results of version {generation}, which was queued {queued} times. "
                "Webhooks may have got both; the document has the later one.",
            )


def needless_objects(facts: PhotoFacts) -> set[str]:
    """Derived objects of a photo that go: those that are not of its document's result; all, where it has none."""
    return {name for name in facts.objects if facts.record is None or not _is_of(facts.record, name)}
