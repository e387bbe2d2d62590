"""A check compares all stores of an album, and names whatever is broken in one of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from photofinish.adapters.postgres.bibs.corrections import PgBibCorrections
from photofinish.adapters.postgres.bibs.projection import PgBibProjection
from photofinish.adapters.postgres.database import Database
from photofinish.application.bibs.correcting import BibCorrector
from photofinish.application.bibs.projection import BibProjector
from photofinish.application.checking.findings import Checked, Problem
from photofinish.application.checking.repairing import Mended
from photofinish.domain.bib_corrections import CorrectionKind, CorrectionRequest
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.errors import NotFound
from support.checked_album import DAMAGES, CheckedCloud, full_album
from support.examples import examples


@pytest.fixture
def checked_cloud(database: str) -> Iterator[CheckedCloud]:
    opened = Database(database)
    yield CheckedCloud(opened, database)
    opened.close()


def test_nothing_is_found_in_an_undamaged_album(checked_cloud: CheckedCloud) -> None:
    full_album(checked_cloud, of_each=3)
    assert checked_cloud.check() == []


@pytest.mark.parametrize("kind", ["good", "video"])
@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_broken_is_named(checked_cloud: CheckedCloud, what: str, kind: str) -> None:
    damaged, other = full_album(checked_cloud, of_each=2)[kind]
    damage, problem = DAMAGES[what]
    damage(checked_cloud, damaged.ref)
    found = checked_cloud.check()
    assert problem in {finding.problem.value for finding in found}, found
    assert {finding.photo_id for finding in found} <= {damaged.ref.photo_id, None}, "the other photos are whole"
    assert other.ref.photo_id not in {finding.photo_id for finding in found}


@pytest.mark.parametrize("kind", ["good", "video"])
@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_broken_is_mended(checked_cloud: CheckedCloud, what: str, kind: str) -> None:
    damaged = full_album(checked_cloud, of_each=2)[kind][0]
    DAMAGES[what][0](checked_cloud, damaged.ref)
    outcomes = checked_cloud.repair()
    assert outcomes
    assert Mended.REMAINS not in outcomes
    assert checked_cloud.check() == []


def test_mending_an_undamaged_album_changes_nothing(checked_cloud: CheckedCloud) -> None:
    full_album(checked_cloud)
    before = {key: dict(fields) for key, fields in checked_cloud.documents._photos.items()}
    assert checked_cloud.repair() == []
    assert checked_cloud.documents._photos == before


@pytest.mark.parametrize("seed", range(examples(3)))
def test_whatever_is_broken_at_once_is_mended(checked_cloud: CheckedCloud, seed: int) -> None:
    """Several damages of several photos; a second repair may find what a first one uncovered."""
    chance = random.Random(seed)
    photos = [checked_cloud.drop(f"{number}.jpg", "good").ref for number in range(3)]
    checked_cloud.work()
    broken = [(chance.choice(sorted(DAMAGES)), chance.choice(photos)) for _ in range(chance.randint(2, 6))]
    for what, photo in broken:
        with suppress(KeyError, ValueError, NotFound):  # what it would break is broken already
            DAMAGES[what][0](checked_cloud, photo)
    for _ in range(3):
        checked_cloud.repair()
    assert checked_cloud.check() == [], broken
    for photo in photos:
        if checked_cloud.store.is_live(photo) and not checked_cloud.erasures.erased(photo).is_photo:
            assert checked_cloud.fields(photo)["status"] == "done", broken


def test_a_photo_without_a_result_keeps_none(checked_cloud: CheckedCloud) -> None:
    photos = full_album(checked_cloud)
    good, bad = photos["good"][0].ref, photos["bad"][0].ref
    fields = checked_cloud.fields(good)
    fields |= {"status": "rejected", "error": {"code": "not_a_picture", "message": "The file is not a picture."}}
    for name in ("sidecar", "renditions", "faces"):
        del fields[name]
    checked_cloud.store.put_derived(
        f"sidecars/race/{bad.photo_id}/{bad.generation}.toy-1.json", b"{}", "application/json"
    )
    assert checked_cloud.problems() == {"indexed_without_result", "needless_objects", "event_missing"}
    assert Mended.REMAINS not in checked_cloud.repair()
    assert checked_cloud.problems() == {"two_results"}, "nothing can take back that it was told to be done"


def test_corrections_and_erased_faces_are_no_differences(checked_cloud: CheckedCloud) -> None:
    photo = full_album(checked_cloud)["one face"][0].ref
    corrections = BibCorrector(
        PgBibCorrections(checked_cloud.database),
        BibProjector(PgBibProjection(checked_cloud.database), checked_cloud.documents),
        publish_people=lambda _: None,
    )
    request = CorrectionRequest(kind=CorrectionKind.REPLACE, number="5", new_number="43")
    corrections.correct("race", photo.photo_id, request, by="test")
    assert checked_cloud.check() == []
    erased = checked_cloud.fields(photo)["faces"][0]["face_id"]
    target = ErasureTarget(kind=ErasureKind.FACE, album="race", id=erased)
    checked_cloud.eraser.erase(target, reason=Reason.REQUEST)
    BibProjector(PgBibProjection(checked_cloud.database), checked_cloud.documents).project("race")
    assert checked_cloud.check() == []


def test_photos_that_are_being_analysed_are_counted_and_not_compared(checked_cloud: CheckedCloud) -> None:
    full_album(checked_cloud)
    checked_cloud.drop("late.jpg", "good")
    shown: list[Checked] = []
    found = checked_cloud.checker.check(
        "race", stale_after=timedelta(hours=1), settled_after=timedelta(0), on_progress=shown.append
    )
    assert list(found) == []
    assert (shown[-1].photos, shown[-1].unfinished) == (6, 1)
    assert checked_cloud.problems() == {"stuck"}, "where nothing is left to do, it should have ended"


def test_photos_of_an_album_that_used_up_its_budget_are_not_stuck(checked_cloud: CheckedCloud) -> None:
    full_album(checked_cloud)
    checked_cloud.drop("late.jpg", "good")
    assert checked_cloud.problems() == {"stuck"}
    checked_cloud.without_tasks = frozenset({"race"})
    assert checked_cloud.check() == []


def test_a_lease_is_leaked_only_if_no_task_would_hold_it(checked_cloud: CheckedCloud) -> None:
    checked_cloud.leases.heartbeat("task/0", expires_in_s=60)
    checker = checked_cloud.checker
    assert checker.check_work("race") == []
    assert [one.problem for one in checker.check_work("race", is_idle=True)] == [Problem.LEASE_LEAKED]
    checked_cloud.drop("waiting.jpg", "good")
    assert checker.check_work("race", backlog=lambda: 1) == []
    checked_cloud.work()
    assert [one.problem for one in checker.check_work("race", backlog=lambda: 1)] == [Problem.QUEUE_NOT_EMPTY]
