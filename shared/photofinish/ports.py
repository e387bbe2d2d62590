"""What the pipeline needs from the world, as small protocols in the words of the domain.

Every implementation keeps the promises of these docstrings; one contract suite (tests/contract/) runs over all of them,
the public doubles of ``adapters/memory.py`` included. All methods may raise :class:`photofinish.errors.Unavailable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.access import ApiKey, AuditEntry, RateLimit
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import Embedding
from photofinish.domain.geometry import Box
from photofinish.domain.person import Person
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.search import PhotoFilter


class PhotoStore(Protocol):
    """The bucket of originals and the bucket of derived objects."""

    def read(self, photo: PhotoRef, *, max_bytes: int) -> bytes:
        """The content of exactly this generation.

        Raises:
            PhotoGone: this generation is not there any more.
            RejectedInput: `file_too_large`, before more than `max_bytes` were fetched.
        """
        ...

    def list_photos(self, prefix: str = "") -> Iterator[StoredPhoto]:
        """Every photo whose name begins with `prefix`, in order of name, page by page."""
        ...

    def put_derived(self, name: str, content: bytes, content_type: str) -> None:
        """Create the derived object `name`; where it exists already it stays as it is (derived names are versioned)."""
        ...

    def read_derived(self, name: str) -> bytes:
        """The content of a derived object.

        Raises:
            NotFound: there is none of that name.
        """
        ...


BucketKind = Literal["photos", "enrolment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpload:
    """How somebody without an account uploads one file: by this method, to this URL, with exactly these headers."""

    url: str = field(repr=False)
    method: str
    headers: Mapping[str, str]
    expires_at: datetime


class PhotoLinks(Protocol):
    """Links that let whoever holds one reach one object for a short time, without any account."""

    def rendition_url(self, name: str, *, expires_in_s: int) -> str:
        """Where the derived object `name` can be fetched (GET) for so long; whether it exists is not checked."""
        ...

    def rendition_urls(self, names: Sequence[str], *, expires_in_s: int) -> list[str]:
        """The same for several at once, in their order."""
        ...

    def upload_url(
        self, bucket_kind: BucketKind, name: str, content_type: str, *, max_bytes: int, expires_in_s: int
    ) -> SignedUpload:
        """How to upload the object `name`, of this content type and at most so large."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One photo to analyse, as the queue carries it."""

    photo: PhotoRef
    trace_id: str
    uploaded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedWork:
    """A work item that is ours until its ack deadline, which :meth:`WorkQueue.extend` moves."""

    item: WorkItem
    ack_id: str = field(repr=False)
    delivery_attempt: int
    published_at: datetime


class WorkQueue(Protocol):
    """The durable queue of photos to analyse: at least once, in no order."""

    def publish(self, items: Sequence[WorkItem]) -> None:
        """Queue `items`; returns once all are durable."""
        ...

    def pull(self, max_items: int, *, timeout_s: float) -> list[LeasedWork]:
        """Up to `max_items`; waits at most about `timeout_s` for the first; empty when there was none.

        A message that is no work item is acknowledged and logged: it can never become one.
        """
        ...

    def extend(self, ack_ids: Sequence[str], *, deadline_s: int) -> None:
        """Keep these leases for `deadline_s` more seconds; 0 gives them back at once."""
        ...

    def ack(self, ack_ids: Sequence[str]) -> None:
        """These are done and are not delivered again (at least once: they may be, rarely)."""
        ...


class ResultEvents(Protocol):
    """Tells the world that a photo reached a final status."""

    def publish_result(self, photo: PhotoRef, status: PhotoStatus) -> None:
        """Publish, durably, at least once, without anything biometric in it."""
        ...


class JobLauncher(Protocol):
    """Starts executions of the analysis job."""

    def launch(self, *, task_count: int, env: Mapping[str, str]) -> str:
        """Start one execution of `task_count` tasks with `env` added; returns its name without waiting for its end."""
        ...


class TaskLeases(Protocol):
    """Which analysis tasks run: places with a heartbeat and an expiry."""

    def reserve(self, count_for: LeaseCount, *, launch_id: str, expires_in_s: float) -> int:
        """In one transaction: ask `count_for(number of live leases)` how many to add, add them, return how many.

        The places are called `launch_id/0`, `launch_id/1`, …; expired places are removed.
        """
        ...

    def heartbeat(self, place: str, *, expires_in_s: float) -> None:
        """Keep (or take again) `place` for `expires_in_s` from now."""
        ...

    def release(self, places: Sequence[str]) -> None:
        """Give places up; twice equals once."""
        ...

    def live(self) -> int:
        """How many places are held and not expired."""
        ...

    def report(self, place: str, report: Mapping[str, Any] | None) -> None:
        """Leave what the task at `place` does now, in the stead of what it left before; None takes it away."""
        ...

    def reports(self) -> dict[str, Mapping[str, Any]]:
        """What was left last at every place; a killed task's report stays, so look at its time."""
        ...


class LeaseCount(Protocol):
    def __call__(self, leased: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """The Firestore document of one photo, as far as the pipeline reads it."""

    ref: PhotoRef
    status: PhotoStatus
    fields: Mapping[str, Any]
    """The whole document, field by field as README of `shared/` documents it."""


class Documents(Protocol):
    """The projection that apps see: albums and photos. Writes of an older generation change nothing."""

    def record_queued(self, photo: StoredPhoto, *, event_at: datetime, trace_id: str) -> bool:
        """Record a photo version as queued, and its album as existing.

        Returns whether it still has to be analysed: False where this generation is final already, or a newer one is
        known. Twice equals once: a repeated call on a photo that is queued or processing says True and changes nothing.
        """
        ...

    def record_processing(self, photos: Sequence[PhotoRef], *, worker: str) -> set[PhotoRef]:
        """Mark photos as being worked on; returns those that still need it (as `record_queued` says)."""
        ...

    def record_final(
        self, photo: PhotoRef, status: PhotoStatus, fields: Mapping[str, Any], *, error: tuple[str, str] | None = None
    ) -> bool:
        """Write a final status with `fields` (and `error` as code and sentence); returns whether it applied.

        It does not where a newer generation is known or this one is final already.
        """
        ...

    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        """Keep why an attempt at these photos failed (`last_error`), for people; changes no status."""
        ...

    def record_requeued(self, photo: PhotoRef, *, trace_id: str) -> bool:
        """Queue this generation again although it is final (redrive); returns whether it applied."""
        ...

    def known(self, photos: Sequence[PhotoRef]) -> dict[PhotoRef, tuple[int, PhotoStatus, datetime]]:
        """Generation, status and time of the last change of status of those of `photos` that have a record."""
        ...

    def get(self, album: str, photo_id: str) -> PhotoRecord | None: ...

    def counts(self, album: str) -> dict[PhotoStatus, int]:
        """Photos per status; empty for an album that does not exist."""
        ...

    def outstanding(self) -> int:
        """How many photos of all albums are queued or processing."""
        ...

    def list_photos(self, album: str, *, status: PhotoStatus | None = None) -> Iterator[PhotoRecord]:
        """Every record of an album (of one status), page by page."""
        ...

    def latest_final(self, album: str, *, limit: int) -> list[PhotoRecord]:
        """The photos that reached a final status last, newest first."""
        ...

    def longest_outstanding(self, album: str, *, limit: int) -> list[PhotoRecord]:
        """The photos that have been queued or processing for longest, oldest change first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFace:
    """A face as the index gives it back."""

    face_id: str
    photo: PhotoRef
    box: Box
    detection_score: float
    sharpness: float
    quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceMatch:
    """A face of the index and how similar it is to the query: cosine, higher is closer."""

    face: IndexedFace
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BibMatch:
    """A bib of the index."""

    photo: PhotoRef
    number: str
    ocr_score: float
    box: Box
    face_id: str | None
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFace:
    """A face that a reading of an album came across."""

    face_id: str
    photo_id: str
    box: Box
    detection_score: float
    sharpness: float
    quality: float


class NearFaces(Protocol):
    """Faces near to what was asked for, in no order."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Their embeddings, (N, D), about unit length: the index may keep half precision."""
        ...

    def face(self, row: int) -> SeenFace:
        """The face of this row of `vectors`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBib:
    """A bib that is, or could be, the number asked for."""

    photo_id: str
    asked: str
    """The number asked for."""
    number: str
    """The likeliest reading."""
    ocr_score: float
    """As the number asked for."""
    partial: bool
    box: Box
    face_id: str | None
    face_box: Box | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedPhoto:
    """A photo as the index knows it."""

    photo: PhotoRef
    pipeline_version: str
    taken_at: datetime | None
    """By the camera's own clock, without a zone."""
    camera: str | None
    lines: tuple[str, ...]
    """The text that was read."""
    sharpness: float
    width: int
    height: int


class AlbumReading(Protocol):
    """One album as it is at one moment, whatever is written meanwhile; an unknown album is empty."""

    def nearest(self, queries: Sequence[Embedding], *, limit: int, where: PhotoFilter) -> NearFaces:
        """For each of `queries` (one or more, of one space) the `limit` nearest faces on photos that meet `where`.

        Fewer only where there are fewer, whatever `where` leaves out; a few of the farther ones may be missing for
        others that are still farther (the search is approximate).

        Raises:
            ValueError: the queries have another dimension than the album's faces of that space.
        """
        ...

    def bibs(self, numbers: Sequence[str], *, limit: int, where: PhotoFilter) -> list[SeenBib]:
        """Bibs that are or could be one of `numbers`, on photos that meet `where`, best `ocr_score` first."""
        ...

    def photos(self, photo_ids: Sequence[str]) -> dict[str, IndexedPhoto]:
        """The photos of these ids, by id."""
        ...

    def sharpest(self, where: PhotoFilter, *, limit: int) -> dict[str, IndexedPhoto]:
        """The sharpest photos that meet `where`, by photo id, the sharpest first."""
        ...

    def entrants(self, name: str, *, limit: int) -> dict[str, str]:
        """Number to name, of those of the start list whose name has every word of `name`, by number."""
        ...


class FaceIndex(Protocol):
    """Faces with their embeddings, bibs, and what photos are searched by, per album."""

    def replace(self, photo: PhotoRef, pipeline_version: str, analysis: PhotoAnalysis) -> bool:
        """Make this all that is known of `photo`, in one transaction; every face carries an embedding.

        Twice equals once; an older generation than the one indexed changes nothing. Returns whether it applied.
        """
        ...

    def remove(self, photo: PhotoRef) -> None:
        """Forget everything found in `photo` (of this generation or an older one); twice equals once.

        A late commit of an older generation brings nothing back; the same generation can be indexed again.
        """
        ...

    def drop_album(self, album: str) -> None:
        """Forget every photo of `album`, its rules and start list, as if they had never been; twice equals once.

        A photo that is committed later, even of an older generation, begins the album anew.
        """
        ...

    def search(self, album: str, queries: Sequence[Embedding], *, limit: int, min_similarity: float) -> list[FaceMatch]:
        """The faces of `album` most similar to any of `queries`, best first, ties by face id.

        A face's similarity is its best over the queries; only faces of the queries' embedding space are compared, and a
        filter never makes the answer shorter than the faces that there are. An unknown album gives no matches.
        """
        ...

    def reading(self, album: str) -> AbstractContextManager[AlbumReading]:
        """The album as it is now; what it gives is valid inside the block."""
        ...

    def embeddings(self, album: str, face_ids: Sequence[str]) -> dict[str, Embedding]:
        """The embeddings of those of `face_ids` that `album` has."""
        ...

    def find_bib(self, album: str, number: str, *, limit: int) -> list[BibMatch]:
        """The bibs of `album` with exactly this number, best `ocr_score` first, one per photo."""
        ...

    def has_album(self, album: str) -> bool:
        """Whether any photo of `album` was ever indexed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumSummary:
    """How much of an album is indexed."""

    name: str
    photos: int
    faces: int
    bibs: int


class Albums(Protocol):
    """Which albums there are."""

    def summaries(self, *, names: frozenset[str] | None, limit: int, after: str | None) -> list[AlbumSummary]:
        """Up to `limit` albums with indexed photos, by name, of those of `names` (None: of all), after `after`."""
        ...


class AlbumRules(Protocol):
    """What each album knows of its bib numbers: digits, prefixes, misreads, and its start list."""

    def bib_rules(self, album: str) -> BibRules:
        """The rules of `album`, its start list in them; the usual ones where it has none of its own."""
        ...

    def set_bib_rules(self, album: str, rules: BibRules) -> None:
        """Make these the only rules, and their start list the only one, of `album`; twice equals once.

        The album need not hold a photo yet. Photos that were analysed before keep what was found.
        """
        ...


ALIKE_WITHIN_S = 5
"""AWS signatures tell the second, so equal requests of one second have one signature, and come in about as close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What :meth:`AccessStore.expire` deleted."""

    audit_entries: int
    rate_windows: int
    signatures: int


class AccessStore(Protocol):
    """API keys, rate limits, signatures seen, who may search an album, and the audit: shared by all instances."""

    def add_key(self, key: ApiKey) -> bool:
        """Store a new key; False, and nothing changes, where its id is taken."""
        ...

    def find_key(self, key_id: str) -> ApiKey | None:
        """The key of this id, revoked and expired ones too."""
        ...

    def list_keys(self) -> list[ApiKey]:
        """Every key, oldest first."""
        ...

    def revoke_key(self, key_id: str) -> bool:
        """Refuse the key from now on; a second time changes nothing. False where there is none of this id."""
        ...

    def touch_key(self, key_id: str, at: datetime) -> None:
        """Record that the key was used at `at`; does nothing where an hour before is recorded."""
        ...

    def take(self, bucket: str, limit: RateLimit, *, cost: int = 1) -> float:
        """Take `cost` (at most a whole burst) from `bucket`: 0.0, or else the seconds to wait before the next try.

        What is refused takes nothing. However many take at once, never more than `limit` are admitted.
        """
        ...

    def remember_signature(self, signature: bytes, request_nonce: bytes, expires_at: datetime) -> bool:
        """Remember the pair until `expires_at`; False where it is remembered already: of many at once, one gets True.

        False as well where the signature was first seen, with another nonce, more than :data:`ALIKE_WITHIN_S` ago.
        """
        ...

    def users_may_search(self, album: str) -> bool:
        """Whether the album is open to everybody who is signed in; False until that is set."""
        ...

    def set_users_may_search(self, album: str, allowed: bool) -> None: ...

    def append_audit(self, entry: AuditEntry) -> None:
        """Store the entry for good: nothing changes it, and :meth:`expire` alone deletes it."""
        ...

    def audit_entries(self, *, album: str | None = None, since: datetime | None = None) -> Iterator[AuditEntry]:
        """Entries in the order in which they were stored, page by page."""
        ...

    def expire(self, *, audit_before: datetime) -> Expired:
        """Delete audit entries from before `audit_before`, full rate windows, and signatures too old to be used."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatch:
    """A person and how similar they look to the query: cosine of the centroid of their faces, higher is closer."""

    person: Person
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceChanges:
    """What became of faces that were to be given to somebody, or taken from them."""

    changed: tuple[str, ...]
    """Face ids for which it holds now, those for which it held before among them; in the order asked for."""
    refused: Mapping[str, str]
    """Face id → `unknown_face`, `other_person` (it is another user's), `not_similar` or `not_theirs`."""


class People(Protocol):
    """Who is on the photos of an album. `by` is the principal that asks for a change; it is recorded with it."""

    def create(self, album: str, *, name: str | None = None, by: str) -> Person:
        """A new person without faces. The album need not hold a photo yet."""
        ...

    def get(self, album: str, person_id: str) -> Person | None: ...

    def list_people(
        self, album: str, *, limit: int, after: str | None = None, named: bool | None = None
    ) -> list[Person]:
        """People by falling number of faces, then id: those that follow the person `after`, with a name or without."""
        ...

    def find_by_name(self, album: str, name: str) -> list[Person]:
        """Those whose name has every word of `name`; case does not matter. At most 100, by name."""
        ...

    def rename(self, album: str, person_id: str, name: str | None, *, by: str) -> Person:
        """Give the person this name; clustering does not take away the faces they have now. None takes the name away.

        Raises:
            NotFound: there is no such person.
        """
        ...

    def delete(self, album: str, person_id: str, *, by: str) -> bool:
        """Delete the person with everything that is known of them, for good; False where there is none.

        The faces on the album's photos stay, as nobody's. What was done to the person before cannot be undone any more.
        """
        ...

    def embeddings(self, album: str, person_id: str) -> list[Embedding]:
        """What the person looks like, a centroid per embedding space; empty where nothing is known.

        It is the mean, weighted by quality, of the enrolment pictures and of the faces that somebody confirmed or kept;
        where there are none, of the faces that clustering found.
        """
        ...

    def drop_album(self, album: str) -> None:
        """Delete everybody of `album`, for good; twice equals once."""
        ...


class Users(Protocol):
    """People as users of the Rekognition API: each has a user id, unique in the album, and the faces given to it."""

    def create_user(self, album: str, user_id: str, *, by: str) -> Person:
        """Raises Conflict, code `user_exists`, where the album has this user."""
        ...

    def get_user(self, album: str, user_id: str) -> Person | None: ...

    def delete_user(self, album: str, user_id: str, *, by: str) -> bool:
        """Delete the person as :meth:`People.delete` does; False where there is no such user."""
        ...

    def list_users(self, album: str, *, limit: int, after: str | None = None) -> list[Person]:
        """Users in the order of their ids: those that follow the user id `after`."""
        ...

    def associate_faces(
        self, album: str, user_id: str, face_ids: Sequence[str], *, min_similarity: float, by: str
    ) -> FaceChanges:
        """Confirm faces of the album as the user's; those of another user are refused.

        So are those less similar than `min_similarity` to the centroid of the faces that the user had before; a user
        without faces takes all. Raises NotFound where there is no such user.
        """
        ...

    def disassociate_faces(self, album: str, user_id: str, face_ids: Sequence[str], *, by: str) -> FaceChanges:
        """Take confirmed faces from the user again; clustering does not bring them back. Raises NotFound as above."""
        ...

    def user_faces(self, album: str, user_id: str) -> list[str]:
        """The ids of the faces confirmed as the user's that the album has, in order."""
        ...

    def users_of_faces(self, album: str, face_ids: Sequence[str]) -> dict[str, str]:
        """Face id → user id, of those of `face_ids` that are confirmed as some user's."""
        ...

    def search_users(
        self, album: str, query: Embedding, *, limit: int, min_similarity: float, without: str | None = None
    ) -> list[PersonMatch]:
        """The users whose faces look most like `query`, best first, ties by user id; the user id `without` left out."""
        ...


COLLECTION_BUCKET: Final = "rekognition"
"""Bucket of the photos that stand for faces which came through the Rekognition API; no bucket is called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFace:
    """A face as the Rekognition API shows it."""

    face_id: str
    image_id: str
    """Lower-case 8-4-4-4-12 hexadecimal: of the picture that came through the API, else the photo's own id."""
    external_image_id: str | None
    """What its sender calls the picture."""
    box: Box
    detection_score: float
    embedding_space: str
    photo: PhotoRef
    """Of the bucket `COLLECTION_BUCKET` where it came through the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """An album as a collection of the Rekognition API."""

    created_at: datetime | None
    """None where the album was begun by dropping photos."""
    face_count: int
    user_count: int
    holds_dropped_photos: bool
    """Whether photos of the bucket are in it, too."""


class Collections(Protocol):
    """Albums as collections of the Rekognition API. One exists where it was created, or any photo of it was indexed."""

    def create(self, album: str, tags: Mapping[str, str]) -> bool:
        """Make an empty one; False, and nothing changes, where it exists."""
        ...

    def exists(self, album: str) -> bool: ...

    def describe(self, album: str) -> Collection | None: ...

    def list_collections(self, *, names: frozenset[str] | None, limit: int, after: int = 0) -> list[tuple[int, str]]:
        """Position and name of those of `names` (None: of all) after the position `after`, oldest album first."""
        ...

    def forget(self, album: str) -> None:
        """Forget that the collection was created, its tags and what its pictures are called; twice equals once."""
        ...

    def add_tags(self, album: str, tags: Mapping[str, str], *, at_most: int) -> bool:
        """Set these tags of an existing collection; False, and nothing changes, where it would have more."""
        ...

    def remove_tags(self, album: str, keys: Sequence[str]) -> None: ...

    def tags(self, album: str) -> dict[str, str]: ...

    def name_picture(
        self, album: str, face_ids: Sequence[str], *, image_id: str, external_image_id: str | None
    ) -> None:
        """Record which picture these faces, which are about to be indexed, come from; twice equals once."""
        ...

    def faces_of_picture(self, album: str, image_id: str) -> list[CollectionFace]:
        """The indexed faces of a picture that was named."""
        ...

    def faces(
        self, album: str, *, limit: int, after: str | None = None, face_ids: Sequence[str] | None = None
    ) -> list[CollectionFace]:
        """Indexed faces in the order of their ids: those that follow `after`, and of `face_ids` where it is given."""
        ...

    def delete_faces(self, album: str, face_ids: Sequence[str]) -> list[str]:
        """Take faces out of the index for good; the ids of those that were there."""
        ...

    def recall(self, album: str, token: str) -> tuple[bytes, Mapping[str, Any]] | None:
        """What :meth:`remember` keeps for the token."""
        ...

    def remember(self, album: str, token: str, request_sha256: bytes, answer: Mapping[str, Any]) -> None:
        """Keep the answer to a request that its sender may repeat, for a day; the first one stays."""
        ...
