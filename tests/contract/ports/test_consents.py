"""The promises of Consents and SuppressionList, kept by every implementation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from photofinish.adapters.memory.consents import MemoryConsents, MemorySuppressionList
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.postgres.consents import PgConsents
from photofinish.adapters.postgres.people.enrolments import PgEnrolments
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.adapters.postgres.suppression import PgSuppressionList
from photofinish.domain.consent import ConsentAction, ConsentStatement
from photofinish.domain.face import Embedding, face_id
from photofinish.domain.people import UnknownPerson, WeightedEmbedding
from photofinish.domain.suppression import OptOutSource, Refusal
from photofinish.errors import RejectedInput
from photofinish.ports import Consents, FaceIndex, SuppressionList
from support.faces import embedding, face, photo
from support.index import VERSION, add

MAY = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PURPOSE = "finding race photos"
GIVEN = ConsentStatement(action=ConsentAction.GIVEN, purpose=PURPOSE, at=MAY, method="web form", text_version="2026-03")
ADA, BEA, STRANGER = embedding([1, 0, 0, 0]), embedding([0, 1, 0, 0]), embedding([0, 0, 0, 1])
ADA_AGAIN = embedding([0.9, 0.1, 0.1, 0.0])


def withdrawn(after: timedelta) -> ConsentStatement:
    return replace(GIVEN, action=ConsentAction.WITHDRAWN, at=MAY + after)


@dataclass
class Store:
    """One implementation of both ports over one index."""

    consents: Consents
    suppression: SuppressionList
    index: FaceIndex
    enrol: Callable[[Sequence[Embedding]], str]
    """Makes a person of the album `race` with these accepted pictures; returns their id."""


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        memory_index = MemoryFaceIndex()
        suppression = MemorySuppressionList(memory_index)
        consents = MemoryConsents(suppression)

        def enrol_in_memory(pictures: Sequence[Embedding]) -> str:
            person_id = str(uuid.uuid4())
            consents.enrol("race", person_id, *pictures)
            return person_id

        return Store(consents, suppression, memory_index, enrol_in_memory)
    connections = request.getfixturevalue("connections")
    people, enrolments = PgPeople(connections), PgEnrolments(connections)

    def enrol(pictures: Sequence[Embedding]) -> str:
        person_id = people.create("race", by="test").person_id
        for picture in pictures:
            [upload] = enrolments.add_uploads("race", person_id, 1, expires_at=datetime.now(UTC) + timedelta(hours=1))
            assert enrolments.accept("race", upload.upload_id, WeightedEmbedding(picture, 0.8), min_similarity=0.5)
        return person_id

    index = request.getfixturevalue("index_in_postgres")
    return Store(PgConsents(connections), PgSuppressionList(connections), index, enrol)


def consenting(store: Store, *faces: Embedding, purpose: str = PURPOSE) -> list[str | None]:
    return store.consents.consenting("race", purpose, faces, min_similarity=0.5)


def suppress(store: Store, album: str | None, *templates: Embedding, min_similarity: float = 0.5) -> str:
    added = store.suppression.add(album, templates, min_similarity=min_similarity, by="key:test")
    return added.opt_out_id


class TestConsents:
    def test_the_history_is_only_added_to_and_in_the_order_of_what_was_said(self, store: Store) -> None:
        ada = store.enrol([ADA])
        later = store.consents.record("race", ada, withdrawn(timedelta(hours=1)), by="key:a")
        minor = replace(GIVEN, is_minor=True, guardian="Anne Isabella Byron")
        first = store.consents.record("race", ada, minor, by="key:a")
        assert store.consents.record("race", ada, minor, by="key:b") == first, "twice equals once"
        assert store.consents.records("race", ada) == [first, later]
        assert first.statement == minor
        assert (first.person_id, first.recorded_by) == (ada, "key:a")

    def test_an_unknown_person_has_no_consent(self, store: Store) -> None:
        ada = store.enrol([ADA])
        for album, person in [("race", str(uuid.uuid4())), ("race", "no id"), ("other", ada)]:
            with pytest.raises(UnknownPerson):
                store.consents.record(album, person, GIVEN, by="key:a")
            assert store.consents.records(album, person) == []

    def test_faces_match_enrolled_people_who_consent_to_this_purpose_now(self, store: Store) -> None:
        ada, bea = store.enrol([ADA]), store.enrol([BEA, embedding([0, 0.9, 0.3, 0])])
        assert consenting(store, ADA_AGAIN, BEA) == [None, None]
        store.consents.record("race", ada, GIVEN, by="key:a")
        store.consents.record("race", bea, replace(GIVEN, purpose="newsletter"), by="key:a")
        assert consenting(store, ADA_AGAIN, BEA, STRANGER) == [ada, None, None]
        assert consenting(store, BEA, purpose="newsletter") == [bea]
        assert store.consents.consenting("other", PURPOSE, [ADA], min_similarity=0.5) == [None]

    def test_a_withdrawal_counts_in_whatever_order_the_records_come(self, store: Store) -> None:
        ada = store.enrol([ADA])
        store.consents.record("race", ada, withdrawn(timedelta(hours=1)), by="key:a")
        store.consents.record("race", ada, GIVEN, by="key:a")
        assert consenting(store, ADA) == [None], "an older consent that is recorded late does not bring it back"
        store.consents.record("race", ada, replace(GIVEN, at=MAY + timedelta(hours=1)), by="key:a")
        assert consenting(store, ADA) == [None], "of the same moment the withdrawal counts"
        store.consents.record("race", ada, replace(GIVEN, at=MAY + timedelta(hours=2)), by="key:a")
        assert consenting(store, ADA) == [ada]

    def test_embeddings_of_another_space_match_nobody(self, store: Store) -> None:
        ada = store.enrol([ADA])
        store.consents.record("race", ada, GIVEN, by="key:a")
        assert consenting(store, embedding([1, 0, 0, 0], "another-space"), ADA) == [None, ada]


class TestSuppressionList:
    def test_an_entry_refuses_faces_of_its_album_and_one_of_all_albums_everywhere(self, store: Store) -> None:
        suppress(store, "race", ADA)
        suppress(store, None, BEA, embedding([0, 0, 1, 0]))
        asked = [ADA_AGAIN, BEA, STRANGER, embedding([0, 0, 1, 0]), embedding([1, 0, 0, 0], "another-space")]
        assert store.suppression.suppressed("race", asked) == [True, True, False, True, False]
        assert store.suppression.suppressed("other", asked) == [False, True, False, True, False]
        assert store.suppression.suppressed("race", []) == []

    def test_each_entry_has_its_own_threshold(self, store: Store) -> None:
        suppress(store, "race", ADA, min_similarity=0.999)
        assert store.suppression.suppressed("race", [ADA, ADA_AGAIN]) == [True, False]

    def test_a_person_is_removed_by_the_id_and_album_of_their_entry(self, store: Store) -> None:
        one, other = suppress(store, "race", ADA), suppress(store, None, BEA)
        assert not store.suppression.remove(None, one)
        assert not store.suppression.remove("race", other)
        assert not store.suppression.remove("nowhere", one)
        assert store.suppression.remove("race", one)
        assert not store.suppression.remove("race", one)
        assert store.suppression.suppressed("race", [ADA, BEA]) == [False, True]

    def test_entries_are_listed_by_album_page_by_page(self, store: Store) -> None:
        ids = [suppress(store, "race", ADA) for _ in range(3)]
        everywhere = suppress(store, None, BEA)
        assert [one.opt_out_id for one in store.suppression.opt_outs("race", limit=2)] == ids[:2]
        assert [one.opt_out_id for one in store.suppression.opt_outs("race", limit=9, after=ids[1])] == ids[2:]
        [of_all] = store.suppression.opt_outs(None, limit=9)
        assert (of_all.opt_out_id, of_all.album, of_all.templates) == (everywhere, None, 1)
        assert store.suppression.opt_outs("nowhere", limit=9) == []

    def test_indexed_faces_of_the_person_are_found_until_the_entry_is_applied(self, store: Store) -> None:
        add(store.index, photo("race/1.jpg"), [face(STRANGER), face(ADA_AGAIN)])
        add(store.index, photo("other/1.jpg"), [face(ADA)])
        entry = suppress(store, "race", ADA)
        assert store.suppression.indexed_faces("race", entry) == [face_id(photo("race/1.jpg"), VERSION, 1)]
        assert [one.opt_out_id for one in store.suppression.not_applied(limit=5)] == [entry]
        store.suppression.applied(entry)
        store.suppression.applied(entry)
        assert store.suppression.not_applied(limit=5) == []
        [listed] = store.suppression.opt_outs("race", limit=5)
        assert listed.applied_at is not None

    @pytest.mark.parametrize("album", ["", "..", "a/b", "a\0b"])
    def test_a_name_that_cannot_be_an_album_is_refused(self, store: Store, album: str) -> None:
        with pytest.raises(RejectedInput, match="cannot be the name of an album"):
            suppress(store, album, ADA)
        assert store.suppression.suppressed(album, [ADA]) == [False]


class TestStatementsAboutFaces:
    REFUSAL = Refusal(templates=(ADA,), min_similarity=0.5)

    def test_a_withdrawal_adds_the_person_once_and_is_to_be_applied_again(self, store: Store) -> None:
        ada = store.enrol([ADA])
        statement = withdrawn(timedelta(hours=1))
        for refusal in (self.REFUSAL, Refusal(templates=(), min_similarity=0.5)):  # the pictures are forgotten by then
            done = store.consents.record_about_faces("race", ada, statement, by="key:a", refusal=refusal)
            assert done.opt_out is not None
            assert (done.counts, done.opt_out.source, done.opt_out.templates) == (True, OptOutSource.WITHDRAWAL, 1)
            assert store.suppression.not_applied(limit=5) == [done.opt_out]
            store.suppression.applied(done.opt_out.opt_out_id)
        suppress(store, "race", BEA)
        [found] = store.suppression.of_person("race", ada)
        assert (found.opt_out_id, found.person_id) == (done.opt_out.opt_out_id, ada)
        assert store.suppression.suppressed("race", [ADA_AGAIN]) == [True]
        assert len(store.consents.records("race", ada)) == 1

    def test_consent_takes_back_what_withdrawals_added(self, store: Store) -> None:
        ada = store.enrol([ADA])
        store.consents.record_about_faces("race", ada, withdrawn(timedelta()), by="key:a", refusal=self.REFUSAL)
        suppress(store, "race", BEA)
        again = replace(GIVEN, at=MAY + timedelta(hours=2))
        done = store.consents.record_about_faces("race", ada, again, by="key:a", refusal=None)
        assert (done.counts, done.opt_out) == (True, None)
        assert store.suppression.suppressed("race", [ADA, BEA]) == [False, True]

    def test_a_statement_that_does_not_count_changes_the_list_by_nothing(self, store: Store) -> None:
        ada = store.enrol([ADA])
        store.consents.record_about_faces("race", ada, GIVEN, by="key:a", refusal=None)
        late = withdrawn(-timedelta(hours=1))
        done = store.consents.record_about_faces("race", ada, late, by="key:a", refusal=self.REFUSAL)
        assert (done.counts, done.opt_out) == (False, None)
        assert store.suppression.suppressed("race", [ADA]) == [False]
        assert len(store.consents.records("race", ada)) == 2

    def test_without_a_template_only_what_is_to_be_done_is_kept_and_only_until_then(self, store: Store) -> None:
        ada = store.enrol([])
        nothing = Refusal(templates=(), min_similarity=0.5)
        done = store.consents.record_about_faces("race", ada, withdrawn(timedelta()), by="key:a", refusal=nothing)
        assert done.opt_out is not None
        assert store.suppression.not_applied(limit=5) == [done.opt_out]
        for _ in range(2):
            store.suppression.applied(done.opt_out.opt_out_id)
        assert store.suppression.of_person("race", ada) == []

    def test_an_unknown_person_withdraws_nothing(self, store: Store) -> None:
        for album, person in [("race", str(uuid.uuid4())), ("nowhere", "no id")]:
            with pytest.raises(UnknownPerson):
                store.consents.record_about_faces(album, person, GIVEN, by="key:a", refusal=None)
        assert store.suppression.opt_outs("race", limit=5) == []
