"""Erasures from the database alone, for tests of what else is stored there."""

from __future__ import annotations

from datetime import UTC, datetime

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason


def erase_rows(database: Database, album: str, *, person: str | None = None) -> None:
    """Erase the rows of an album, or of one of its people. Raises NotFound where there is nothing of it."""
    kind = ErasureKind.ALBUM if person is None else ErasureKind.PERSON
    erasures = PgErasures(database)
    begun = erasures.begin(ErasureTarget(kind=kind, album=album, id=person or album), reason=Reason.REQUEST)
    erasures.finish(begun.id, datetime.now(UTC))
