"""KeptAnswers in Postgres; statements in `sql/idempotency.sql`."""

from __future__ import annotations

import re
from datetime import timedelta

from psycopg.types.json import Jsonb

from photofinish.adapters.postgres.database import Database, is_storable
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.ports import AnswerClaim, KeptAnswer, NotClaimed

_query = Statements("idempotency")
KEPT_FOR = timedelta(days=1)
CLAIMED_FOR = timedelta(minutes=1)
_ID = re.compile(r"\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})\b")


class PgKeptAnswers:
    """:class:`photofinish.ports.KeptAnswers`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(
        self, database: Database, *, kept_for: timedelta = KEPT_FOR, claimed_for: timedelta = CLAIMED_FOR
    ) -> None:
        self._database = database
        self._kept_for = kept_for
        self._claimed_for = claimed_for

    def claim(self, request: bytes, body_sha256: bytes, *, album: str | None) -> AnswerClaim | KeptAnswer | NotClaimed:
        values = {
            "request": request,
            "body_sha256": body_sha256,
            "album": album if album is not None and is_storable(album) else None,
            "kept_for": self._kept_for,
            "claimed_for": self._claimed_for,
        }
        with self._database.autocommit() as conn:
            if row := conn.execute(_query("claim"), values).fetchone():
                return AnswerClaim(str(row[0]))
            row = conn.execute(_query("find"), {"request": request}).fetchone()
        if row is None:  # released since
            return NotClaimed.IN_PROGRESS
        known_body, status, headers, content = row
        if known_body != body_sha256:
            return NotClaimed.OTHER_BODY
        if status is None:
            return NotClaimed.IN_PROGRESS
        return KeptAnswer(status=status, headers=headers, content=content)

    def keep(self, claim: AnswerClaim, answer: KeptAnswer) -> None:
        values = {
            "claim_id": as_uuid(claim.claim_id),
            "status": answer.status,
            "headers": Jsonb(dict(answer.headers)),
            "content": answer.content,
            "ids": sorted(set(_ID.findall(answer.content))),
        }
        with self._database.autocommit() as conn:
            conn.execute(_query("keep"), values)

    def release(self, claim: AnswerClaim) -> None:
        with self._database.autocommit() as conn:
            conn.execute(_query("release"), {"claim_id": as_uuid(claim.claim_id)})

    def expire(self) -> int:
        with self._database.autocommit() as conn:
            return conn.execute(_query("expire")).rowcount
