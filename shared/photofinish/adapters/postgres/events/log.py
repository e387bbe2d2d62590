"""EventLog in Postgres; statements in `sql/events.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg import sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.database import Connection, Database, is_storable
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, RecordedEvent, Shown
from photofinish.domain.bib_number import normal_number
from photofinish.domain.photo import is_album_name
from photofinish.ports.event_log import EventPage

_query = Statements("events")
_CONDITIONS: Mapping[str, str] = {
    "album_id": "album_id = %(album_id)s",
    "type": "type = ANY (%(type)s)",
    "folder": "folder = %(folder)s",
    "camera": "camera = %(camera)s",
    "photo_id": "photo_id = %(photo_id)s",
    "batch_id": "batch_id = %(batch_id)s",
    "bib": "photo_id = ANY (%(photos_of_bib)s)",
    "occurred_from": "occurred_at >= %(occurred_from)s",
    "occurred_before": "occurred_at < %(occurred_before)s",
}
_FEW = frozenset({"photo_id", "batch_id", "bib", "person_id"})
"""Filters that leave so few events of an album that their order does not matter."""


@dataclass(frozen=True, slots=True)
class _Lead:
    """The column before the position in the index to read by, and which values of it."""

    column: str = ""
    values: Sequence[Any] = ()

    @property
    def parts(self) -> dict[str, sql.Composable]:
        """Parts of the statements `…_by_index`."""
        column_type = "integer" if self.column == "album_id" else "text"
        return {"lead": sql.Identifier(self.column), "lead_type": sql.SQL(column_type)} if self.column else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """Conditions, and positions between which to look: the work of one index."""

    conditions: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    is_few: bool = False
    lead: _Lead | None = None
    """None: the one that leaves fewest events to filter."""


class PgEventLog:
    """:class:`photofinish.ports.EventLog`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, events: Sequence[AlbumEvent]) -> int:
        by_album = defaultdict(list)
        for event in events:
            by_album[event.album].append(event)
        recorded = 0
        for album, of_album in sorted(by_album.items()):
            with self._database.transaction() as conn:
                recorded += record_events(conn, use_album(conn, album), of_album)
        return recorded

    def page(self, album: str | None, wanted: EventFilter, *, after: int, limit: int) -> EventPage:
        with self._database.transaction() as conn:
            until = watermark(conn)
            if until <= after:
                return EventPage((), after)
            found = _read(conn, album, wanted, after=after, until=until, limit=limit, order="ASC")
        return EventPage(found, found[-1].position if len(found) == limit else until)

    def newest(self, album: str | None, wanted: EventFilter, *, before: int | None, limit: int) -> EventPage:
        with self._database.transaction() as conn:
            until = watermark(conn) if before is None else before - 1
            found = _read(conn, album, wanted, after=0, until=until, limit=limit, order="DESC")
        return EventPage(found, found[-1].position if len(found) == limit else 0)

    def head(self) -> int:
        with self._database.transaction() as conn:
            return watermark(conn)

    def shown(self, photo_ids: Iterable[str]) -> dict[str, Shown]:
        with self._database.transaction() as conn:
            rows = conn.execute(_query("shown"), {"photo_ids": [as_uuid(photo_id) for photo_id in photo_ids]})
            return {
                photo_id.hex: Shown(frozenset(numbers), frozenset(map(str, people)))
                for photo_id, numbers, people in rows
            }

    def make_room(self, until: datetime) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("make_partitions"), {"until": until})

    def expire(self, before: datetime) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("drop_old"), {"before": before})


def watermark(conn: Connection) -> int:
    """Return :meth:`PgEventLog.head`; read the events in a later statement."""
    [position] = conn.execute(_query("watermark")).fetchone() or (0,)
    return int(position)


def _read(
    conn: Connection,
    album: str | None,
    wanted: EventFilter,
    *,
    after: int,
    until: int,
    limit: int,
    order: Literal["ASC", "DESC"],
) -> tuple[RecordedEvent, ...]:
    values = _values(conn, album, wanted)
    if values is None:
        return ()
    values |= {"after": after, "until": until, "limit": limit}
    conn.execute(_query("avoid_sorting"))
    found: dict[int, RecordedEvent] = {}
    for branch in _branches(conn, values):
        of_branch = values | dict(branch.values)
        conditions = {name: condition for name, condition in _CONDITIONS.items() if name in values}
        statement, lead = "page_of_few" if branch.is_few else "page", _Lead()
        if not branch.is_few and album is not None:
            statement, lead = "page_by_index", branch.lead or _lead(conn, of_branch)
            conditions.pop(lead.column)  # else Postgres would know that its order is of no account
        text = " ".join(f"AND {condition}" for condition in (*conditions.values(), *branch.conditions))
        parts = {"columns": _query("columns"), "conditions": sql.SQL(text), "order": sql.SQL(order)}
        rows = conn.execute(_query(statement, **parts, **lead.parts), of_branch | {"leads": lead.values})
        found |= {recorded.position: recorded for recorded in map(event_of_row, rows)}
    return tuple(found[position] for position in sorted(found, reverse=order == "DESC")[:limit])


def _branches(conn: Connection, values: dict[str, Any]) -> Iterator[_Branch]:
    """Yield what together finds the events."""
    is_few = bool(_FEW & values.keys())
    people: tuple[str, ...] = ("",)
    if "person_id" in values:
        # The second part of the first repeats the condition of the index, without which Postgres does not use it.
        people = ("person_ids @> ARRAY[%(person_id)s] AND person_ids <> '{}'", "photo_id = ANY (%(photos_of_person)s)")
    times = [_Branch(is_few=is_few)]
    if not is_few and "album_id" in values and ("occurred_from" in values or "occurred_before" in values):
        times = [_in_time(conn, values), _Branch(conditions=("is_late",), lead=_Lead("album_id", [values["album_id"]]))]
    for of_person in people:
        for branch in times:
            yield replace(branch, conditions=tuple(filter(None, (of_person, *branch.conditions))))


def _in_time(conn: Connection, values: dict[str, Any]) -> _Branch:
    """Return where the events of a time are that were recorded within the hour."""
    start, end = values.get("occurred_from"), values.get("occurred_before")
    recorded = {
        "recorded_from": None if start is None else start - timedelta(minutes=2),
        "recorded_before": None if end is None else end + timedelta(minutes=61),
    }
    [lowest, highest] = conn.execute(_query("positions"), values | recorded).fetchone() or (None, None)
    conditions = ["NOT is_late"]
    # So that Postgres looks only into the partitions of the time.
    conditions += ["recorded_at >= %(recorded_from)s"] if start is not None else []
    conditions += ["recorded_at < %(recorded_before)s"] if end is not None else []
    bounds = {"after": max(values["after"], lowest or 0), "until": min(values["until"], highest or values["until"])}
    return _Branch(conditions=tuple(conditions), values=bounds | recorded)


def _lead(conn: Connection, values: dict[str, Any]) -> _Lead:
    """Return the column whose index leaves fewest events to filter, and its values."""
    choices = [
        _Lead(column, values[column] if isinstance(values[column], list) else [values[column]])
        for column in ("type", "folder", "camera")
        if column in values
    ]
    if not choices:
        return _Lead("album_id", [values["album_id"]])
    if len(choices) == 1:
        return choices[0]

    def count(lead: _Lead) -> int:
        row = conn.execute(_query("count_by_index", **lead.parts), values | {"leads": lead.values}).fetchone()
        assert row is not None, "an aggregate returns one row"
        return int(row[0])

    return min(choices, key=count)


def _values(conn: Connection, album: str | None, wanted: EventFilter) -> dict[str, Any] | None:
    """Return the parameters of the conditions that apply; None if nothing can match."""
    album_id = None
    if album is not None:
        album_id = find_album(conn, album) if is_album_name(album) else None
        if album_id is None:
            return None
    given = {
        "album_id": album_id,
        "type": None if wanted.types is None else [type_.value for type_ in wanted.types],
        "folder": wanted.folder,
        "camera": wanted.camera,
        "photo_id": None if wanted.photo_id is None else as_uuid(wanted.photo_id),
        "batch_id": None if wanted.batch_id is None else as_uuid(wanted.batch_id),
        "person_id": None if wanted.person_id is None else as_uuid(wanted.person_id),
        "bib": None if wanted.bib is None else normal_number(wanted.bib),
        "occurred_from": wanted.occurred_from,
        "occurred_before": wanted.occurred_before,
    }
    values = {name: value for name, value in given.items() if value is not None}
    if any(isinstance(value, str) and not is_storable(value) for value in values.values()):
        return None
    for photos in ("photos_of_bib", "photos_of_person"):
        name = "bib" if photos == "photos_of_bib" else "person_id"
        if name in values:
            values[photos] = [row[0] for row in conn.execute(_query(photos), {"album_id": album_id} | values)]
    return values


def event_of_row(row: TupleRow) -> RecordedEvent:
    """Return the event of a row with the columns of the statement `page`."""
    position, recorded_at, event_id, type_, album, occurred_at, photo_id, generation, people, batch_id, *rest = row
    folder, camera, data = rest
    event = AlbumEvent(
        id=event_id,
        type=EventType(type_),
        album=album,
        occurred_at=occurred_at,
        photo_id=None if photo_id is None else photo_id.hex,
        generation=generation,
        person_ids=tuple(str(person_id) for person_id in people),
        batch_id=None if batch_id is None else str(batch_id),
        folder=folder,
        camera=camera,
        data=data,
    )
    return RecordedEvent(event=event, position=position, recorded_at=recorded_at)
