"""An album in every store that a check compares: a real Postgres, the others in memory; and things that break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from photofinish.adapters.memory.access_documents import MemoryAccessDocuments
from photofinish.adapters.memory.album_policies import MemoryAlbumPolicies
from photofinish.adapters.memory.batches import MemoryBatches
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.work import MemoryResultEvents, MemoryTaskLeases, MemoryWorkQueue
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.access_projection import PgAccessProjection
from photofinish.adapters.postgres.album_contents import PgAlbumContents
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.adapters.postgres.consents import PgConsents
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.people.projection import PgPeopleProjection
from photofinish.adapters.postgres.retention import PgRetentionRecords
from photofinish.adapters.postgres.shares import PgAlbumCards
from photofinish.adapters.postgres.suppression import PgSuppressionList
from photofinish.application.access_projection import AccessProjector
from photofinish.application.checking.checker import AlbumChecker
from photofinish.application.checking.findings import Finding
from photofinish.application.checking.rebuilding import AlbumRebuilder
from photofinish.application.checking.repairing import Mended, Repairer, mend_album
from photofinish.application.checking.restoring import ResultRestoring
from photofinish.application.consent.admission import FaceAdmission
from photofinish.application.deleted_objects import DeletedObjects
from photofinish.application.erasing import Eraser
from photofinish.application.ingest import ingest
from photofinish.application.people.projection import PeopleProjector
from photofinish.application.reconcile import reconcile
from photofinish.application.recording_events import record_photo_event
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef, StoredPhoto
from support.pipeline import MemoryCloud, toy_photo, toy_video

ALBUM = "race"
AT_ONCE = timedelta(0)
KINDS = {
    "good": toy_photo(faces=[(1, 0, 0, 0), (0, 1, 0, 0)], bibs=["42", "7"]),
    "one face": toy_photo(faces=[(0, 0, 1, 0)], bibs=["5"]),
    "without faces": toy_photo(faces=[], bibs=["11"]),
    "bad": b"not a picture",
    "video": toy_video(faces=[(1, 0, 0, 0), (0, 1, 0, 0)], bibs=["42", "7"]),
}


@dataclass(frozen=True)
class Recovery:
    """What mends and what rebuilds an album."""

    repairer: Repairer
    rebuilder: AlbumRebuilder


@dataclass
class CheckedCloud:
    """All stores of a deployment."""

    database: Database
    conninfo: str
    store: MemoryPhotoStore = field(default_factory=MemoryPhotoStore)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    queue: MemoryWorkQueue = field(default_factory=lambda: MemoryWorkQueue(ack_deadline_s=0.05, complete=True))
    events: MemoryResultEvents = field(default_factory=MemoryResultEvents)
    leases: MemoryTaskLeases = field(default_factory=MemoryTaskLeases)
    policies: MemoryAlbumPolicies = field(default_factory=MemoryAlbumPolicies)

    def __post_init__(self) -> None:
        self.index = PgFaceIndex(self.database)
        self.rules = PgAlbumRules(self.database)
        self.event_log = PgEventLog(self.database)
        self.contents = PgAlbumContents(self.database)
        self.erasures = PgErasures(self.database)
        self.batches = MemoryBatches(self.event_log)
        self.access_documents = MemoryAccessDocuments()
        self.without_tasks: frozenset[str] = frozenset()

    @property
    def admission(self) -> FaceAdmission:
        suppression = PgSuppressionList(self.database)
        calibrations = MemoryCloud().admission._calibrations
        return FaceAdmission(self.policies, PgConsents(self.database), suppression, calibrations)

    @property
    def checker(self) -> AlbumChecker:
        return AlbumChecker(
            store=self.store,
            documents=self.documents,
            contents=self.contents,
            album_rules=self.rules,
            policies=self.policies,
            leases=self.leases,
            without_tasks=lambda: self.without_tasks,
        )

    @property
    def eraser(self) -> Eraser:
        return Eraser(self.erasures, self.documents, self.documents, self.store, publish_people=lambda _: None)

    @property
    def repairer(self) -> Repairer:
        return self.recovery().repairer

    @property
    def rebuilder(self) -> AlbumRebuilder:
        return self.recovery().rebuilder

    def recovery(self, wrapped: Callable[[Any], Any] = lambda port: port) -> Recovery:
        """What mends and rebuilds, on ports that `wrapped` may stand before."""
        documents, contents = wrapped(self.documents), wrapped(self.contents)
        store, queue, events = wrapped(self.store), wrapped(self.queue), wrapped(self.events)
        restoring = ResultRestoring(
            documents=documents,
            contents=contents,
            index=wrapped(self.index),
            objects=store,
            admission=self.admission,
        )
        repairer = Repairer(
            documents=documents,
            contents=contents,
            policies=self.policies,
            queue=queue,
            events=events,
            objects=store,
            erasable=documents,
            deleted_objects=DeletedObjects(self.store, documents, self.eraser, PgRetentionRecords(self.database)),
            leases=wrapped(self.leases),
            restoring=restoring,
        )
        access = PgAccessStore(self.database)
        projector = PeopleProjector(PgPeopleProjection(self.database), self.documents.people_documents)
        rebuilder = AlbumRebuilder(
            checker=self.checker,
            repairer=repairer,
            restoring=restoring,
            contents=contents,
            policies=self.policies,
            eraser=self.eraser,
            cards=PgAlbumCards(self.database),
            album_documents=self.documents.album_documents,
            access=access,
            access_projector=AccessProjector(PgAccessProjection(self.database), self.access_documents),
            reconcile=lambda album: reconcile(
                store=self.store,
                documents=documents,
                queue=queue,
                events=events,
                stale_after=timedelta(hours=1),
                album=album,
            ),
            publish_people=projector.project,
            rescore=lambda _: None,
        )
        return Recovery(repairer, rebuilder)

    def repair(self) -> list[Mended]:
        """Mend all that is found, and analyse what that queues."""
        found = mend_album(self.checker, self.repairer, ALBUM, stale_after=AT_ONCE, settled_after=AT_ONCE)
        outcomes = [mended for _, mended in found]
        self.work()
        return outcomes

    def drop(self, name: str, kind: str) -> StoredPhoto:
        photo = self.store.upload(f"{ALBUM}/{name}", KINDS[kind])
        ingest(photo, event_at=datetime.now(UTC), documents=self.documents, queue=self.queue, events=self.events)
        return photo

    def work(self) -> None:
        """Analyse all that is queued, and record the events that this publishes."""
        cloud = MemoryCloud(
            store=self.store,
            queue=self.queue,
            documents=self.documents,
            events=self.events,
            index=self.index,  # type: ignore[arg-type]
            leases=self.leases,
            tombstones=self.erasures,
            album_rules=self.rules,  # type: ignore[arg-type]
            album_policies=self.policies,
        )
        cloud.suppression = PgSuppressionList(self.database)  # type: ignore[assignment]
        cloud.consents = PgConsents(self.database)  # type: ignore[assignment]
        cloud.worker().run()
        self.record_events()

    def record_events(self) -> None:
        """Do what the function of results does."""
        published, self.events.published = self.events.published, []
        for photo, status in published:
            record_photo_event(photo, status, self.documents, self.event_log, self.batches)

    def check(self) -> list[Finding]:
        """What is wrong, where nothing is left to do."""
        found = list(self.checker.check(ALBUM, stale_after=AT_ONCE, settled_after=AT_ONCE))
        return [*found, *self.checker.check_work(ALBUM, backlog=lambda: len(self.queue))]

    def problems(self) -> set[str]:
        return {finding.problem.value for finding in self.check()}

    def execute(self, statement: str, *values: Any) -> None:
        """A statement on the database, past all adapters."""
        with psycopg.connect(self.conninfo) as conn:
            conn.execute(statement, values)  # type: ignore[arg-type]

    def fields(self, photo: PhotoRef) -> dict[str, Any]:
        """The stored document itself."""
        return self.documents._photos[photo.album, photo.photo_id]


def full_album(cloud: CheckedCloud, *, of_each: int = 1) -> dict[str, list[StoredPhoto]]:
    """Drop and analyse photos of every kind; return them by kind."""
    dropped = {
        kind: [cloud.drop(f"{kind.replace(' ', '-')}-{number}.jpg", kind) for number in range(of_each)]
        for kind in KINDS
    }
    cloud.work()
    return dropped


Damage = Callable[[CheckedCloud, PhotoRef], None]
"""Breaks one photo that is done and has faces."""


def lose_photo_row(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute("DELETE FROM photo WHERE photo_id = %s", photo.photo_id)


def lose_face_rows(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute("DELETE FROM face WHERE photo_id = %s", photo.photo_id)


def lose_number_rows(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute("DELETE FROM bib WHERE photo_id = %s", photo.photo_id)


def lose_depiction(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute("DELETE FROM depiction WHERE photo_id = %s", photo.photo_id)


def age_row(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute("UPDATE photo SET generation = generation - 1 WHERE photo_id = %s", photo.photo_id)


def renew_row(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute("UPDATE photo SET generation = generation + 1 WHERE photo_id = %s", photo.photo_id)


def change_number_that_was_read(cloud: CheckedCloud, photo: PhotoRef) -> None:
    changed = "jsonb_set(bibs_read, '{0,number}', '\"99\"')"
    cloud.execute(f"UPDATE photo SET bibs_read = {changed} WHERE photo_id = %s", photo.photo_id)


def lose_document(cloud: CheckedCloud, photo: PhotoRef) -> None:
    del cloud.documents._photos[photo.album, photo.photo_id]


def age_document(cloud: CheckedCloud, photo: PhotoRef) -> None:
    fields = cloud.fields(photo)
    for named in ("photo", "object"):
        fields[named] = fields[named] | {"generation": photo.generation - 1}


def change_document(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.fields(photo)["faces"] = []


def forget_result_of_document(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.fields(photo)["status"] = "processing"


def lose_sidecar(cloud: CheckedCloud, photo: PhotoRef) -> None:
    _lose_objects(cloud, f"sidecars/{photo.album}/{photo.photo_id}/")


def lose_pictures(cloud: CheckedCloud, photo: PhotoRef) -> None:
    _lose_objects(cloud, f"renditions/{photo.album}/{photo.photo_id}/")


def break_sidecar(cloud: CheckedCloud, photo: PhotoRef) -> None:
    [name] = cloud.store.derived_names(f"sidecars/{photo.album}/{photo.photo_id}/")
    cloud.store.derived[name] = cloud.store.derived[name][:100]


def keep_older_objects(cloud: CheckedCloud, photo: PhotoRef) -> None:
    for kind, ending in (("sidecars", "json"), ("renditions", "preview.jpg")):
        name = f"{kind}/{photo.album}/{photo.photo_id}/{photo.generation - 1}.toy-1.{ending}"
        cloud.store.put_derived(name, b"{}", "application/json")


def lose_original(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.store.delete(photo.name)


def double_event(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute(
        """
        INSERT INTO album_event
        SELECT (nextval('album_event_position')), recorded_at, event_id, type, album_id, occurred_at, is_late, photo_id,
            generation, person_ids, batch_id, folder, camera, data
        FROM album_event WHERE photo_id = %s AND type = 'photo.done'
        """,
        photo.photo_id,
    )


def lose_event(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.execute("DELETE FROM album_event WHERE photo_id = %s AND type = 'photo.done'", photo.photo_id)


def forget_unfinished_attempt(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.fields(photo)["open_attempts"] = 2


def leak_lease(cloud: CheckedCloud, photo: PhotoRef) -> None:
    cloud.leases.heartbeat(f"{photo.photo_id}/0", expires_in_s=10 * 3600)


def _lose_objects(cloud: CheckedCloud, prefix: str) -> None:
    cloud.store.remove("derived_bucket", list(cloud.store.versions("derived_bucket", prefix)))


def bring_back_an_erased_face(cloud: CheckedCloud, photo: PhotoRef) -> None:
    """Erase a face, and put back everything as an older copy of the stores has it."""
    [name] = cloud.store.derived_names(f"sidecars/{photo.album}/{photo.photo_id}/")
    sidecar, fields = cloud.store.derived[name], dict(cloud.fields(photo))
    target = ErasureTarget(kind=ErasureKind.FACE, album=photo.album, id=fields["faces"][0]["face_id"])
    cloud.eraser.erase(target, reason=Reason.REQUEST)
    cloud.store.replace_derived(name, sidecar, "application/json")
    cloud.documents._photos[photo.album, photo.photo_id] = fields


def bring_back_an_erased_photo(cloud: CheckedCloud, photo: PhotoRef) -> None:
    sidecars = {name: cloud.store.derived[name] for name in cloud.store.derived if photo.photo_id in name}
    target = ErasureTarget(kind=ErasureKind.PHOTO, album=photo.album, id=photo.photo_id)
    cloud.eraser.erase(target, reason=Reason.REQUEST)
    for name, content in sidecars.items():
        cloud.store.replace_derived(name, content, "application/json")


def forget_that_a_photo_is_erased(cloud: CheckedCloud, photo: PhotoRef) -> None:
    target = ErasureTarget(kind=ErasureKind.PHOTO, album=photo.album, id=photo.photo_id)
    cloud.eraser.erase(target, reason=Reason.REQUEST)
    lose_document(cloud, photo)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "the photo's row is gone": (lose_photo_row, "not_indexed"),
    "its faces' rows are gone": (lose_face_rows, "faces_differ"),
    "its numbers' rows are gone": (lose_number_rows, "numbers_differ"),
    "what it shows is gone from the index": (lose_depiction, "depiction_differs"),
    "its row is of an older version": (age_row, "not_indexed"),
    "its row is of a newer version": (renew_row, "index_newer"),
    "a number that was read is another": (change_number_that_was_read, "numbers_differ"),
    "its document is gone": (lose_document, "document_missing"),
    "its document is of an older version": (age_document, "older_generation"),
    "its document differs": (change_document, "document_differs"),
    "its document is stuck": (forget_result_of_document, "stuck"),
    "its sidecar is gone": (lose_sidecar, "sidecar_missing"),
    "its sidecar is broken": (break_sidecar, "sidecar_unreadable"),
    "its pictures are gone": (lose_pictures, "picture_missing"),
    "objects of an older version are left": (keep_older_objects, "needless_objects"),
    "its original is gone": (lose_original, "original_gone"),
    "its event is there twice": (double_event, "event_repeated"),
    "its event is gone": (lose_event, "event_missing"),
    "an attempt never ended": (forget_unfinished_attempt, "attempt_open"),
    "an erased face is back": (bring_back_an_erased_face, "erased_left"),
    "objects of the erased photo are back": (bring_back_an_erased_photo, "erased_left"),
    "no document says that it is erased": (forget_that_a_photo_is_erased, "erasure_unmarked"),
    "a lease is held too long": (leak_lease, "lease_leaked"),
}
"""What is broken → how, and the problem that a check must name."""
