"""Decisions on people: remembered, respected by clustering and search, and every one of them can be undone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.clusters import PgClusters
from photofinish.application.people.clustering import PeopleClustering
from photofinish.domain.bib_links import ConflictKind, NumberState
from photofinish.domain.matching import Calibration
from photofinish.domain.people import FaceSource
from photofinish.errors import Conflict, NotFound, PhotofinishError, RejectedInput
from support.faces import SPACE, bib
from support.people import ALBUM, BY, TestAlbum

CALIBRATION = Calibration(min_similarity=0.6, stranger_similarity=0.65, slope=14, offset=-4.5, selfie_min_quality=0.2)


@pytest.fixture
def changes(album: TestAlbum) -> PgPeopleChanges:
    return PgPeopleChanges(album.database)


@pytest.fixture
def clustering(album: TestAlbum) -> PeopleClustering:
    return clustering_of(album)


def clustering_of(album: TestAlbum) -> PeopleClustering:
    return PeopleClustering(PgClusters(album.database), {SPACE: CALIBRATION}, publish=lambda _: None, run_every_s=0)


def owners(album: TestAlbum) -> dict[str, str]:
    return {str(face): str(person) for face, person in album.sql("SELECT face_id, person_id FROM person_face")}


def owner(album: TestAlbum, face_id: str) -> str:
    return owners(album)[face_id]


def two_people(album: TestAlbum, clustering: PeopleClustering) -> tuple[list[str], list[str]]:
    """Faces of Ann and of Bea, clustered."""
    ann = [album.add(f"ann-{i}", "ann")[0] for i in range(4)]
    bea = [album.add(f"bea-{i}", "bea")[0] for i in range(3)]
    clustering.photo_changed(ALBUM)
    assert len({owner(album, face) for face in ann}) == len({owner(album, face) for face in bea}) == 1
    assert owner(album, ann[0]) != owner(album, bea[0])
    return ann, bea


class TestConfirmAndReject:
    def test_a_rejected_face_never_comes_back(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, _ = two_people(album, clustering)
        person = owner(album, ann[0])
        done = changes.reject(ALBUM, person, [ann[1]], by=BY)
        assert done.changes.changed == (ann[1],)
        for _ in range(2):
            album.add(f"more-{_}", "ann")
            clustering.photo_changed(ALBUM)
            assert clustering.run_full(ALBUM)
            assert owners(album).get(ann[1]) != person
            assert owner(album, ann[0]) == person
        assert changes.rejected(ALBUM, person) == {ann[1]}
        changes.confirm(ALBUM, person, [ann[1]], by=BY)
        assert (owner(album, ann[1]), changes.rejected(ALBUM, person)) == (person, set())

    def test_a_confirmed_face_stays_although_it_is_not_similar(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, _ = two_people(album, clustering)
        person = owner(album, ann[0])
        [stranger] = album.add("stranger", "cid")
        changes.confirm(ALBUM, person, [stranger], by=BY)
        clustering.run_full(ALBUM)
        assert owner(album, stranger) == person
        [(source,)] = album.sql("SELECT source FROM person_face WHERE face_id = %s", stranger)
        assert source == FaceSource.CONFIRMED

    def test_a_face_confirmed_as_anothers_is_refused(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, bea = two_people(album, clustering)
        changes.confirm(ALBUM, owner(album, ann[0]), [ann[0]], by=BY)
        refused = changes.confirm(ALBUM, owner(album, bea[0]), [ann[0], "nonsense"], by=BY)
        assert refused.changes.refused == {ann[0]: "other_person", "nonsense": "unknown_face"}
        assert refused.operation_id is None

    def test_nobody_cannot_be_changed(self, album: TestAlbum, changes: PgPeopleChanges) -> None:
        [face] = album.add("1", "ann")
        for attempt in (
            lambda: changes.confirm(ALBUM, "nobody", [face], by=BY),
            lambda: changes.reject(ALBUM, "nobody", [face], by=BY),
            lambda: changes.merge(ALBUM, "nobody", "nobody", by=BY),
            lambda: changes.split(ALBUM, "nobody", [face], by=BY),
            lambda: changes.decide_number(ALBUM, "nobody", "1", confirmed=True, by=BY),
            lambda: changes.undo(ALBUM, 1, by=BY),
            lambda: changes.faces(ALBUM, "nobody", limit=5),
        ):
            with pytest.raises(NotFound):
                attempt()


class TestMergeAndSplit:
    def test_a_merge_lasts(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, bea = two_people(album, clustering)
        into, other = owner(album, ann[0]), owner(album, bea[0])
        album.people.rename(ALBUM, other, "Bea", by=BY)
        changes.decide_number(ALBUM, other, "42", confirmed=True, by=BY)
        merged = changes.merge(ALBUM, into, other, by=BY).person
        assert (merged.person_id, merged.name, merged.face_count) == (into, "Bea", 7)
        assert [number.number for number in changes.numbers(ALBUM, into)] == ["42"]
        assert album.people.get(ALBUM, other) is None
        clustering.run_full(ALBUM)
        assert {owner(album, face) for face in ann + bea} == {into}

    def test_a_split_lasts(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, _ = two_people(album, clustering)
        person = owner(album, ann[0])
        new = changes.split(ALBUM, person, ann[:2], name="Anna", by=BY).person
        assert (new.name, new.face_count) == ("Anna", 2)
        clustering.run_full(ALBUM)
        assert [owner(album, face) for face in ann] == [new.person_id] * 2 + [person] * 2

    def test_what_contradicts_itself_is_a_conflict(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, bea = two_people(album, clustering)
        one, two = owner(album, ann[0]), owner(album, bea[0])
        assert code_of(lambda: changes.merge(ALBUM, one, one, by=BY)) == "same_person"
        assert code_of(lambda: changes.split(ALBUM, one, [bea[0]], by=BY)) == "not_theirs"
        assert code_of(lambda: changes.split(ALBUM, one, ann, by=BY)) == "nothing_left"
        assert code_of(lambda: changes.split(ALBUM, one, [], by=BY)) == "nothing_left"
        changes.confirm(ALBUM, one, [ann[0]], by=BY)
        changes.reject(ALBUM, two, [ann[0]], by=BY)
        assert code_of(lambda: changes.merge(ALBUM, one, two, by=BY)) == "rejected_faces"
        assert code_of(lambda: changes.merge(ALBUM, two, one, by=BY)) == "rejected_faces"


class TestUndo:
    def test_every_change_can_be_undone_and_redone(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, bea = two_people(album, clustering)
        one, two = owner(album, ann[0]), owner(album, bea[0])
        album.people.rename(ALBUM, two, "Bea", by=BY)
        operations = [
            lambda: changes.confirm(ALBUM, one, [bea[0]], by=BY).operation_id,
            lambda: changes.reject(ALBUM, one, [ann[0]], by=BY).operation_id,
            lambda: changes.merge(ALBUM, one, two, by=BY).operation_id,
            lambda: changes.split(ALBUM, one, ann[:2], name="x", by=BY).operation_id,
            lambda: changes.decide_number(ALBUM, one, "7", confirmed=False, by=BY).operation_id,
            lambda: (
                album.people.rename(ALBUM, two, "Beate", by=BY) and changes.operations(ALBUM, limit=1)[0].operation_id
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

    def test_what_something_newer_depends_on_cannot_be_undone(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, bea = two_people(album, clustering)
        one, two = owner(album, ann[0]), owner(album, bea[0])
        merge = changes.merge(ALBUM, one, two, by=BY).operation_id
        split = changes.split(ALBUM, one, bea[:1], by=BY)
        assert merge is not None
        assert split.operation_id is not None
        with pytest.raises(Conflict, match=f"{split.operation_id} \\(split\\)") as refused:
            changes.undo(ALBUM, merge, by=BY)
        assert refused.value.code == "changed_since"
        changes.confirm(ALBUM, split.person.person_id, bea[:1], by=BY)
        assert code_of(lambda: changes.undo(ALBUM, split.operation_id or 0, by=BY)) == "changed_since"

    def test_clustering_does_not_hinder_an_undo(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, bea = two_people(album, clustering)
        one, two = owner(album, ann[0]), owner(album, bea[0])
        merge = changes.merge(ALBUM, one, two, by=BY).operation_id
        rejection = changes.reject(ALBUM, one, [ann[3]], by=BY).operation_id
        album.add("new", "bea", "ann")
        clustering.photo_changed(ALBUM)
        clustering.run_full(ALBUM)
        changes.undo(ALBUM, rejection or 0, by=BY)
        changes.undo(ALBUM, merge or 0, by=BY)
        clustering.run_full(ALBUM)
        assert {owner(album, face) for face in bea} == {two}
        assert {owner(album, face) for face in ann} == {one}

    def test_after_a_deletion_nothing_of_the_person_can_be_undone(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann, _ = two_people(album, clustering)
        person = owner(album, ann[0])
        album.people.rename(ALBUM, person, "Ann Unmistakable", by=BY)
        [renaming] = [done for done in changes.operations(ALBUM, limit=9) if done.kind == "rename"]
        assert renaming.is_reversible
        assert album.people.delete(ALBUM, person, by=BY)
        assert code_of(lambda: changes.undo(ALBUM, renaming.operation_id, by=BY)) == "not_reversible"
        assert [done.kind for done in changes.operations(ALBUM, limit=9)] == ["delete", "rename"]
        assert "Unmistakable" not in album.dump()

    def test_another_albums_operation_is_unknown(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
    ) -> None:
        album.people.create(ALBUM, name="Ann", by=BY)
        [made] = changes.operations(ALBUM, limit=5)
        with pytest.raises(NotFound):
            changes.undo("other", made.operation_id, by=BY)


def change(
    changes: PgPeopleChanges, kind: int, person: str, other: str, face: str, first: int, second: int
) -> int | None:
    """One change of five kinds; the number of its operation."""
    match kind:
        case 0:
            return changes.confirm(ALBUM, person, [face], by=BY).operation_id
        case 1:
            return changes.reject(ALBUM, person, [face], by=BY).operation_id
        case 2:
            return changes.merge(ALBUM, person, other, by=BY).operation_id
        case 3:
            return changes.split(ALBUM, person, [face], by=BY).operation_id
        case _:
            return changes.decide_number(ALBUM, person, str(second), confirmed=bool(first % 2), by=BY).operation_id


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 6)), max_size=7), data=st.data())
def test_undoing_all_changes_from_the_last_to_the_first_leads_back(
    album: TestAlbum,
    steps: list[tuple[int, int, int]],
    data: st.DataObject,
) -> None:
    """Whatever was done, in whatever order, with clustering in between or not."""
    changes, clustering = PgPeopleChanges(album.database), clustering_of(album)
    if not album.sql("SELECT 1 FROM person"):
        two_people(album, clustering)
    faces = sorted(str(row[0]) for row in album.sql("SELECT face_id FROM face"))
    people = sorted(set(owners(album).values()))
    start = people_tables(album)
    done: list[int] = []
    for kind, first, second in steps:
        person, other = people[first % len(people)], people[second % len(people)]
        face = faces[second % len(faces)]
        try:
            operation = change(changes, kind, person, other, face, first, second)
        except PhotofinishError:
            continue
        done += [] if operation is None else [operation]
    for number in reversed(done):
        changes.undo(ALBUM, number, by=BY)
    assert people_tables(album) == start


class TestNumbers:
    def test_a_number_is_inferred_on_the_persons_other_photos_with_its_evidence(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        seen = album.add("seen", "ann", bibs=[bib("2906", 0.9, face_index=0)])
        others = [album.add(f"unseen-{i}", "ann")[0] for i in range(3)]
        bea = album.add("bea", "bea")
        clustering.photo_changed(ALBUM)
        person = owner(album, seen[0])
        [number] = changes.numbers(ALBUM, person)
        assert (number.number, number.state, number.conflicts) == ("2906", NumberState.INFERRED, ())
        assert [one.photo for one in number.evidence] == [album.photo("seen")]
        assert number.score == pytest.approx(0.81, abs=0.01)
        inferred = changes.faces_by_number(ALBUM, "2906", 10)
        assert {one.face.face_id for one in inferred} == {*seen, *others}
        assert {one.evidence and one.evidence.face_id for one in inferred} == set(seen)
        assert {one.score for one in inferred} == {number.score}
        assert len(changes.faces_by_number(ALBUM, "2906", 2)) == 2
        assert not {one.face.face_id for one in inferred} & set(bea)
        assert changes.faces_by_number(ALBUM, "2907", 10) == []

    def test_conflicts_are_flagged_and_nothing_is_overwritten(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        clustering: PeopleClustering,
    ) -> None:
        ann = [
            album.add("a-1", "ann", bibs=[bib("11", 0.9, face_index=0)])[0],
            album.add("a-2", "ann", bibs=[bib("12", 0.8, face_index=0)])[0],
        ]
        bea = [album.add(f"b-{i}", "bea", bibs=[bib("12", 0.9, face_index=0)])[0] for i in range(2)]
        clustering.photo_changed(ALBUM)
        one, two = owner(album, ann[0]), owner(album, bea[0])
        eleven, twelve = changes.numbers(ALBUM, one)
        assert [(c.kind, c.number) for c in eleven.conflicts] == [(ConflictKind.OTHER_NUMBER, "12")]
        assert {(c.kind, c.person_id) for c in twelve.conflicts} == {
            (ConflictKind.OTHER_NUMBER, one),
            (ConflictKind.OTHER_PERSON, two),
        }
        assert changes.faces_by_number(ALBUM, "11", 10) == changes.faces_by_number(ALBUM, "12", 10) == []
        changes.decide_number(ALBUM, one, "11", confirmed=True, by=BY)
        assert {found.face.face_id for found in changes.faces_by_number(ALBUM, "11", 10)} == set(ann)
        rejected = changes.decide_number(ALBUM, one, "12", confirmed=False, by=BY).operation_id
        assert [(n.number, n.state, n.conflicts) for n in changes.numbers(ALBUM, one)] == [
            ("11", NumberState.CONFIRMED, ()),
            ("12", NumberState.REJECTED, ()),
        ]
        assert {one.face.person_id for one in changes.faces_by_number(ALBUM, "12", 10)} == {two}
        changes.undo(ALBUM, rejected or 0, by=BY)
        assert changes.numbers(ALBUM, one)[1].conflicts != ()
        assert album.sql("SELECT count(*) FROM bib") == [(4,)], "what was read stays"

    @pytest.mark.parametrize("number", ["", "x" * 21, "1\0", "\ud800", "1\n"])
    def test_a_number_that_is_none_is_refused(
        self,
        album: TestAlbum,
        changes: PgPeopleChanges,
        number: str,
    ) -> None:
        person = album.people.create(ALBUM, by=BY)
        with pytest.raises(RejectedInput):
            changes.decide_number(ALBUM, person.person_id, number, confirmed=True, by=BY)
        assert changes.faces_by_number(ALBUM, number, 5) == []


def people_tables(album: TestAlbum) -> list[str]:
    tables = ("person", "person_face", "person_rejection", "person_number")
    return [str(sorted(map(str, album.sql(f"SELECT * FROM {table}")))) for table in tables]


def code_of(attempt) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(Conflict) as refused:
        attempt()
    return refused.value.code
