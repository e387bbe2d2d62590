"""Read audit entries by their numbers, for anchors; statements in `sql/audit_reading.sql`."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg.rows import dict_row

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.access import AuditEntry
from photofinish.domain.audit_chain import StoredEntry

_query = Statements("audit_reading")
_PAGE = 5000


class PgAuditReading:
    """:class:`photofinish.ports.AuditReading` in Postgres; thread-safe. Raises as `Database.transaction`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def settled_upto(self) -> int:
        with self._database.transaction() as conn:
            conn.execute(_query("limit_wait"))
            conn.execute(_query("await_inserts"))
            row = conn.execute(_query("newest")).fetchone()
        assert row is not None, "an aggregate returns one row"
        return int(row[0])

    def entries_between(self, after: int, upto: int) -> Iterator[StoredEntry]:
        while True:
            values = {"after": after, "upto": upto, "limit": _PAGE}
            with self._database.autocommit() as conn, conn.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(_query("entries_between"), values).fetchall()
            for row in rows:
                after = row.pop("entry_id")
                yield StoredEntry(after, AuditEntry(**row))
            if len(rows) < _PAGE:
                return
