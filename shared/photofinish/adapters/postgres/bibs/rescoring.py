"""Photos that follow earlier bib rules, in Postgres; statements in `sql/bibs.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict

from photofinish.adapters.postgres.bibs.writing import (
    StoredPhotoBibs,
    bibs_of,
    lock_photos,
    mark_projections_outdated,
    write_bibs,
)
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.people.transactions import album_rows, album_transaction, exclusively
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.bib_changes import NumberChanges, Rescoring, is_same_reading, number_changes
from photofinish.domain.photo import PhotoRef
from photofinish.ports.bibs import AnalyzedVersion, ReadAgain

_query = Statements("bibs")


class PgBibRescoring:
    """:class:`photofinish.ports.BibRescoring` in Postgres; threads may share it. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exclusively(self, album: str) -> AbstractContextManager[bool]:
        return exclusively(self._database, album, _query("try_lock"))

    def outdated(self, album: str, fingerprint: str, *, limit: int, after: str | None = None) -> list[AnalyzedVersion]:
        values = {"rules": fingerprint, "limit": limit, "after": None if after is None else as_uuid(after)}
        return [
            AnalyzedVersion(
                photo=PhotoRef(bucket=bucket, name=name, generation=generation), pipeline_version=pipeline_version
            )
            for bucket, name, generation, pipeline_version in album_rows(
                self._database, album, _query("outdated"), values
            )
        ]

    def read_again(
        self, album: str, fingerprint: str, found: Sequence[ReadAgain], *, without_text: Sequence[AnalyzedVersion] = ()
    ) -> bool:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                return False
            conn.execute(_query("rules_in_use"), {"album_id": album_id})
            if conn.execute(_query("fingerprint"), {"album_id": album_id}).fetchone() not in ((fingerprint,), ("?",)):
                return False
            versions = [one.version for one in found] + list(without_text)
            photo_ids = [version.photo.photo_id for version in versions]
            known = {
                AnalyzedVersion(photo=one.photo, pipeline_version=one.pipeline_version): one
                for one in lock_photos(conn, album_id, photo_ids)
            }
            read = [(known[one.version], one) for one in found if one.version in known]
            changes = _replace_changed(
                conn,
                album_id,
                [(was, now) for was, now in read if not is_same_reading(was.read, now.bibs)],
                fingerprint,
            )
            followed = [version.photo.photo_id for version in versions if version in known]
            conn.execute(_query("set_rules"), {"photo_ids": followed, "rules": fingerprint})
            counts = asdict(changes) | {"photos": len(read), "skipped": len(followed) - len(read)}
            conn.execute(_query("count_changes"), {"album_id": album_id} | counts)
            return True

    def finish(self, album: str, fingerprint: str) -> None:
        with album_transaction(self._database, album) as (conn, album_id):
            conn.execute(_query("finish_rescoring"), {"album_id": album_id, "rules": fingerprint})

    def state(self, album: str, fingerprint: str) -> Rescoring:
        with album_transaction(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "rules": fingerprint}
            photos, added, removed, changed, skipped = conn.execute(_query("rescoring"), values).fetchone() or [0] * 5
            [remaining] = conn.execute(_query("count_outdated"), values).fetchone() or (0,)
        return Rescoring(
            photos=photos,
            numbers=NumberChanges(added=added, removed=removed, changed=changed),
            skipped=skipped,
            remaining=remaining,
        )

    def waiting(self) -> list[str]:
        with self._database.transaction() as conn:
            return [row[0] for row in conn.execute(_query("waiting"))]


def _replace_changed(
    conn: Connection, album_id: int, changed: Sequence[tuple[StoredPhotoBibs, ReadAgain]], fingerprint: str
) -> NumberChanges:
    """Write what was read differently than before; return what that changed, corrections applied."""
    before = {was.photo: bibs_of(conn, album_id, was) for was, _ in changed}
    after = write_bibs(
        conn,
        album_id,
        {was.photo: now.bibs for was, now in changed},
        {was.photo: now.faces for was, now in changed},
        rules=fingerprint,
    )
    mark_projections_outdated(conn, album_id, [bib for bibs in before.values() for bib in bibs], after)
    return sum((number_changes(before[one.photo], one.bibs) for one in after), NumberChanges())
