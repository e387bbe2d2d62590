"""Look for what an erasure left, in every store itself; shares no code with what erases.

Everything is searched for the ids and names of what is erased, so also a table that the eraser does not know.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql

# Where ids may stay: tombstones and receipts, the audit, operations without content, work that is under way.
TOMBSTONES = {"erasure", "erased_photo", "erased_face", "receipt", "audit_entry", "person_projection"}
ERASED_FIELDS = {"photo", "status", "changed_at"}


def left_in_postgres(conninfo: str, tokens: Collection[str]) -> list[str]:
    """Rows of any table that contain one of `tokens`."""
    found = []
    with psycopg.connect(conninfo) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            if table in TOMBSTONES:
                continue
            for (row,) in conn.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t").format(sql.Identifier(table))):
                if table == "people_operation" and json.loads(row)["changes"] is None:
                    continue
                if table.startswith("album_event") and json.loads(row)["type"].endswith(".erased"):
                    continue  # the event log tells that it was erased
                if hits := [token for token in tokens if token in row]:
                    found.append(f"{table}: {hits[0]} in {row[:200]}")
    return found


def left_in_documents(documents: Iterable[tuple[str, Mapping[str, Any]]], tokens: Collection[str]) -> list[str]:
    """Documents (path, fields) that contain one of `tokens`; of an erased photo id and generation may stay."""
    found = []
    for path, fields in documents:
        if path.startswith("erasures/"):
            continue
        if fields.get("status") == "erased" and set(fields) == ERASED_FIELDS and "name" not in fields["photo"]:
            continue
        shown = {name: value for name, value in fields.items() if name != "erased_faces"}
        text = f"{path} {shown!r}"
        if hits := [token for token in tokens if token in text]:
            found.append(f"{path}: {hits[0]}")
    return found


def left_in_objects(objects: Iterable[tuple[str, str, int]], tokens: Collection[str]) -> list[str]:
    """Versions (bucket, name, generation) of objects whose name contains one of `tokens`."""
    return [f"{bucket}/{name}#{generation}" for bucket, name, generation in objects if any(t in name for t in tokens)]


def faces_in_sidecars(sidecars: Iterable[bytes], boxes: Collection[tuple[float, float]]) -> list[str]:
    """Faces of sidecars whose top left corner is one of `boxes`."""
    found = []
    for content in sidecars:
        document = json.loads(content)
        found += [
            f"{document['photo']['name']}: {face['box']}"
            for face in document["faces"]
            if any(abs(face["box"]["x"] - x) < 1e-3 and abs(face["box"]["y"] - y) < 1e-3 for x, y in boxes)
        ]
    return found
