"""Decisions about people: stored, respected by clustering and search, and all of them undoable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from photofinish.adapters.postgres.consents import PgConsents
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.application.people.clustering import PeopleClustering
from photofinish.domain.bib_links import ConflictKind, NumberState
from photofinish.domain.consent import ConsentAction, ConsentStatement
from photofinish.domain.matching import Calibration
from photofinish.domain.people import FaceSource
from photofinish.errors import Conflict, NotFound, RejectedInput
from support.erasing import erase_rows
from support.faces import bib
from support.people import ALBUM, BY, TestAlbum

CALIBRATION = Calibration(min_similarity=0.6, stranger_similarity=0.65, slope=14, offset=-4.5, selfie_min_quality=0.2)


def consent(version: str) -> ConsentStatement:
    at = datetime(2026, 5, int(version), tzinfo=UTC)
    return ConsentStatement(
        action=ConsentAction.GIVEN, purpose="race photos", at=at, method="paper", text_version=version
    )


@pytest.fixture
def changes(album: TestAlbum) -> PgPeopleChanges:
    return PgPeopleChanges(album.database)


@pytest.fixture
def clustering(album: TestAlbum) -> PeopleClustering:
    return album.clustering(CALIBRATION)


def owner(album: TestAlbum, face_id: str) -> str:
    return album.owners()[face_id]


@dataclass(frozen=True, kw_only=True)
class TwoPeople:
    """Two clusters: their ids and the ids of their faces."""

    ann: str
    ann_faces: list[str]
    bea: str
    bea_faces: list[str]


@pytest.fixture
def two(album: TestAlbum, clustering: PeopleClustering) -> TwoPeople:
    return two_people(album, clustering)


def two_people(album: TestAlbum, clustering: PeopleClustering) -> TwoPeople:
    ann_faces = [album.add(f"ann-{i}", "ann")[0] for i in range(4)]
    bea_faces = [album.add(f"bea-{i}", "bea")[0] for i in range(3)]
    clustering.photo_changed(ALBUM)
    [ann], [bea] = ({owner(album, face) for face in faces} for faces in (ann_faces, bea_faces))
    assert ann != bea
    return TwoPeople(ann=ann, ann_faces=ann_faces, bea=bea, bea_faces=bea_faces)


class TestConfirmAndReject:
    def test_a_rejected_face_never_comes_back(
        self, album: TestAlbum, changes: PgPeopleChanges, clustering: PeopleClustering, two: TwoPeople
    ) -> None:
        done = changes.reject(ALBUM, two.ann, [two.ann_faces[1]], by=BY)
        assert done.changes.changed == (two.ann_faces[1],)
        for _ in range(2):
            album.add(f"more-{_}", "ann")
            clustering.photo_changed(ALBUM)
            assert clustering.run_full(ALBUM)
            assert album.owners().get(two.ann_faces[1]) != two.ann
            assert owner(album, two.ann_faces[0]) == two.ann
        assert album.people.rejected_faces(ALBUM, two.ann) == {two.ann_faces[1]}
        changes.confirm(ALBUM, two.ann, [two.ann_faces[1]], by=BY)
        assert (owner(album, two.ann_faces[1]), album.people.rejected_faces(ALBUM, two.ann)) == (two.ann, set())

    def test_a_confirmed_face_stays_although_it_is_not_similar(
        self, album: TestAlbum, changes: PgPeopleChanges, clustering: PeopleClustering, two: TwoPeople
    ) -> None:
        [stranger] = album.add("stranger", "cid")
        changes.confirm(ALBUM, two.ann, [stranger], by=BY)
        clustering.run_full(ALBUM)
        assert owner(album, stranger) == two.ann
        [(source,)] = album.sql("SELECT source FROM person_face WHERE face_id = %s", stranger)
        assert source == FaceSource.CONFIRMED

    def test_a_face_confirmed_as_another_persons_is_refused(
        self, album: TestAlbum, changes: PgPeopleChanges, two: TwoPeople
    ) -> None:
        changes.confirm(ALBUM, two.ann, [two.ann_faces[0]], by=BY)
        refused = changes.confirm(ALBUM, two.bea, [two.ann_faces[0], "nonsense"], by=BY)
        assert refused.changes.refused == {two.ann_faces[0]: "other_person", "nonsense": "unknown_face"}
        assert refused.operation_id is None

    def test_an_unknown_person_cannot_be_changed(self, album: TestAlbum, changes: PgPeopleChanges) -> None:
        [face] = album.add("1", "ann")
        for attempt in (
            lambda: changes.confirm(ALBUM, "unknown", [face], by=BY),
            lambda: changes.reject(ALBUM, "unknown", [face], by=BY),
            lambda: changes.merge(ALBUM, "unknown", "unknown", by=BY),
            lambda: changes.split(ALBUM, "unknown", [face], by=BY),
            lambda: changes.decide_number(ALBUM, "unknown", "1", confirmed=True, by=BY),
            lambda: changes.undo(ALBUM, 1, by=BY),
            lambda: album.people.faces(ALBUM, "unknown", limit=5),
        ):
            with pytest.raises(NotFound):
                attempt()


class TestMergeAndSplit:
    def test_a_merge_joins_the_consent_histories_and_an_undo_parts_them(
        self, album: TestAlbum, changes: PgPeopleChanges, two: TwoPeople
    ) -> None:
        consents = PgConsents(album.database)
        given_by = {
            person: consents.record(ALBUM, person, consent(version), by=BY)
            for person, version in ((two.ann, "1"), (two.bea, "2"))
        }
        operation = changes.merge(ALBUM, two.ann, two.bea, by=BY).operation_id
        assert {one.consent_id for one in consents.records(ALBUM, two.ann)} == {
            one.consent_id for one in given_by.values()
        }
        changes.undo(ALBUM, operation or 0, by=BY)
        for person, record in given_by.items():
            assert consents.records(ALBUM, person) == [record]

    def test_a_merge_lasts(
        self, album: TestAlbum, changes: PgPeopleChanges, clustering: PeopleClustering, two: TwoPeople
    ) -> None:
        album.people.rename(ALBUM, two.bea, "Bea", by=BY)
        changes.decide_number(ALBUM, two.bea, "42", confirmed=True, by=BY)
        merged = changes.merge(ALBUM, two.ann, two.bea, by=BY).person
        assert (merged.person_id, merged.name, merged.face_count) == (two.ann, "Bea", 7)
        assert [number.number for number in album.numbers.numbers(ALBUM, two.ann)] == ["42"]
        assert album.people.get(ALBUM, two.bea) is None
        clustering.run_full(ALBUM)
        assert {owner(album, face) for face in two.ann_faces + two.bea_faces} == {two.ann}

    def test_a_split_lasts(
        self, album: TestAlbum, changes: PgPeopleChanges, clustering: PeopleClustering, two: TwoPeople
    ) -> None:
        new = changes.split(ALBUM, two.ann, two.ann_faces[:2], name="Anna", by=BY).person
        assert (new.name, new.face_count) == ("Anna", 2)
        clustering.run_full(ALBUM)
        assert [owner(album, face) for face in two.ann_faces] == [new.person_id] * 2 + [two.ann] * 2

    def test_a_contradiction_is_a_conflict(self, album: TestAlbum, changes: PgPeopleChanges, two: TwoPeople) -> None:
        assert code_of(lambda: changes.merge(ALBUM, two.ann, two.ann, by=BY)) == "same_person"
        assert code_of(lambda: changes.split(ALBUM, two.ann, [two.bea_faces[0]], by=BY)) == "not_theirs"
        assert code_of(lambda: changes.split(ALBUM, two.ann, two.ann_faces, by=BY)) == "nothing_left"
        assert code_of(lambda: changes.split(ALBUM, two.ann, [], by=BY)) == "nothing_left"
        changes.confirm(ALBUM, two.ann, [two.ann_faces[0]], by=BY)
        changes.reject(ALBUM, two.bea, [two.ann_faces[0]], by=BY)
        assert code_of(lambda: changes.merge(ALBUM, two.ann, two.bea, by=BY)) == "rejected_faces"
        assert code_of(lambda: changes.merge(ALBUM, two.bea, two.ann, by=BY)) == "rejected_faces"


class TestUndo:
    def test_every_change_can_be_undone_and_redone(
        self, album: TestAlbum, changes: PgPeopleChanges, two: TwoPeople
    ) -> None:
        album.people.rename(ALBUM, two.bea, "Bea", by=BY)
        operations = [
            lambda: changes.confirm(ALBUM, two.ann, [two.bea_faces[0]], by=BY).operation_id,
            lambda: changes.reject(ALBUM, two.ann, [two.ann_faces[0]], by=BY).operation_id,
            lambda: changes.merge(ALBUM, two.ann, two.bea, by=BY).operation_id,
            lambda: changes.split(ALBUM, two.ann, two.ann_faces[:2], name="x", by=BY).operation_id,
            lambda: changes.decide_number(ALBUM, two.ann, "7", confirmed=False, by=BY).operation_id,
            lambda: (
                album.people.rename(ALBUM, two.bea, "Beate", by=BY)
                and changes.operations(ALBUM, limit=1)[0].operation_id
            ),
        ]
        for operation in operations:
            before = people_tables(album)
            number = operation()
            assert number is not None
            after = people_tables(album)
            assert after != before
            undone = changes.undo(ALBUM, number, by=BY)
            assert people_tables(album) == before
            assert code_of(lambda number=number: changes.undo(ALBUM, number, by=BY)) == "already_undone"  # type: ignore[misc]
            redone = changes.undo(ALBUM, undone, by=BY)
            assert people_tables(album) == after
            changes.undo(ALBUM, redone, by=BY)
            assert people_tables(album) == before

    def test_a_user_id_returns_to_the_person_that_had_it(self, album: TestAlbum, changes: PgPeopleChanges) -> None:
        """It is unique in the album, so the person that inherited it must lose it first."""
        users = [album.users.create_user(ALBUM, "runner-7", by=BY), album.people.create(ALBUM, name="Ann", by=BY)]
        gone, into = (user.person_id for user in users)
        merge = changes.merge(ALBUM, into, gone, by=BY).operation_id
        assert merge is not None
        for _ in range(2):
            user = album.users.get_user(ALBUM, "runner-7")
            assert user is not None
            assert user.person_id == into
            undo = changes.undo(ALBUM, merge, by=BY)
            user = album.users.get_user(ALBUM, "runner-7")
            assert user is not None
            assert user.person_id == gone
            merge = changes.undo(ALBUM, undo, by=BY)

    def test_a_change_that_a_later_one_depends_on_cannot_be_undone(
        self, album: TestAlbum, changes: PgPeopleChanges, two: TwoPeople
    ) -> None:
        merge = changes.merge(ALBUM, two.ann, two.bea, by=BY).operation_id
        split = changes.split(ALBUM, two.ann, two.bea_faces[:1], by=BY)
        assert merge is not None
        assert split.operation_id is not None
        with pytest.raises(Conflict, match=f"{split.operation_id} \\(split\\)") as refused:
            changes.undo(ALBUM, merge, by=BY)
        assert refused.value.code == "changed_since"
        changes.confirm(ALBUM, split.person.person_id, two.bea_faces[:1], by=BY)
        assert code_of(lambda: changes.undo(ALBUM, split.operation_id or 0, by=BY)) == "changed_since"

    def test_nothing_returns_to_a_person_who_was_merged_since(
        self, album: TestAlbum, changes: PgPeopleChanges, two: TwoPeople
    ) -> None:
        changes.confirm(ALBUM, two.ann, two.ann_faces[:1], by=BY)
        split = changes.split(ALBUM, two.ann, two.ann_faces[:1], by=BY)
        merge = changes.merge(ALBUM, two.bea, two.ann, by=BY).operation_id
        with pytest.raises(Conflict, match=f"{merge} \\(merge\\)") as refused:
            changes.undo(ALBUM, split.operation_id or 0, by=BY)
        assert refused.value.code == "changed_since"
        assert owner(album, two.ann_faces[0]) == split.person.person_id
        changes.undo(ALBUM, merge or 0, by=BY)
        changes.undo(ALBUM, split.operation_id or 0, by=BY)
        assert owner(album, two.ann_faces[0]) == two.ann

    def test_clustering_does_not_prevent_an_undo(
        self, album: TestAlbum, changes: PgPeopleChanges, clustering: PeopleClustering, two: TwoPeople
    ) -> None:
        merge = changes.merge(ALBUM, two.ann, two.bea, by=BY).operation_id
        rejection = changes.reject(ALBUM, two.ann, [two.ann_faces[3]], by=BY).operation_id
        album.add("new", "bea", "ann")
        clustering.photo_changed(ALBUM)
        clustering.run_full(ALBUM)
        changes.undo(ALBUM, rejection or 0, by=BY)
        changes.undo(ALBUM, merge or 0, by=BY)
        clustering.run_full(ALBUM)
        assert {owner(album, face) for face in two.bea_faces} == {two.bea}
        assert {owner(album, face) for face in two.ann_faces} == {two.ann}

    def test_changes_of_a_deleted_person_cannot_be_undone(
        self, album: TestAlbum, changes: PgPeopleChanges, two: TwoPeople
    ) -> None:
        album.people.rename(ALBUM, two.ann, "Ann Unmistakable", by=BY)
        [renaming] = [done for done in changes.operations(ALBUM, limit=9) if done.kind == "rename"]
        assert renaming.is_reversible
        erase_rows(album.database, ALBUM, person=two.ann)
        assert code_of(lambda: changes.undo(ALBUM, renaming.operation_id, by=BY)) == "not_reversible"
        assert [done.kind for done in changes.operations(ALBUM, limit=9)] == ["delete", "rename"]
        assert "Unmistakable" not in album.dump()

    def test_another_albums_operation_is_unknown(self, album: TestAlbum, changes: PgPeopleChanges) -> None:
        album.people.create(ALBUM, name="Ann", by=BY)
        [made] = changes.operations(ALBUM, limit=5)
        with pytest.raises(NotFound):
            changes.undo("other", made.operation_id, by=BY)


class TestNumbers:
    def test_a_number_is_inferred_on_the_persons_other_photos_with_its_evidence(
        self, album: TestAlbum, changes: PgPeopleChanges, clustering: PeopleClustering
    ) -> None:
        seen = album.add("seen", "ann", bibs=[bib("2906", 0.9, face_index=0)])
        others = [album.add(f"unseen-{i}", "ann")[0] for i in range(3)]
        bea = album.add("bea", "bea")
        clustering.photo_changed(ALBUM)
        person = owner(album, seen[0])
        [number] = album.numbers.numbers(ALBUM, person)
        assert (number.number, number.state, number.conflicts) == ("2906", NumberState.INFERRED, ())
        assert [one.photo for one in number.evidence] == [album.photo("seen")]
        assert number.score == pytest.approx(0.81, abs=0.01)
        inferred = album.numbers.faces_by_number(ALBUM, "2906", 10)
        assert {one.face.face_id for one in inferred} == {*seen, *others}
        assert {one.evidence and one.evidence.face_id for one in inferred} == set(seen)
        assert {one.score for one in inferred} == {number.score}
        assert len(album.numbers.faces_by_number(ALBUM, "2906", 2)) == 2
        assert not {one.face.face_id for one in inferred} & set(bea)
        assert album.numbers.faces_by_number(ALBUM, "2907", 10) == []

    def test_conflicts_are_flagged_and_nothing_is_overwritten(
        self, album: TestAlbum, changes: PgPeopleChanges, clustering: PeopleClustering
    ) -> None:
        ann = [
            album.add("a-1", "ann", bibs=[bib("11", 0.9, face_index=0)])[0],
            album.add("a-2", "ann", bibs=[bib("12", 0.8, face_index=0)])[0],
        ]
        bea = [album.add(f"b-{i}", "bea", bibs=[bib("12", 0.9, face_index=0)])[0] for i in range(2)]
        clustering.photo_changed(ALBUM)
        one, two = owner(album, ann[0]), owner(album, bea[0])
        eleven, twelve = album.numbers.numbers(ALBUM, one)
        assert [(c.kind, c.number) for c in eleven.conflicts] == [(ConflictKind.OTHER_NUMBER, "12")]
        assert {(c.kind, c.person_id) for c in twelve.conflicts} == {
            (ConflictKind.OTHER_NUMBER, one),
            (ConflictKind.OTHER_PERSON, two),
        }
        assert album.numbers.faces_by_number(ALBUM, "11", 10) == album.numbers.faces_by_number(ALBUM, "12", 10) == []
        changes.decide_number(ALBUM, one, "11", confirmed=True, by=BY)
        assert {found.face.face_id for found in album.numbers.faces_by_number(ALBUM, "11", 10)} == set(ann)
        rejected = changes.decide_number(ALBUM, one, "12", confirmed=False, by=BY).operation_id
        assert [(n.number, n.state, n.conflicts) for n in album.numbers.numbers(ALBUM, one)] == [
            ("11", NumberState.CONFIRMED, ()),
            ("12", NumberState.REJECTED, ()),
        ]
        assert {one.face.person_id for one in album.numbers.faces_by_number(ALBUM, "12", 10)} == {two}
        changes.undo(ALBUM, rejected or 0, by=BY)
        assert album.numbers.numbers(ALBUM, one)[1].conflicts != ()
        assert album.sql("SELECT count(*) FROM bib") == [(4,)], "read numbers stay"

    @pytest.mark.parametrize("number", ["", "x" * 21, "1\0", "\ud800", "1\n"])
    def test_an_unusable_number_is_refused(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        number: str,
    ) -> None:
        person = album.people.create(ALBUM, by=BY)
        with pytest.raises(RejectedInput):
            changes.decide_number(ALBUM, person.person_id, number, confirmed=True, by=BY)
        assert album.numbers.faces_by_number(ALBUM, number, 5) == []


def people_tables(album: TestAlbum) -> list[str]:
    tables = ("person", "person_face", "person_rejection", "person_number")
    return [str(sorted(map(str, album.sql(f"SELECT * FROM {table}")))) for table in tables]


def code_of(attempt) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(Conflict) as refused:
        attempt()
    return refused.value.code
