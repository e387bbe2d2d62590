"""A dry run of reconcile counts what a run would queue, and changes nothing."""

from __future__ import annotations

from datetime import timedelta

from photofinish.application.reconcile import Reconciled, reconcile
from support.pipeline import MemoryCloud, toy_photo


def test_a_dry_run_counts_and_changes_nothing() -> None:
    cloud = MemoryCloud()
    cloud.drop("race/stuck.jpg", toy_photo())
    cloud.store.upload("race/new.jpg", toy_photo())
    before = {key: dict(fields) for key, fields in cloud.documents._photos.items()}

    def run(*, dry_run: bool) -> Reconciled:
        return reconcile(
            store=cloud.store,
            documents=cloud.documents,
            queue=cloud.queue,
            events=cloud.events,
            stale_after=timedelta(0),
            album="race",
            dry_run=dry_run,
        )

    told = list(cloud.events.published)
    assert run(dry_run=True) == Reconciled(seen=2, queued=2)
    assert cloud.documents._photos == before
    assert (len(cloud.queue), cloud.events.published) == (1, told)
    assert run(dry_run=False) == Reconciled(seen=2, queued=2)
    assert len(cloud.queue) == 3
