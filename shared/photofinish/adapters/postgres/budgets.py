"""Budgets of albums in Postgres; statements in `sql/budgets.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database, is_storable
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_budget import Budget
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id

_query = Statements("budgets")


class PgBudgets:
    """:class:`photofinish.ports.Budgets`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_budget(self, album: str, usd: float | None) -> Budget | None:
        with self._database.transaction() as conn:
            conn.execute(_query("set"), {"album_id": use_album(conn, album), "usd": usd})
        return self.budgets([album]).get(album)

    def budgets(self, albums: Collection[str]) -> Mapping[str, Budget]:
        names = [album for album in albums if is_storable(album)]
        with self._database.transaction() as conn:
            rows = conn.execute(_query("get"), {"albums": names}).fetchall()
        return {album: Budget(usd=usd, revision=revision) for album, usd, revision in rows}

    def tell_reached(self, album: str, budget: Budget, percents: Collection[int]) -> None:
        with self._database.transaction() as conn:
            album_id = use_album(conn, album)
            events = [
                AlbumEvent(
                    id=fact_id(EventType.BUDGET_REACHED, album_id, budget.revision, percent),
                    type=EventType.BUDGET_REACHED,
                    album=album,
                    occurred_at=datetime.now(UTC),
                    data={"percent": percent, "usd": budget.usd},
                )
                for percent in sorted(percents)
            ]
            for event in events:  # one by one, so that the log has them in this order
                record_events(conn, album_id, [event])
