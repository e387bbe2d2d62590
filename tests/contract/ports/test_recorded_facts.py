"""Adapters record their facts in the event log: each once, in the transaction of the fact."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.album_policies import PgAlbumPolicies
from photofinish.adapters.postgres.bibs.corrections import PgBibCorrections
from photofinish.adapters.postgres.consents import PgConsents
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.enrolments import PgEnrolments
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.adapters.postgres.people.users import PgUsers
from photofinish.adapters.postgres.retention import PgRetentionRecords
from photofinish.adapters.postgres.suppression import PgSuppressionList
from photofinish.domain.access import AlbumAccess
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType
from photofinish.domain.album_policy import AlbumPolicy
from photofinish.domain.bib_corrections import CorrectionKind, CorrectionRequest
from photofinish.domain.consent import ConsentAction, ConsentStatement
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason, faces_target
from photofinish.domain.face import Embedding, face_id
from photofinish.domain.people import WeightedEmbedding
from photofinish.domain.suppression import Refusal
from support.faces import bib, embedding, face, photo
from support.index import VERSION, add

PHOTO = photo("race/cam2/1.jpg")
BY = "key:test"
ADA, BEA = embedding([1, 0, 0, 0]), embedding([0, 1, 0, 0])


class Log:
    """The events of an album since it was last read."""

    def __init__(self, database: Database) -> None:
        self._log = PgEventLog(database)
        self._position = 0

    def new(self, album: str = "race") -> list[AlbumEvent]:
        page = self._log.page(album, EventFilter(), after=self._position, limit=100)
        self._position = page.position
        return [recorded.event for recorded in page.events]

    def new_types(self, album: str = "race") -> list[EventType]:
        return [event.type for event in self.new(album)]


@pytest.fixture
def log(connections: Database) -> Log:
    return Log(connections)


def test_a_version_of_a_photo_is_indexed_once_by_each_pipeline(connections: Database, log: Log) -> None:
    index = PgFaceIndex(connections)
    add(index, PHOTO, [face(), face(x=0.5)], [bib("7")], camera="Canon EOS R5")
    [event] = log.new()
    assert (event.type, event.photo_id, event.generation) == (EventType.FACE_INDEXED, PHOTO.photo_id, PHOTO.generation)
    assert (event.folder, event.camera, event.data) == ("cam2", "Canon EOS R5", {"faces": 2})
    add(index, PHOTO, [face()], [])
    assert log.new() == [], "the same version by the same pipeline"
    add(index, PHOTO, [face()], [], version="2.test")
    add(index, replace(PHOTO, generation=2), [], [])
    assert [event.data["faces"] for event in log.new()] == [1, 0]
    add(index, PHOTO, [face()], [], version="3.test")
    assert log.new() == [], "an older version changes nothing"


class TestPeople:
    @pytest.fixture
    def faces(self, connections: Database) -> list[str]:
        add(PgFaceIndex(connections), PHOTO, [face(ADA, x=0.2 * number) for number in range(4)], [])
        return [face_id(PHOTO, VERSION, number) for number in range(4)]

    def test_every_operation_is_an_event_of_its_type(
        self, connections: Database, log: Log, faces: Sequence[str]
    ) -> None:
        people, changes = PgPeople(connections), PgPeopleChanges(connections)
        log.new()
        ada, other = (people.create("race", by=BY).person_id for _ in range(2))
        assert [(event.type, event.person_ids) for event in log.new()] == [
            (EventType.PERSON_CREATED, (ada,)),
            (EventType.PERSON_CREATED, (other,)),
        ]
        people.rename("race", ada, "Ada", by=BY)
        changes.decide_number("race", ada, "7", confirmed=True, by=BY)
        changes.confirm("race", ada, faces[:2], by=BY)
        changes.confirm("race", other, faces[2:], by=BY)
        changes.reject("race", other, faces[3:], by=BY)
        events = log.new()
        assert [event.type for event in events] == [
            EventType.PERSON_RENAMED,
            EventType.PERSON_NUMBERED,
            EventType.PERSON_CONFIRMED,
            EventType.PERSON_CONFIRMED,
            EventType.PERSON_REJECTED,
        ]
        assert [event.data["faces"] for event in events] == [0, 0, 2, 2, 1]
        assert not {"Ada", "7"} & set(map(str, events[0].data.values())), "read what is personal where it is kept"

        people.rename("race", ada, "Ada", by=BY)
        changes.confirm("race", ada, faces[:2], by=BY)
        assert log.new() == [], "nothing changed"

    def test_a_merge_is_about_the_one_who_stays_first(
        self, connections: Database, log: Log, faces: Sequence[str]
    ) -> None:
        people, changes = PgPeople(connections), PgPeopleChanges(connections)
        one, other = sorted(people.create("race", by=BY).person_id for _ in range(2))
        log.new()
        changes.confirm("race", one, faces[:1], by=BY)
        changes.confirm("race", other, faces[1:], by=BY)
        log.new()
        changes.merge("race", other, one, by=BY)  # `one` has the smaller id
        [merged] = log.new()
        assert (merged.type, merged.person_ids) == (EventType.PERSON_MERGED, (other, one))
        split = changes.split("race", other, faces[:2], by=BY)
        [event] = log.new()
        assert (event.type, event.person_ids) == (EventType.PERSON_SPLIT, (other, split.person.person_id))

    def test_undoing_is_an_event_and_so_is_doing_it_again(self, connections: Database, log: Log) -> None:
        people, changes = PgPeople(connections), PgPeopleChanges(connections)
        ada = people.create("race", by=BY).person_id
        people.rename("race", ada, "Ada", by=BY)
        renamed = log.new()[-1].data["operation_id"]
        undone = changes.undo("race", renamed, by=BY)
        changes.undo("race", undone, by=BY)
        assert [(event.type, event.data["undoes"]) for event in log.new()] == [
            (EventType.PERSON_UNDONE, renamed),
            (EventType.PERSON_UNDONE, undone),
        ]

    def test_faces_of_users_of_the_rekognition_api(self, connections: Database, log: Log, faces: Sequence[str]) -> None:
        users = PgUsers(connections)
        users.create_user("race", "ada", by=BY)
        log.new()
        users.associate_faces("race", "ada", faces, min_similarity=0.5, by=BY)
        users.disassociate_faces("race", "ada", faces, by=BY)
        assert log.new_types() == [EventType.PERSON_CONFIRMED, EventType.PERSON_REJECTED]


class TestEnrolment:
    @staticmethod
    def enrol(connections: Database, person_id: str, picture: Embedding) -> str:
        enrolments = PgEnrolments(connections)
        [upload] = enrolments.add_uploads("race", person_id, 1, expires_at=datetime.now(UTC) + timedelta(hours=1))
        assert enrolments.accept("race", upload.upload_id, WeightedEmbedding(picture, 0.8), min_similarity=0.5)
        assert not enrolments.accept("race", upload.upload_id, WeightedEmbedding(picture, 0.8), min_similarity=0.5)
        return upload.upload_id

    def test_each_accepted_picture_is_one_event(self, connections: Database, log: Log) -> None:
        ada = PgPeople(connections).create("race", by=BY).person_id
        log.new()
        uploads = [self.enrol(connections, ada, picture) for picture in (ADA, embedding([0.9, 0.1, 0, 0]))]
        self.enrol(connections, ada, BEA)  # refused: the face of another person
        assert [(event.type, event.person_ids, event.data) for event in log.new()] == [
            (EventType.PERSON_ENROLLED, (ada,), {"upload_id": upload}) for upload in uploads
        ]


class TestConsent:
    STATEMENT = ConsentStatement(
        action=ConsentAction.GIVEN,
        purpose="race photos",
        at=datetime(2026, 5, 1, tzinfo=UTC),
        method="web form",
        text_version="1",
    )

    def test_what_a_person_says_is_one_event_however_often_it_is_sent(self, connections: Database, log: Log) -> None:
        ada = PgPeople(connections).create("race", by=BY).person_id
        log.new()
        consents = PgConsents(connections)
        given = consents.record("race", ada, self.STATEMENT, by=BY)
        consents.record("race", ada, self.STATEMENT, by=BY)
        withdrawal = replace(self.STATEMENT, action=ConsentAction.WITHDRAWN, at=self.STATEMENT.at + timedelta(hours=1))
        refusal = Refusal(templates=(ADA,), min_similarity=0.5)
        for _ in range(2):
            told = consents.record_about_faces("race", ada, withdrawal, by=BY, refusal=refusal)
        events = log.new()
        assert [(event.type, event.person_ids) for event in events] == [(EventType.CONSENT_CHANGED, (ada,))] * 2
        assert [event.data for event in events] == [
            {"consent_id": given.consent_id, "action": "given"},
            {"consent_id": told.record.consent_id, "action": "withdrawn"},
        ]

    def test_an_opt_out_that_is_applied(self, connections: Database, log: Log) -> None:
        suppression = PgSuppressionList(connections)
        of_race = suppression.add("race", [ADA], min_similarity=0.5, by=BY).opt_out_id
        of_all = suppression.add(None, [ADA], min_similarity=0.5, by=BY).opt_out_id
        for opt_out in (of_race, of_all, of_race, str(uuid.uuid4())):
            suppression.applied(opt_out)
        [event] = log.new()
        assert (event.type, event.person_ids) == (EventType.CONSENT_CHANGED, ())
        assert event.data == {"opt_out_id": of_race, "action": "opt_out_applied"}


def test_corrections_of_numbers_and_their_undoing(connections: Database, log: Log) -> None:
    add(PgFaceIndex(connections), PHOTO, [face()], [bib("14951", face_index=0)], camera="Z 9")
    log.new()
    corrections = PgBibCorrections(connections)
    request = CorrectionRequest(kind=CorrectionKind.REPLACE, number="14951", new_number="1495")
    done = corrections.correct("race", PHOTO.photo_id, request, by=BY)
    unchanged = replace(request, number="1495")
    corrections.correct("race", PHOTO.photo_id, unchanged, by=BY)
    [event] = log.new()
    assert (event.type, event.photo_id, event.generation) == (EventType.BIB_CORRECTED, PHOTO.photo_id, PHOTO.generation)
    assert (event.folder, event.camera) == ("cam2", "Z 9")
    assert event.data == {"operation_id": done.operation_id, "kind": "replace"}
    assert done.operation_id is not None
    undone = corrections.undo("race", done.operation_id, by=BY)
    assert [event.data for event in log.new()] == [{"operation_id": undone.operation_id, "kind": "undo"}]


class TestAlbums:
    def test_opening_and_closing(self, connections: Database, log: Log) -> None:
        access = PgAccessStore(connections)
        opened = AlbumAccess(users_may_search=True)
        for setting in (AlbumAccess(), opened, opened, AlbumAccess(), AlbumAccess(), opened):
            access.set_album_access("race", setting)
        assert log.new_types() == [EventType.ALBUM_OPENED, EventType.ALBUM_CLOSED, EventType.ALBUM_OPENED]
        access.set_album_access("race", replace(opened, anonymous_users=True))
        assert [event.data for event in log.new()] == [
            {"users_may_search": True, "users_may_browse": False, "anonymous_users": True}
        ]

    def test_policies(self, connections: Database, log: Log) -> None:
        policies = PgAlbumPolicies(connections)
        for purpose in ("race photos", "race photos", "a book"):
            policies.set_policy("race", AlbumPolicy(purpose=purpose))
        events = log.new()
        assert [event.type for event in events] == [EventType.ALBUM_POLICY_CHANGED] * 2
        assert [event.data for event in events] == [{}] * 2, "the purpose is read where it is kept"

    def test_the_end(self, connections: Database, log: Log) -> None:
        records = PgRetentionRecords(connections)
        for _ in range(2):
            records.note_end_enforced("race", date(2026, 6, 1))
        [event] = log.new()
        assert (event.type, event.data) == (EventType.ALBUM_EXPIRED, {"ends_on": "2026-06-01"})


class TestErasures:
    """What is erased has no events but the one that tells so."""

    @pytest.fixture
    def faces(self, connections: Database) -> list[str]:
        index = PgFaceIndex(connections)
        for name in ("1", "2"):
            add(index, photo(f"race/{name}.jpg"), [face(ADA, x=0.2 * number) for number in range(3)], [])
        return [face_id(photo(f"race/{name}.jpg"), VERSION, number) for name in ("1", "2") for number in range(3)]

    @staticmethod
    def erase(connections: Database, target: ErasureTarget) -> str:
        """Begin an erasure, and begin it again, which finds it begun."""
        erasures = PgErasures(connections)
        erasures.preview(target)
        return erasures.begin(target, reason=Reason.REQUEST).id

    def test_a_photo(self, connections: Database, faces: Sequence[str]) -> None:
        ref = photo("race/1.jpg")
        target = ErasureTarget(kind=ErasureKind.PHOTO, album="race", id=ref.photo_id)
        erasures = {self.erase(connections, target) for _ in range(2)}
        indexed, erased = Log(connections).new()
        assert (indexed.type, indexed.photo_id) == (EventType.FACE_INDEXED, photo("race/2.jpg").photo_id)
        assert (erased.type, erased.photo_id, erased.generation) == (EventType.PHOTO_ERASED, ref.photo_id, 1)
        assert [erased.data] == [{"erasure_id": erasure} for erasure in erasures]

    def test_faces_by_the_photos_that_lost_them(self, connections: Database, log: Log, faces: Sequence[str]) -> None:
        log.new()
        erasure = self.erase(connections, faces_target("race", faces[:4]))
        events = {event.photo_id: event for event in log.new()}
        assert {event.type for event in events.values()} == {EventType.FACE_ERASED}
        assert {photo_id: event.data for photo_id, event in events.items()} == {
            photo("race/1.jpg").photo_id: {"erasure_id": erasure, "faces": 3},
            photo("race/2.jpg").photo_id: {"erasure_id": erasure, "faces": 1},
        }

    def test_a_person_and_their_faces(self, connections: Database, log: Log, faces: Sequence[str]) -> None:
        ada = PgPeople(connections).create("race", by=BY).person_id
        PgPeopleChanges(connections).confirm("race", ada, faces[:2], by=BY)
        log.new()
        self.erase(connections, ErasureTarget(kind=ErasureKind.PERSON, album="race", id=ada, with_faces=True))
        told = {event.type: event for event in log.new()}
        assert set(told) == {EventType.PERSON_ERASED, EventType.FACE_ERASED}
        assert told[EventType.PERSON_ERASED].person_ids == (ada,)
        assert told[EventType.FACE_ERASED].data["faces"] == 2
        of_ada = PgEventLog(connections).page("race", EventFilter(person_id=ada), after=0, limit=100)
        assert [recorded.event.type for recorded in of_ada.events] == [EventType.PERSON_ERASED]

    def test_an_album(self, connections: Database, faces: Sequence[str]) -> None:
        PgAccessStore(connections).set_album_access("race", AlbumAccess(users_may_search=True))
        erasure = self.erase(connections, ErasureTarget(kind=ErasureKind.ALBUM, album="race", id="race"))
        [event] = Log(connections).new()
        assert (event.type, event.data) == (EventType.ALBUM_ERASED, {"erasure_id": erasure})
