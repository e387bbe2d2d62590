"""Sequences of uploads, events, tasks with faults and repetitions, against a model of how each photo must end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from photofinish.application.ingest import ingest, requeue
from photofinish.domain.photo import FINAL_STATUSES, PhotoStatus, StoredPhoto
from photofinish.ports import WorkItem
from support.examples import examples
from support.simulation import BAD, ENDS, GOOD, KILLING, Fault, SimulatedCloud

names = st.sampled_from([f"race/{number}.jpg" for number in range(4)])
faults = st.dictionaries(st.integers(1, 45), st.sampled_from(list(Fault)), max_size=3)


@dataclass
class Expected:
    """What the model knows of one object: its versions and, of the newest, how it must end."""

    versions: list[StoredPhoto]
    kind: bytes


class WorkerMachine(RuleBasedStateMachine):
    """The cloud with its tasks, and the model beside it."""

    @initialize(seed=st.integers(0, 2**32))
    def start(self, seed: int) -> None:
        self.cloud = SimulatedCloud(seed)
        self.expected: dict[str, Expected] = {}

    @rule(name=names, kind=st.sampled_from([GOOD, GOOD, GOOD, BAD, KILLING]))
    def upload(self, name: str, kind: bytes) -> None:
        versions = self.expected[name].versions if name in self.expected else []
        ref = self.cloud.drop_kind(name, kind)
        stored = next(photo for photo in self.cloud.store.list_photos(name) if photo.ref == ref)
        self.expected[name] = Expected([*versions, stored], kind)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def deliver_an_event_again(self, data: st.DataObject) -> None:
        """Of any version: late, twice, or older than what is recorded."""
        photo = data.draw(st.sampled_from([one for known in self.expected.values() for one in known.versions]))
        cloud = self.cloud
        ingest(photo, event_at=datetime.now(UTC), documents=cloud.documents, queue=cloud.queue, events=cloud.events)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def deliver_work_again(self, data: st.DataObject) -> None:
        photo = data.draw(st.sampled_from([one for known in self.expected.values() for one in known.versions]))
        self.cloud.queue.publish([WorkItem(photo=photo.ref, trace_id="again", uploaded_at=photo.uploaded_at)])

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def analyse_again(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(sorted(self.expected.items())))[1]
        photo, cloud = known.versions[-1], self.cloud
        assert requeue(
            photo.ref,
            seen_at=cloud.documents.states([photo.ref])[photo.ref].changed_at,
            uploaded_at=photo.uploaded_at,
            documents=cloud.documents,
            queue=cloud.queue,
            events=cloud.events,
        )

    @rule(faults=faults)
    def run_a_task(self, faults: dict[int, Fault]) -> None:
        self.cloud.run_task(faults)

    @rule(seconds=st.sampled_from([1, 30, 70, 300]))
    def let_time_pass(self, seconds: int) -> None:
        self.cloud.clock.advance(seconds)
        self.cloud.fail_dead_letters()

    @invariant()
    def no_document_is_of_an_older_version(self) -> None:
        for name, known in self.expected.items():
            ref = known.versions[-1].ref
            record = self.cloud.documents.get(ref.album, ref.photo_id)
            assert record is not None, name
            assert record.ref == ref, name

    @invariant()
    def a_final_status_is_the_right_one(self) -> None:
        for known in self.expected.values():
            ref = known.versions[-1].ref
            record = self.cloud.documents.get(ref.album, ref.photo_id)
            assert record is not None
            if record.status in FINAL_STATUSES:
                assert record.status is ENDS[known.kind], record.fields.get("error")

    def teardown(self) -> None:
        self.cloud.settle()
        assert self.cloud.problems(told_once=False) == []
        done = sum(known.kind == GOOD for known in self.expected.values())
        assert self.cloud.documents.counts("race").get(PhotoStatus.DONE, 0) == done


TestWorkerMachine = WorkerMachine.TestCase
TestWorkerMachine.settings = settings(
    max_examples=examples(20), stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
