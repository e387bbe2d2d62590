"""A correction at any moment of another analysis, and one that dies half-way: everything ends with it applied."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from photofinish.adapters.memory.bibs import MemoryBibs
from photofinish.adapters.memory.work import MemoryWorkQueue
from photofinish.application.bibs.correcting import BibCorrector
from photofinish.application.bibs.projection import BibProjector
from photofinish.application.bibs.rescoring import AlbumRescorer
from photofinish.domain.bib_corrections import CorrectionKind, CorrectionRequest
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef
from photofinish.domain.start_list import StartList
from photofinish.errors import Unavailable
from photofinish.ports import WorkItem
from support.index import photos_with_bib
from support.pipeline import MemoryCloud, toy_photo

REQUEST = CorrectionRequest(kind=CorrectionKind.REPLACE, number="42", new_number="43")
PORTS = ("store", "index", "documents", "events")


class Interruption:
    """Wraps ports, and calls `act` once: just before the n-th call of all of them."""

    def __init__(self, before_call: int, act: Callable[[], object]) -> None:
        self._left = before_call
        self._act = act
        self.happened = False

    def wrap(self, port: Any) -> Any:
        interruption = self

        class Wrapped:
            def __getattr__(self, name: str) -> Any:
                attribute = getattr(port, name)
                return interruption._around(attribute) if callable(attribute) else attribute

        return Wrapped()

    def _around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._left == 0 and not self.happened:
                self.happened = True
                self._act()
            self._left -= 1
            return method(*args, **kwargs)

        return call


class Race:
    """An analysed photo that shows 42, queued to be analysed again."""

    def __init__(self) -> None:
        self.cloud = MemoryCloud(queue=MemoryWorkQueue(ack_deadline_s=10, complete=True))
        self.bibs = MemoryBibs(self.cloud.index, self.cloud.album_rules)
        self.projector = BibProjector(self.bibs, self.cloud.documents)
        self.corrector = BibCorrector(self.bibs, self.projector, publish_people=lambda _: None)
        self.photo: PhotoRef = self.cloud.drop("race/1.jpg", toy_photo(bibs=["42"])).ref
        self.cloud.worker().run()
        assert self.shown == (["42"], ["42"])
        assert self.cloud.documents.record_requeued(self.photo, trace_id="again")
        self.cloud.queue.publish([WorkItem(photo=self.photo, trace_id="again", uploaded_at=datetime.now(UTC))])

    def correct(self) -> None:
        self.corrector.correct("race", self.photo.photo_id, REQUEST, by="test")

    def analyse_again(self, interruption: Interruption) -> None:
        wired = MemoryCloud(
            **{port: interruption.wrap(getattr(self.cloud, port)) for port in PORTS},
            queue=self.cloud.queue,
            leases=self.cloud.leases,
            album_rules=self.cloud.album_rules,
        )
        wired.worker().run()

    @property
    def shown(self) -> tuple[list[str], list[str]]:
        """The numbers of the photo in the index and in its document."""
        record = self.cloud.documents.get("race", self.photo.photo_id)
        assert record is not None
        found = [number for number in ("42", "43") if photos_with_bib(self.cloud.index, "race", number)]
        return found, list(record.fields["bib_numbers"])


def test_a_correction_at_any_moment_of_an_analysis_applies() -> None:
    moments = 0
    for moment in itertools.count():
        race = Race()
        interruption = Interruption(moment, race.correct)
        race.analyse_again(interruption)
        if not interruption.happened:
            break
        moments += 1
        assert race.shown == (["43"], ["43"]), f"a correction before call {moment + 1} was lost"
        record = race.cloud.documents.get("race", race.photo.photo_id)
        assert record is not None
        assert record.status.value == "done"
    assert moments >= 5, "an analysis has more steps than moments were tried"


def test_an_undo_at_any_moment_of_an_analysis_applies() -> None:
    for moment in itertools.count():
        race = Race()
        race.correct()
        [operation] = race.bibs.operations("race", limit=1)

        def undo(race: Race = race, operation_id: int = operation.operation_id) -> None:
            race.corrector.undo("race", operation_id, by="test")

        interruption = Interruption(moment, undo)
        race.analyse_again(interruption)
        if not interruption.happened:
            break
        assert race.shown == (["42"], ["42"]), f"an undo before call {moment + 1} was lost"


def test_a_correction_whose_document_could_not_be_written_is_healed_by_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    race = Race()
    with monkeypatch.context() as patch:

        def unavailable(*_: object) -> None:
            raise Unavailable("Firestore is unavailable")

        patch.setattr(race.cloud.documents, "update_bibs", unavailable)
        race.correct()
    assert race.shown == (["43"], ["42"])
    assert race.projector.sweep() == 1
    assert race.shown == (["43"], ["43"])
    assert race.projector.sweep() == 0


def test_rules_that_change_at_any_moment_of_an_analysis_apply_after_the_sweep() -> None:
    """By the new rules neither an analysis finds the number nor the toy's sidecar, which has no text."""
    rules = BibRules(start_list=StartList({"99": "Ada Lovelace"}))
    for moment in itertools.count():
        race = Race()
        rescorer = AlbumRescorer(
            race.cloud.album_rules, race.bibs, race.cloud.store, race.projector, publish_people=lambda _: None
        )

        def change(race: Race = race, rescorer: AlbumRescorer = rescorer) -> None:
            race.cloud.album_rules.set_bib_rules("race", rules)
            rescorer.rescore("race", budget_s=60)

        interruption = Interruption(moment, change)
        race.analyse_again(interruption)
        if not interruption.happened:
            break
        rescorer.sweep(budget_s=60)
        assert race.shown == ([], []), f"rules that changed before call {moment + 1} were not followed"
