"""On how many photos people are: what statistics read is what counting their faces would say."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.statistics import PgStatistics
from photofinish.domain.album_statistics import photos_per_person
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.matching import Calibration
from photofinish.errors import Conflict, NotFound
from photofinish.ports.face_index import ErasedMeanwhile
from support.examples import examples
from support.people import BY, TestAlbum

CALIBRATION = Calibration(min_similarity=0.6, stranger_similarity=0.65, slope=14, offset=-4.5, selfie_min_quality=0.2)
RECOUNT = """
SELECT photos, count(*) FROM (
    SELECT count(DISTINCT photo_id) AS photos FROM person_face
    WHERE album_id = (SELECT album_id FROM album WHERE name = %s) GROUP BY person_id
) AS people GROUP BY photos
"""
some = st.integers(0, 30)
"""Chooses a person, a face or an operation: the number modulo how many there are."""
runners = st.lists(st.sampled_from(["ann", "bea", "cid"]), min_size=1, max_size=3)


class Changes(RuleBasedStateMachine):
    """Whatever happens to the people of an album, in any order."""

    test_album: TestAlbum
    connection: psycopg.Connection
    names = itertools.count()

    @initialize()
    def begin(self) -> None:
        self.album = replace(self.test_album, name=f"race-{next(self.names)}")
        self.changes = PgPeopleChanges(self.album.database)
        self.clustering = self.album.clustering(CALIBRATION)
        self.operations: list[int] = []
        self.erased: set[str] = set()
        self.faces = [face for number in range(3) for face in self.album.add(f"{number}", "ann", "bea")]
        self.clustering.photo_changed(self.album.name)

    @rule(shown=runners)
    def a_photo_comes(self, shown: list[str]) -> None:
        self.faces += self.album.add(f"new {len(self.faces)}", *shown)
        self.clustering.photo_changed(self.album.name)

    @rule(number=some, shown=runners)
    def a_photo_is_analysed_again(self, number: int, shown: list[str]) -> None:
        name = f"{number % 3}"
        if name in self.erased:
            return
        try:
            self.faces += self.album.add(name, *shown)
        except ErasedMeanwhile:
            return  # of one of its faces, at that place
        self.clustering.photo_changed(self.album.name)

    @rule()
    def all_faces_are_clustered(self) -> None:
        self.clustering.run_full(self.album.name)

    @rule(person=some, face=some)
    def confirm(self, person: int, face: int) -> None:
        self.change(lambda: self.changes.confirm(self.album.name, self.person(person), [self.face(face)], by=BY))

    @rule(person=some, face=some)
    def reject(self, person: int, face: int) -> None:
        self.change(lambda: self.changes.reject(self.album.name, self.person(person), [self.face(face)], by=BY))

    @rule(into=some, other=some)
    def merge(self, into: int, other: int) -> None:
        self.change(lambda: self.changes.merge(self.album.name, self.person(into), self.person(other), by=BY))

    @rule(person=some, face=some)
    def split(self, person: int, face: int) -> None:
        self.change(lambda: self.changes.split(self.album.name, self.person(person), [self.face(face)], by=BY))

    @rule(operation=some)
    def undo(self, operation: int) -> None:
        if self.operations:
            operation_id = self.operations[operation % len(self.operations)]
            self.change(lambda: self.changes.undo(self.album.name, operation_id, by=BY))

    @rule(face=some)
    def erase_a_face(self, face: int) -> None:
        self.erase(ErasureKind.FACE, self.face(face))

    @rule(person=some, with_faces=st.booleans())
    def erase_a_person(self, person: int, with_faces: bool) -> None:
        self.erase(ErasureKind.PERSON, self.person(person), with_faces=with_faces)

    @rule(number=some)
    def erase_a_photo(self, number: int) -> None:
        photo = self.album.photo(f"{number % 3}")
        self.erased.add(f"{number % 3}")
        self.erase(ErasureKind.PHOTO, photo.photo_id, generation=photo.generation)

    @invariant()
    def what_is_kept_is_what_counting_says(self) -> None:
        counted = dict(self.connection.execute(RECOUNT, [self.album.name]).fetchall())
        assert PgStatistics(self.album.database).people(self.album.name) == photos_per_person(counted)

    def face(self, number: int) -> str:
        return self.faces[number % len(self.faces)]

    def person(self, number: int) -> str:
        people = sorted(person.person_id for person in self.album.people.list_people(self.album.name, limit=100))
        return people[number % len(people)] if people else "00000000-0000-4000-8000-000000000000"

    def erase(
        self, kind: ErasureKind, target_id: str, *, generation: int | None = None, with_faces: bool = False
    ) -> None:
        target = ErasureTarget(
            kind=kind, album=self.album.name, id=target_id, generation=generation, with_faces=with_faces
        )
        self.change(lambda: PgErasures(self.album.database).begin(target, reason=Reason.REQUEST))

    def change(self, call: Callable[[], object]) -> None:
        try:
            operation_id = getattr(call(), "operation_id", None)
        except (Conflict, NotFound):
            return  # refused: the invariant tells whether that changed anything
        if operation_id is not None:
            self.operations.append(operation_id)


@pytest.mark.hypothesis
def test_photos_of_people_are_always_counted(album: TestAlbum) -> None:
    with psycopg.connect(album.conninfo, autocommit=True) as connection:
        machine = type("ChangesOfThisTest", (Changes,), {"test_album": album, "connection": connection})
        run_state_machine_as_test(machine, settings=settings(max_examples=examples(3), stateful_step_count=15))
    [(rows,)] = album.sql("SELECT count(*) FROM person_photos")
    [(people,)] = album.sql("SELECT count(DISTINCT person_id) FROM person_face")
    assert rows == people, "rows are left of people who have no faces"
