"""Albums' rules for bib numbers in Postgres; statements in `sql/album_rules.sql`."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.albums import use_album
from photofinish.adapters.postgres.database import Database, is_storable
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.bib_rules import BibRules, Letters
from photofinish.domain.photo import is_album_name
from photofinish.domain.start_list import StartList
from photofinish.errors import RejectedInput

_query = Statements("album_rules")
_bibs_query = Statements("bibs")


class PgAlbumRules:
    """:class:`photofinish.ports.AlbumRules`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bib_rules(self, album: str) -> BibRules:
        if not is_album_name(album):
            return BibRules()
        with self._database.transaction() as conn:
            row = conn.execute(_query("album_rules"), {"album": album}).fetchone()
            if row is None:
                return BibRules()
            album_id, min_digits, max_digits, letters, prefixes, edits, has_start_list = row
            start_list = None
            if has_start_list:
                start_list = StartList(dict(conn.execute(_query("entrants"), {"album_id": album_id}).fetchall()))
        return BibRules(
            min_digits=min_digits,
            max_digits=max_digits,
            letters=Letters(letters),
            prefixes=tuple(prefixes),
            edits=edits,
            start_list=start_list,
        )

    def set_bib_rules(self, album: str, rules: BibRules) -> None:
        names = rules.start_list.names if rules.start_list else {}
        if not is_album_name(album):
            raise RejectedInput("album_name_not_allowed", f"{album[:40]!r} cannot be the name of an album.")
        if not all(is_storable(name) for name in names.values()):
            raise RejectedInput("bad_start_list", "A name of the start list contains NUL or half a surrogate pair.")
        with self._database.transaction() as conn:
            album_id = use_album(conn, album)
            conn.execute(_bibs_query("change_rules"), {"album_id": album_id})
            if conn.execute(_bibs_query("fingerprint"), {"album_id": album_id}).fetchone() != (rules.fingerprint,):
                conn.execute(_bibs_query("request_rescoring"), {"album_id": album_id})
            conn.execute(
                _query("set_album_rules"),
                {
                    "album_id": album_id,
                    "min_digits": rules.min_digits,
                    "max_digits": rules.max_digits,
                    "letters": rules.letters,
                    "prefixes": list(rules.prefixes),
                    "edits": Jsonb(dict(rules.edits)),
                    "has_start_list": rules.start_list is not None,
                    "fingerprint": rules.fingerprint,
                },
            )
            conn.execute(_query("delete_entrants"), {"album_id": album_id})
            conn.execute(
                _query("insert_entrants"),
                {"album_id": album_id, "numbers": list(names), "names": list(names.values())},
            )
