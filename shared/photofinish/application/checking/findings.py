"""What can be wrong with a photo, and how each is mended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Repair(StrEnum):
    """How a finding is mended: each by what the system does anyway."""

    QUEUE = "queue"
    """Record and queue the original, as if its notification had come; or queue it again."""
    DOCUMENT = "document"
    """Write the document from the sidecar and the database."""
    INDEX = "index"
    """Index what the sidecar says; queue the original where the database has lost an embedding."""
    UNINDEX = "unindex"
    """Take the photo out of the index."""
    OBJECTS = "objects"
    """Delete the derived objects that nothing refers to."""
    ERASE = "erase"
    """Erase again what is erased, or whose original is gone."""
    EVENT = "event"
    """Announce the result again: the log takes a fact once."""
    REPEATED_EVENT = "repeated_event"
    """Delete the repetition of an event."""
    LEASE = "lease"
    """Give the lease up."""
    NOTHING = "nothing"
    """Nothing here: the sentence says what to do."""


class Problem(StrEnum):
    """What is wrong; the values are stable codes."""

    NOT_RECORDED = "not_recorded"
    OLDER_GENERATION = "older_generation"
    STUCK = "stuck"
    ATTEMPT_OPEN = "attempt_open"
    ORIGINAL_GONE = "original_gone"
    COPY_OF_NOTHING = "copy_of_nothing"
    SIDECAR_MISSING = "sidecar_missing"
    SIDECAR_UNREADABLE = "sidecar_unreadable"
    PICTURE_MISSING = "picture_missing"
    DOCUMENT_MISSING = "document_missing"
    DOCUMENT_DIFFERS = "document_differs"
    NOT_INDEXED = "not_indexed"
    INDEX_NEWER = "index_newer"
    FACES_DIFFER = "faces_differ"
    NUMBERS_DIFFER = "numbers_differ"
    DEPICTION_DIFFERS = "depiction_differs"
    INDEXED_WITHOUT_RESULT = "indexed_without_result"
    ROWS_WITHOUT_PHOTO = "rows_without_photo"
    OBJECTS_WITHOUT_PHOTO = "objects_without_photo"
    NEEDLESS_OBJECTS = "needless_objects"
    ERASED_LEFT = "erased_left"
    ERASURE_UNMARKED = "erasure_unmarked"
    EVENT_MISSING = "event_missing"
    EVENT_REPEATED = "event_repeated"
    TWO_RESULTS = "two_results"
    LEASE_LEAKED = "lease_leaked"
    QUEUE_NOT_EMPTY = "queue_not_empty"


REPAIRS = {
    Problem.NOT_RECORDED: Repair.QUEUE,
    Problem.OLDER_GENERATION: Repair.QUEUE,
    Problem.STUCK: Repair.QUEUE,
    Problem.ATTEMPT_OPEN: Repair.DOCUMENT,
    Problem.ORIGINAL_GONE: Repair.ERASE,
    Problem.COPY_OF_NOTHING: Repair.QUEUE,
    Problem.SIDECAR_MISSING: Repair.QUEUE,
    Problem.SIDECAR_UNREADABLE: Repair.QUEUE,
    Problem.PICTURE_MISSING: Repair.QUEUE,
    Problem.DOCUMENT_MISSING: Repair.DOCUMENT,
    Problem.DOCUMENT_DIFFERS: Repair.DOCUMENT,
    Problem.NOT_INDEXED: Repair.INDEX,
    Problem.INDEX_NEWER: Repair.INDEX,
    Problem.FACES_DIFFER: Repair.INDEX,
    Problem.NUMBERS_DIFFER: Repair.INDEX,
    Problem.DEPICTION_DIFFERS: Repair.INDEX,
    Problem.INDEXED_WITHOUT_RESULT: Repair.UNINDEX,
    Problem.ROWS_WITHOUT_PHOTO: Repair.UNINDEX,
    Problem.OBJECTS_WITHOUT_PHOTO: Repair.OBJECTS,
    Problem.NEEDLESS_OBJECTS: Repair.OBJECTS,
    Problem.ERASED_LEFT: Repair.ERASE,
    Problem.ERASURE_UNMARKED: Repair.ERASE,
    Problem.EVENT_MISSING: Repair.EVENT,
    Problem.EVENT_REPEATED: Repair.REPEATED_EVENT,
    Problem.TWO_RESULTS: Repair.NOTHING,
    Problem.LEASE_LEAKED: Repair.LEASE,
    Problem.QUEUE_NOT_EMPTY: Repair.NOTHING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    problem: Problem
    album: str
    photo_id: str | None
    """None: it is about no single photo."""
    name: str | None
    """Of the photo's object, as far as any store knows it."""
    message: str
    """A sentence: what differs from what."""

    @property
    def repair(self) -> Repair:
        """How it is mended."""
        return REPAIRS[self.problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How far a check is."""

    photos: int = 0
    """Compared so far: everything that any store calls a photo of the album."""
    unfinished: int = 0
    """Those of them that are queued or processing, and not for too long."""
    findings: int = 0
