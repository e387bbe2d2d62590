"""The suppression list in Postgres; statements in `sql/consents.sql`, who may ask what in `granting.py`."""

from __future__ import annotations

from collections.abc import Sequence

from photofinish.adapters.postgres.albums import find_album, use_album
from photofinish.adapters.postgres.consents import numbers_by_space, vector_texts
from photofinish.adapters.postgres.database import Connection, Database
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.opt_outs import OPT_OUT_COLUMNS, insert_opt_out, opt_out_of_row
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.people.transactions import album_transaction
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.face import Embedding
from photofinish.domain.photo import is_album_name
from photofinish.domain.suppression import OptOut, OptOutSource, Refusal
from photofinish.errors import RejectedInput

_query = Statements("consents")


class PgSuppressionList:
    """:class:`photofinish.ports.SuppressionList` in Postgres; threads may share it. Raises as `Database.transaction`.

    No statement here reads a template: the database's functions compare them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, album: str | None, templates: Sequence[Embedding], *, min_similarity: float, by: str) -> OptOut:
        if album is not None and not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        refusal = Refusal(templates=tuple(templates), min_similarity=min_similarity)
        with self._database.transaction() as conn:
            album_id = None if album is None else use_album(conn, album)
            return insert_opt_out(conn, album_id, refusal, source=OptOutSource.SELFIE, by=by)

    def opt_outs(self, album: str | None, *, limit: int, after: str | None = None) -> list[OptOut]:
        values = {"limit": limit, "after": None if after is None else as_uuid(after)}
        with self._database.transaction() as conn:
            album_id = None if album is None else _find(conn, album)
            if album is not None and album_id is None:
                return []
            rows = conn.execute(_query("opt_outs", columns=OPT_OUT_COLUMNS), values | {"album_id": album_id}).fetchall()
        return [opt_out_of_row(row) for row in rows]

    def of_person(self, album: str, person_id: str) -> list[OptOut]:
        with album_transaction(self._database, album) as (conn, album_id):
            values = {"album_id": album_id, "person_id": as_uuid(person_id)}
            rows = conn.execute(_query("opt_outs_of_person", columns=OPT_OUT_COLUMNS), values).fetchall()
        return [opt_out_of_row(row) for row in rows]

    def remove(self, album: str | None, opt_out_id: str) -> bool:
        with self._database.transaction() as conn:
            album_id = None if album is None else _find(conn, album)
            if album is not None and album_id is None:
                return False
            values = {"opt_out_id": as_uuid(opt_out_id), "album_id": album_id}
            return conn.execute(_query("remove_opt_out"), values).rowcount == 1

    def suppressed(self, album: str, faces: Sequence[Embedding]) -> list[bool]:
        refused = [False] * len(faces)
        if not faces:
            return refused
        with self._database.transaction() as conn:
            album_id = _find(conn, album)
            for space_id, numbers in numbers_by_space(conn, faces).items():
                values = {"album_id": album_id, "space_id": space_id, "faces": vector_texts(faces, numbers)}
                [found] = conn.execute(_query("suppressed"), values).fetchone() or ([],)
                for number, is_refused in zip(numbers, found, strict=True):
                    refused[number] = is_refused
        return refused

    def indexed_faces(self, album: str, opt_out_id: str) -> list[str]:
        with album_transaction(self._database, album) as (conn, album_id):
            if album_id is None:
                return []
            values = {"album_id": album_id, "opt_out_id": as_uuid(opt_out_id)}
            return [str(face_id) for (face_id,) in conn.execute(_query("indexed_faces"), values)]

    def applied(self, opt_out_id: str) -> None:
        with self._database.transaction() as conn:
            conn.execute(_query("remove_without_templates"), {"opt_out_id": as_uuid(opt_out_id)})
            row = conn.execute(_query("applied"), {"opt_out_id": as_uuid(opt_out_id)}).fetchone()
            if row is None:
                return
            applied_at, album_id, album = row
            if album_id is not None:  # an entry for all albums is no fact about one
                event = AlbumEvent(
                    id=fact_id(EventType.CONSENT_CHANGED, opt_out_id, applied_at.isoformat()),
                    type=EventType.CONSENT_CHANGED,
                    album=album,
                    occurred_at=applied_at,
                    # Not by the person, who may be erased already.
                    data={"opt_out_id": opt_out_id, "action": "opt_out_applied"},
                )
                record_events(conn, album_id, [event])

    def not_applied(self, *, limit: int) -> list[OptOut]:
        with self._database.transaction() as conn:
            rows = conn.execute(_query("not_applied", columns=OPT_OUT_COLUMNS), {"limit": limit}).fetchall()
        return [opt_out_of_row(row) for row in rows]


def _find(conn: Connection, album: str) -> int | None:
    return find_album(conn, album) if is_album_name(album) else None
