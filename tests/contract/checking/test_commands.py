"""`photofinish check`, `rebuild`, and the dry runs of `redrive` and `reconcile`: output and exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from photofinish.adapters.memory.budgets import MemoryHaltedAlbums
from photofinish.adapters.postgres.albums import PgAlbums
from photofinish.adapters.postgres.database import Database
from photofinish.domain.photo import PhotoRef
from photofinish.domain.video_names import MAX_VIDEO_BYTES
from photofinish_cli.commands import check, rebuild, repair
from photofinish_cli.main import app
from support.checked_album import (
    ALBUM,
    CheckedCloud,
    full_album,
    lose_document,
    lose_face_rows,
    lose_sidecar,
)


@pytest.fixture
def checked_cloud(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CheckedCloud]:
    opened = Database(database)
    cloud = CheckedCloud(opened, database)

    def connect(state: object) -> Any:
        assert state is None
        recovery = cloud.recovery()
        return SimpleNamespace(
            store=cloud.store,
            documents=cloud.documents,
            index=cloud.index,
            queue=cloud.queue,
            events=cloud.events,
            halted_albums=MemoryHaltedAlbums(),
            albums=PgAlbums(opened),
            settings=SimpleNamespace(stale_after_s=3600.0, max_video_bytes=MAX_VIDEO_BYTES),
            album_checker=cloud.checker,
            album_repairer=recovery.repairer,
            album_rebuilder=recovery.rebuilder,
        )

    for module in (check, rebuild, repair):
        monkeypatch.setattr(module, "connect", connect)
    yield cloud
    opened.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def photos(checked_cloud: CheckedCloud) -> dict[str, PhotoRef]:
    return {kind: dropped[0].ref for kind, dropped in full_album(checked_cloud).items()}


def test_a_whole_album_ends_with_0(photos: dict[str, PhotoRef]) -> None:
    result = run("check", ALBUM, "--settled", "0")
    assert (result.exit_code, result.stdout) == (0, "race: 5 photos checked, 0 findings\n")
    late = run("check", ALBUM)
    assert (late.exit_code, late.stdout) == (
        0,
        "race: 5 photos checked, 5 of them unfinished and not compared, 0 findings\n",
    )
    assert run("check", "unknown").exit_code == 1


def test_findings_are_counted_listed_and_mended(checked_cloud: CheckedCloud, photos: dict[str, PhotoRef]) -> None:
    lose_document(checked_cloud, photos["good"])
    lose_sidecar(checked_cloud, photos["one face"])
    counted = run("check", ALBUM, "--settled", "0")
    assert counted.exit_code == 1
    heading, *rows, last = [line.split("\t") for line in counted.stdout.splitlines()]
    assert heading == ["Finding", "Count", "For example", "To mend it"]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("document_missing", "1", "write the document again"),
        ("sidecar_missing", "1", "analyse it"),
    ]
    assert last == ["race: 5 photos checked, 2 findings"]
    assert "photofinish check race --repair" in counted.stderr

    listed = json.loads(run("check", ALBUM, "--settled", "0", "--json").stdout)
    assert {one["code"]: one["name"] for one in listed["findings"]} == {
        "document_missing": photos["good"].name,
        "sidecar_missing": photos["one face"].name,
    }
    mended = run("check", ALBUM, "--settled", "0", "--repair")
    assert mended.exit_code == 0
    assert mended.stdout.endswith("1 mended, 1 will be by an analysis that is queued, 0 remain\n")
    checked_cloud.work()
    assert run("check", ALBUM, "--settled", "0").exit_code == 0


def test_what_remains_is_said(checked_cloud: CheckedCloud, photos: dict[str, PhotoRef]) -> None:
    """An album that keeps only results has no original to get lost embeddings from."""
    photo = photos["one face"]
    checked_cloud.execute(
        "INSERT INTO removed_original (photo_id, album_id, generation) SELECT photo_id, album_id, generation FROM photo"
    )
    checked_cloud.store.delete(photo.name)
    lose_face_rows(checked_cloud, photo)
    result = run("check", ALBUM, "--settled", "0", "--repair")
    assert result.exit_code == 1
    assert "0 mended, 0 will be by an analysis that is queued, 1 remain" in result.stdout
    assert f"remains: faces_differ {photo.name}" in result.stderr
    assert "upload them again" in result.stderr
    lost = run("rebuild", "index", ALBUM)
    assert lost.exit_code == 1
    assert "5 photos: 4 right, 0 written, 0 queued, 1 lost, 0 unfinished" in lost.stdout


def test_a_rebuild_says_what_it_would_do_and_does_it(checked_cloud: CheckedCloud, photos: dict[str, PhotoRef]) -> None:
    lose_document(checked_cloud, photos["good"])
    would = run("rebuild", "documents", ALBUM, "--dry-run")
    assert would.stdout == ("race: 5 photos: 4 right, 1 would be written, 0 would be queued, 0 lost, 0 unfinished\n"), (
        would.stdout
    )
    did = json.loads(run("rebuild", "documents", ALBUM, "--json").stdout)
    assert (did["written"], did["right"], did["dry_run"]) == (1, 4, False)
    assert run("check", ALBUM, "--settled", "0").exit_code == 0


def test_redrive_and_reconcile_have_a_dry_run(checked_cloud: CheckedCloud, photos: dict[str, PhotoRef]) -> None:
    lose_document(checked_cloud, photos["good"])
    told = json.loads(run("redrive", ALBUM, "--rejected", "--dry-run", "--json").stdout)
    assert told == {"album": ALBUM, "queued": 1, "dry_run": True}
    assert run("redrive", ALBUM, "--rejected", "--dry-run").stdout == "race: 1 photo to queue again\n"
    assert run("reconcile", "--album", ALBUM, "--dry-run").stdout == "5 photos in the bucket, 1 to queue\n"
    assert len(checked_cloud.queue) == 0
    assert run("redrive", ALBUM, "--rejected").stdout == "race: 1 photo queued again\n"
    assert run("reconcile", "--album", ALBUM).stdout == "5 photos in the bucket, 1 queued\n"
    assert len(checked_cloud.queue) == 2
