"""For any sequence of decisions, undos, new photos and clustering: decisions stand, refusals change nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.domain.matching import Calibration
from photofinish.errors import Conflict
from support.examples import examples
from support.people import BY, TestAlbum

CALIBRATION = Calibration(min_similarity=0.6, stranger_similarity=0.65, slope=14, offset=-4.5, selfie_min_quality=0.2)
REFUSALS = {"rejected_faces", "not_theirs", "nothing_left", "same_person", "changed_since", "already_undone"}
some = st.integers(0, 30)
"""Chooses a person, a face or an operation: the number modulo how many there are."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What people decided, which only another decision may change."""

    confirmed: frozenset[tuple[str, str]]
    """Face and person."""
    rejected: frozenset[tuple[str, str]]
    """Face and person."""
    numbers: frozenset[tuple[str, str, bool]]
    """Person, number, whether it is theirs."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A decision that was made, and the decisions before it."""

    operation_id: int
    before: Decisions


class Journal(RuleBasedStateMachine):
    """An album of three people, of whom new photos come, and whose faces are clustered again and again."""

    test_album: TestAlbum
    connection: psycopg.Connection
    names = itertools.count()

    @initialize()
    def begin(self) -> None:
        self.album = replace(self.test_album, name=f"race-{next(self.names)}")
        self.changes = PgPeopleChanges(self.album.database)
        self.clustering = self.album.clustering(CALIBRATION)
        self.made: list[Made] = []
        self.faces: list[str] = []
        self.known: list[str] = []
        for number, person in enumerate(["ann", "ann", "bea", "bea"]):
            self.faces += self.album.add(f"{number}", person)
        self.clustering.photo_changed(self.album.name)

    # what happens to the album

    @rule(person=st.sampled_from(["ann", "bea", "cid"]))
    def a_photo_comes(self, person: str) -> None:
        self.faces += self.album.add(f"{len(self.faces)}", person)
        with self.decisions_stand():
            self.clustering.photo_changed(self.album.name)

    @rule()
    def all_faces_are_clustered(self) -> None:
        with self.decisions_stand():
            assert self.clustering.run_full(self.album.name)

    @contextmanager
    def decisions_stand(self) -> Iterator[None]:
        """Check that a clustering run changes no decision.

        The run deletes an unnamed person all of whose faces were rejected, and these rejections with it. Decisions made
        before then can no longer be undone.
        """
        before, people = self.decisions(), set(self.people())
        yield
        gone = people - set(self.people())
        rejected = frozenset((face, person) for face, person in before.rejected if person not in gone)
        assert self.decisions() == replace(before, rejected=rejected), "a clustering run changed what people decided"
        if rejected != before.rejected:
            self.made.clear()

    # what people decide

    @rule(person=some, face=some)
    def confirm(self, person: int, face: int) -> None:
        person_id, face_id = self.person(person), self.faces[face % len(self.faces)]
        confirmed_as = dict(self.decisions().confirmed).get(face_id)
        done = self.decide(lambda: self.changes.confirm(self.album.name, person_id, [face_id], by=BY))
        if confirmed_as not in (None, person_id):
            assert done.changes.refused == {face_id: "other_person"}
        else:
            assert (face_id, person_id) in self.decisions().confirmed
            assert (face_id, person_id) not in self.decisions().rejected

    @rule(person=some, face=some)
    def reject(self, person: int, face: int) -> None:
        person_id, face_id = self.person(person), self.faces[face % len(self.faces)]
        self.decide(lambda: self.changes.reject(self.album.name, person_id, [face_id], by=BY))
        assert (face_id, person_id) in self.decisions().rejected
        assert (face_id, person_id) not in self.decisions().confirmed

    @rule(into=some, other=some)
    def merge(self, into: int, other: int) -> None:
        into_id, other_id = self.person(into), self.person(other)
        theirs = self.faces_of(into_id) | self.faces_of(other_id)
        if self.decide(lambda: self.changes.merge(self.album.name, into_id, other_id, by=BY)):
            assert self.album.people.get(self.album.name, other_id) is None
            rejected = {face for face, person in self.decisions().rejected if person == into_id}
            assert self.faces_of(into_id) == theirs - rejected

    @rule(person=some, count=st.integers(1, 2))
    def split(self, person: int, count: int) -> None:
        person_id = self.person(person)
        faces = sorted(self.faces_of(person_id), key=self.faces.index)[:count]
        if done := self.decide(lambda: self.changes.split(self.album.name, person_id, faces, by=BY)):
            assert self.faces_of(done.person.person_id) == set(faces)

    @rule(person=some, number=st.sampled_from(["7", "42"]), is_theirs=st.booleans())
    def decide_number(self, person: int, number: str, is_theirs: bool) -> None:
        person_id = self.person(person)
        assert self.decide(
            lambda: self.changes.decide_number(self.album.name, person_id, number, confirmed=is_theirs, by=BY)
        )
        assert (person_id, number, is_theirs) in self.decisions().numbers

    @precondition(lambda self: self.made)
    @rule()
    def undo_the_last_decision(self) -> None:
        last = self.made.pop()
        self.changes.undo(self.album.name, last.operation_id, by=BY)
        assert self.decisions() == last.before

    @precondition(lambda self: len(self.made) > 1)
    @rule(which=some)
    def undo_an_earlier_decision_and_make_it_again(self, which: int) -> None:
        index = which % (len(self.made) - 1)
        earlier = self.made[index]
        before = self.decisions()
        undone = self.or_refused(lambda: self.changes.undo(self.album.name, earlier.operation_id, by=BY))
        if undone is not None:
            made_again = self.changes.undo(self.album.name, undone, by=BY)
            self.made[index] = replace(earlier, operation_id=made_again)
        assert self.decisions() == before

    # what always holds

    @invariant()
    def no_face_is_given_to_whom_it_was_rejected_for(self) -> None:
        assert not self.decisions().rejected & {(face, person) for face, person in self.owners().items()}

    @invariant()
    def confirmed_faces_stay(self) -> None:
        owners = self.owners()
        assert all(owners[face] == person for face, person in self.decisions().confirmed)

    @invariant()
    def people_exist_and_own_faces_of_the_album(self) -> None:
        owners = self.owners()
        assert set(owners) <= set(self.faces)
        assert set(owners.values()) <= set(self.people())

    # what the rules read

    def person(self, number: int) -> str:
        people = self.people()
        return people[number % len(people)]

    def people(self) -> list[str]:
        """In the order in which they were seen first, and of their faces: ids are random, and a failure is repeated."""
        there = {str(row[0]) for row in self.rows("SELECT person_id FROM person WHERE {}")}
        owners = self.owners()
        first_face = {owners[face]: number for number, face in reversed(list(enumerate(self.faces))) if face in owners}
        self.known += sorted(there - set(self.known), key=lambda person: first_face.get(person, len(self.faces)))
        return [person for person in self.known if person in there]

    def owners(self) -> dict[str, str]:
        return {str(face): str(person) for face, person in self.of_people("person_face", "face_id, person_id")}

    def faces_of(self, person_id: str) -> set[str]:
        return {face for face, person in self.owners().items() if person == person_id}

    def decisions(self) -> Decisions:
        confirmed = self.of_people("person_face", "face_id, person_id", "source = 'confirmed'")
        rejected = self.of_people("person_rejection", "face_id, person_id")
        numbers = self.of_people("person_number", "person_id, number, confirmed")
        return Decisions(
            confirmed=frozenset((str(face), str(person)) for face, person in confirmed),
            rejected=frozenset((str(face), str(person)) for face, person in rejected),
            numbers=frozenset((str(person), number, is_theirs) for person, number, is_theirs in numbers),
        )

    def of_people(self, table: str, columns: str, condition: str = "true") -> list[tuple[Any, ...]]:
        people = "SELECT person_id FROM person WHERE {}"
        return self.rows(f"SELECT {columns} FROM {table} WHERE {condition} AND person_id IN ({people}) ORDER BY 1, 2")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        of_album = "album_id = (SELECT album_id FROM album WHERE name = %s)"
        names = (self.album.name,) * statement.count("{}")
        return self.connection.execute(statement.format(*[of_album] * len(names)), names).fetchall()  # type: ignore[arg-type]

    def everything(self) -> list[list[tuple[Any, ...]]]:
        tables = ("person_face", "person_rejection", "person_number")
        return [
            self.rows("SELECT * FROM person WHERE {} ORDER BY 1"),
            *(self.of_people(table, "*") for table in tables),
        ]

    def decide(self, decision: Callable[[], Any]) -> Any:
        """Make the decision and remember it; None if it was refused."""
        before = self.decisions()
        done = self.or_refused(decision)
        if done is not None and done.operation_id is not None:
            self.made.append(Made(operation_id=done.operation_id, before=before))
        return done

    def or_refused(self, call: Callable[[], Any]) -> Any:
        """Return the call's result; None if it was refused, which must have changed nothing."""
        before = self.everything()
        try:
            return call()
        except Conflict as refused:
            code = refused.code
        assert code in REFUSALS
        assert self.everything() == before, f"a refusal ({code}) changed something"
        return None


@pytest.mark.hypothesis
def test_decisions_stand(album: TestAlbum) -> None:
    with psycopg.connect(album.conninfo, autocommit=True) as connection:
        machine = type("JournalOfThisTest", (Journal,), {"test_album": album, "connection": connection})
        run_state_machine_as_test(machine, settings=settings(max_examples=examples(5), stateful_step_count=15))
