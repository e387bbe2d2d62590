"""An erasure that dies between any two steps is finished by the sweep, and nothing brings back what it erased."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.work import MemoryResultEvents, MemoryWorkQueue
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.adapters.postgres.bibs.corrections import PgBibCorrections
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.enrolments import PgEnrolments
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.adapters.postgres.people.projection import PgPeopleProjection
from photofinish.adapters.postgres.video_parts import PgVideoParts
from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.application.commit import Committer
from photofinish.application.erasing import Eraser
from photofinish.application.ingest import ingest
from photofinish.application.people.projection import PeopleProjector
from photofinish.application.reconcile import reconcile
from photofinish.domain.access import AlbumAccess
from photofinish.domain.album_card import AlbumCard
from photofinish.domain.bib import Bib
from photofinish.domain.bib_corrections import CorrectionKind, CorrectionRequest
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason, faces_target
from photofinish.domain.face import face_id
from photofinish.domain.geometry import Box
from photofinish.domain.people import WeightedEmbedding
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from photofinish.domain.sidecar import sidecar_name
from photofinish.domain.start_list import StartList
from photofinish.errors import NotFound, PhotofinishError
from support import erasure_checker
from support.crashing import ERASURE_READS, Bomb, Killed
from support.faces import embedding, face
from support.index import VERSION, analysis, bibs_of
from support.people import BY, TestAlbum
from support.pipeline import MemoryCloud

PHOTOS = 2
PERSONS = ("ann", "ben")
X = {"ann": 0.1, "ben": 0.6}


@dataclass
class Stores:
    """All stores of a deployment: a real Postgres, the others in memory."""

    database: Database
    conninfo: str
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    store: MemoryPhotoStore = field(default_factory=MemoryPhotoStore)
    events: MemoryResultEvents = field(default_factory=MemoryResultEvents)
    queue: MemoryWorkQueue = field(default_factory=MemoryWorkQueue)

    def committer(self) -> Committer:
        index = PgFaceIndex(self.database)
        cloud = MemoryCloud()
        return Committer(
            self.store,
            index,
            self.documents,
            self.events,
            PgErasures(self.database),
            self.store,
            cloud.admission,
            cloud.album_policies,
            PgVideoParts(self.database),
        )

    def eraser(self, fuse: list[int] | None = None) -> Eraser:
        fuse = [-1] if fuse is None else fuse
        projector = PeopleProjector(PgPeopleProjection(self.database), self.documents.people_documents)
        return Eraser(
            Bomb(PgErasures(self.database), fuse, reads=ERASURE_READS),
            Bomb(self.documents, fuse, reads=ERASURE_READS),
            Bomb(self.documents, fuse, reads=ERASURE_READS),
            Bomb(self.store, fuse, reads=ERASURE_READS),
            publish_people=projector.project_soon,
        )

    def ingest(self, photo: StoredPhoto) -> None:
        ingest(photo, event_at=datetime.now(UTC), documents=self.documents, queue=self.queue, events=self.events)

    def objects(self) -> list[tuple[str, str, int]]:
        return [
            (bucket, version.name, version.generation)
            for bucket, versions in self.store.known_versions.items()
            for version in versions
        ]

    def shown_documents(self) -> list[tuple[str, dict[str, Any]]]:
        photos = [(f"albums/{a}/photos/{p}", fields) for (a, p), fields in self.documents._photos.items()]
        people = [
            (f"albums/{album}/people/{person_id}", {"document": repr(document)})
            for (album, person_id), document in self.documents.people_documents.documents.items()
        ]
        return photos + people


@dataclass
class Race:
    """An album with something in every store and table."""

    stores: Stores
    name: str
    photos: list[StoredPhoto] = field(default_factory=list)
    analyzed: list[AnalyzedPhoto] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    operations: list[int] = field(default_factory=list)

    @classmethod
    def fill(cls, stores: Stores, name: str, photos: int = PHOTOS) -> Race:
        race, database = cls(stores, name), stores.database
        vectors = TestAlbum(database, stores.conninfo, name)
        numbers = {"ann": "101", "ben": "202"}
        PgAlbumRules(database).set_bib_rules(
            name, BibRules(start_list=StartList({"101": f"Entrant A of {name}", "202": f"Entrant B of {name}"}))
        )
        PgAccessStore(database).set_album_access(name, AlbumAccess(users_may_search=True))
        for number in range(photos):
            faces = [face(embedding(vectors.vector(one)), x=X[one]) for one in PERSONS]
            bibs = [
                Bib(number=numbers[one], ocr_score=0.9, box=Box(X[one], 0.4, 0.05, 0.05), face_index=index)
                for index, one in enumerate(PERSONS)
            ]
            found = analysis(faces, bibs, ["FINISH"])
            photo = stores.store.upload(f"{name}/IMG_{number}.jpg", b"picture")
            stores.ingest(photo)
            race.photos.append(photo)
            race.analyzed.append(
                AnalyzedPhoto(
                    analysis=found, pipeline_version=VERSION, preview_jpeg=b"preview", thumbnail_webp=b"thumbnail"
                )
            )
            race.commit(number)
        for who in PERSONS:
            person = PgPeople(database).create(name, name=f"{who} of {name}", by=BY)
            race.people[who] = person.person_id
            changes = PgPeopleChanges(database)
            changed = changes.confirm(name, person.person_id, [race.face_of(n, who) for n in range(photos)], by=BY)
            race.operations.append(changed.operation_id or 0)
            changes.decide_number(name, person.person_id, numbers[who], confirmed=True, by=BY)
            upload = PgEnrolments(database).add_uploads(
                name, person.person_id, 1, expires_at=datetime.now(UTC) + timedelta(hours=1)
            )[0]
            picture = WeightedEmbedding(embedding(vectors.vector(who)), 0.8)
            PgEnrolments(database).accept(name, upload.upload_id, picture, min_similarity=0.1)
            stores.store.add_version("enrolment_bucket", f"{name}/{person.person_id}/{upload.upload_id}")
        request = CorrectionRequest(kind=CorrectionKind.ADD, number="777", face_id=race.face_of(0, "ann"))
        PgBibCorrections(database).correct(name, race.photos[0].ref.photo_id, request, by=BY)
        PeopleProjector(PgPeopleProjection(database), stores.documents.people_documents).project(name)
        return race

    def commit(self, number: int) -> None:
        self.stores.committer().commit(self.photos[number].ref, self.analyzed[number], fetch_ms=0)

    def face_of(self, photo: int, who: str) -> str:
        return face_id(self.photos[photo].ref, VERSION, PERSONS.index(who))

    def bring_back(self) -> None:
        """Everything that could: late and repeated messages, reconciling, clustering, undoing."""
        stores, database = self.stores, self.stores.database
        for number, photo in enumerate(self.photos):
            stores.ingest(photo)
            stores.committer().begin([photo.ref], worker="late")
            self.commit(number)
        for again in (True, False):
            reconcile(
                store=stores.store,
                documents=stores.documents,
                queue=stores.queue,
                events=stores.events,
                stale_after=timedelta(0),
                album=self.name,
                again=again,
            )
        TestAlbum(database, stores.conninfo, self.name).clustering().run_full(self.name)
        for operation in self.operations:
            try:
                PgPeopleChanges(database).undo(self.name, operation, by=BY)
            except PhotofinishError:
                continue  # it is not undone, which is what the check below is about
        PeopleProjector(PgPeopleProjection(database), stores.documents.people_documents).project(self.name)

    def left(self, target: ErasureTarget) -> list[str]:
        """What is left of the target in any store."""
        stores = self.stores
        tokens, places, sidecars = self._tokens(target)
        contents = [
            stores.store.derived[name]
            for name in stores.store.derived
            if name.startswith("sidecars/") and any(one in name for one in sidecars)
        ]
        return [
            *erasure_checker.left_in_postgres(stores.conninfo, tokens),
            *erasure_checker.left_in_documents(stores.shown_documents(), tokens),
            *erasure_checker.left_in_objects(stores.objects(), tokens),
            *erasure_checker.faces_in_sidecars(contents, places),
        ]

    def _tokens(self, target: ErasureTarget) -> tuple[list[str], list[tuple[float, float]], list[str]]:
        ids = [photo.ref.photo_id for photo in self.photos]
        match target.kind:
            case ErasureKind.PHOTO:
                faces = [self.face_of(0, who) for who in PERSONS]
                return (
                    [target.id, str(uuid.UUID(target.id)), "IMG_0.jpg" if self.name == "-" else ids[0], *faces],
                    [],
                    [],
                )
            case ErasureKind.FACE:
                return [target.id], [(X["ann"], 0.125)], ids[:1]
            case ErasureKind.FACES:
                return [*target.face_ids], [(X["ann"], 0.125)], ids
            case ErasureKind.PERSON:
                faces = [self.face_of(number, "ann") for number in range(len(self.photos))]
                return [target.id, f"ann of {self.name}", *faces], [(X["ann"], 0.125)], ids
            case ErasureKind.ALBUM:
                return [*ids, *(str(uuid.UUID(one)) for one in ids), f"{self.name}/", f" of {self.name}"], [], []

    def state(self) -> dict[str, Any]:
        """What a user finds in the album."""
        index = PgFaceIndex(self.stores.database)
        statuses = self.stores.documents.counts(self.name)
        people = PgPeople(self.stores.database).list_people(self.name, limit=9)
        bibs = {number: len(bibs_of(index, self.name, number)) for number in ("101", "202", "777")}
        with psycopg.connect(self.stores.conninfo) as conn:
            row = conn.execute(
                "SELECT count(*), count(DISTINCT photo_id) FROM face JOIN album USING (album_id) WHERE name = %s",
                [self.name],
            ).fetchone()
        return {
            "faces": row,
            "bibs": bibs,
            "documents": statuses,
            "people": sorted((one.name or "").partition(" ")[0] for one in people),
            "objects": len([one for one in self.stores.objects() if f"{self.name}/" in one[1]]),
        }


TARGETS: dict[str, Callable[[Race], ErasureTarget]] = {
    "photo": lambda race: ErasureTarget(
        kind=ErasureKind.PHOTO, album=race.name, id=race.photos[0].ref.photo_id, with_originals=True
    ),
    "face": lambda race: ErasureTarget(kind=ErasureKind.FACE, album=race.name, id=race.face_of(0, "ann")),
    "faces": lambda race: faces_target(race.name, [race.face_of(number, "ann") for number in range(PHOTOS)]),
    "person": lambda race: ErasureTarget(kind=ErasureKind.PERSON, album=race.name, id=race.people["ann"]),
    "album": lambda race: ErasureTarget(kind=ErasureKind.ALBUM, album=race.name, id=race.name, with_originals=True),
}


@pytest.fixture
def stores(database: str, function_database: str) -> Iterator[Stores]:
    opened = Database(function_database)
    try:
        yield Stores(opened, database)
    finally:
        opened.close()


@pytest.mark.parametrize("kind", TARGETS)
def test_every_crash_point_ends_with_nothing_left_and_nothing_else_lost(stores: Stores, kind: str) -> None:
    other = Race.fill(stores, "other")
    of_other = other.state()
    undisturbed = Race.fill(stores, "undisturbed")
    target = TARGETS[kind](undisturbed)
    assert undisturbed.left(target), "the checker finds what is there"
    finished = stores.eraser().erase(target, reason=Reason.REQUEST)
    undisturbed.bring_back()
    assert undisturbed.left(target) == []
    expected = undisturbed.state()
    assert finished.finished_at is not None

    killed = 0
    for calls in itertools.count():
        race = Race.fill(stores, f"race{calls}")
        target = TARGETS[kind](race)
        try:
            stores.eraser([calls]).erase(target, reason=Reason.REQUEST)
        except Killed:
            killed += 1
        else:
            break
        stores.eraser().sweep()
        if not any(one.target.album == race.name for one in _erasures(stores)):  # it died before it began
            stores.eraser().erase(target, reason=Reason.REQUEST)
        race.bring_back()
        assert race.left(target) == [], f"after a crash at point {calls}"
        assert race.state() == expected, f"after a crash at point {calls}"
        [found] = [one for one in _erasures(stores) if one.target.album == race.name]
        assert found.removed == finished.removed, f"the counts after a crash at point {calls}"
        assert all(count for counts in found.removed.values() for count in counts.values()), "no zeros"
    assert killed >= 7, "an erasure has more steps than crash points were tried"
    assert other.state() == of_other


def test_the_counts_include_what_tasks_removed(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race.fill(stores, "race")
    eraser = stores.eraser()
    erasure = eraser.request(TARGETS["album"](race), reason=Reason.REQUEST)

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(stores.store, "remove", die)  # after the objects were counted
        with pytest.raises(Killed):
            eraser.finish(erasure.id)
    for number, photo in enumerate(race.photos):
        stores.committer().begin([photo.ref], worker="late")
        stores.store.replace_derived(sidecar_name(photo.ref, VERSION), b"written late", "application/json")
        if number == 0:
            stores.committer().begin([photo.ref], worker="late")
    finished = eraser.finish(erasure.id)
    assert race.left(TARGETS["album"](race)) == []
    assert finished.removed["derived_bucket"] == {"objects": 3 * PHOTOS, "versions": 4 * PHOTOS}

    stores.store.replace_derived(sidecar_name(race.photos[0].ref, VERSION), b"written later", "application/json")
    stores.committer().begin([race.photos[0].ref], worker="late")
    assert race.left(TARGETS["album"](race)) == []
    assert eraser.finish(erasure.id) == finished, "it has its receipt"


def _erasures(stores: Stores) -> list[Any]:
    erasures = PgErasures(stores.database)
    return [erasures.get(erasure_id) for erasure_id in erasures.all_ids()]


def test_a_newer_version_of_an_erased_photo_is_a_new_photo(stores: Stores) -> None:
    race = Race.fill(stores, "race")
    stores.eraser().erase(TARGETS["photo"](race), reason=Reason.REQUEST)
    again = stores.store.upload(race.photos[0].ref.name, b"another picture")
    stores.ingest(again)
    race.photos[0] = again
    race.commit(0)
    assert race.state()["faces"] == (2 * PHOTOS, PHOTOS)
    record = stores.documents.get("race", again.ref.photo_id)
    assert record is not None
    assert record.status is PhotoStatus.DONE


def test_an_erased_album_takes_new_photos(stores: Stores) -> None:
    race = Race.fill(stores, "race")
    target = ErasureTarget(kind=ErasureKind.ALBUM, album="race", id="race")
    stores.eraser().erase(target, reason=Reason.REQUEST)
    race.bring_back()
    assert race.state()["faces"] == (0, 0), "the originals that are still in the bucket are not analysed again"
    new = Race.fill(stores, "race", photos=1)
    assert new.state()["faces"] == (2, 1)
    assert stores.documents.album_names(names=None, limit=10, after=None) == ["race"]


def test_erasing_again_leaves_an_album_alone_that_is_used_again(stores: Stores) -> None:
    race = Race.fill(stores, "race")
    erasure = stores.eraser().erase(TARGETS["album"](race), reason=Reason.REQUEST)
    new = Race.fill(stores, "race")
    before, objects = new.state(), sorted(stores.objects())
    stores.documents.album_documents.write("race", AlbumCard(title="The race of 2027"))
    card = stores.documents.album_documents.documents["race"]
    people = dict(stores.documents.people_documents.documents)

    [again] = stores.eraser().reapply("race")

    assert again == erasure, "what its receipt tells stays, too"
    assert new.state() == before
    assert sorted(stores.objects()) == objects
    assert stores.documents.people_documents.documents == people
    assert stores.documents.album_documents.documents["race"] == card
    assert stores.documents.album_names(names=None, limit=10, after=None) == ["race"]


def test_a_database_from_a_backup_forgets_again_what_was_erased_since(stores: Stores) -> None:
    race = Race.fill(stores, "race")
    person = TARGETS["person"](race)
    stores.eraser().erase(person, reason=Reason.REQUEST)
    restored = Stores(stores.database, stores.conninfo, stores.documents, stores.store, stores.events, stores.queue)
    with psycopg.connect(stores.conninfo) as conn:  # as a backup from before the erasure has them
        conn.execute("TRUNCATE erasure, erased_photo, erased_face, erasure_object")
        conn.execute(
            "INSERT INTO person (person_id, album_id, name) SELECT %s, album_id, 'ann of race' FROM album", [person.id]
        )
    for number in range(PHOTOS):
        PgFaceIndex(stores.database).replace(race.photos[number].ref, VERSION, race.analyzed[number].analysis)
    assert race.left(person)
    assert [one.target for one in restored.eraser().reapply()] == [person]
    race.bring_back()
    assert race.left(person) == []


def test_what_does_not_exist_cannot_be_erased(stores: Stores) -> None:
    Race.fill(stores, "race", photos=1)
    for kind in (ErasureKind.PHOTO, ErasureKind.FACE, ErasureKind.PERSON):
        with pytest.raises(NotFound):
            stores.eraser().erase(ErasureTarget(kind=kind, album="race", id=uuid.uuid4().hex), reason=Reason.REQUEST)
