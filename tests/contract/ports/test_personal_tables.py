"""Every table that refers to an album, a photo, a face or a person is known to erasures."""

from __future__ import annotations

import psycopg

from photofinish.adapters.postgres.erasing.tables import KEPT_TABLES, PERSONAL_TABLES

REFERENCES = [
    "album",
    "albums",
    "album_id",
    "photo_id",
    "face_id",
    "person_id",
    "person_ids",
    "upload_id",
    "opt_out_id",
]


def test_the_list_has_every_table_about_albums_photos_faces_or_people(database: str) -> None:
    with psycopg.connect(database) as conn:
        columns = conn.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns JOIN information_schema.tables"
            " USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " AND table_name NOT IN (SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid)"
            " AND column_name = ANY (%s)",
            [REFERENCES],
        )
        referring = {table for (table,) in columns}
    erased = [table.name for table in PERSONAL_TABLES]
    assert referring - {*erased, *KEPT_TABLES} == set(), "add them to adapters/postgres/erasing/tables.py"
    assert {*erased, *KEPT_TABLES} - referring == set(), "there is no such table any more"
    assert len(erased) == len(set(erased))
