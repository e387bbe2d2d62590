"""Anchoring the audit outside the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from photofinish.domain.audit_chain import Anchor, StoredEntry


class AuditReading(Protocol):
    """The stored audit entries by their numbers."""

    def settled_upto(self) -> int:
        """Return a number up to which no entry will be added any more; 0 without entries."""
        ...

    def entries_between(self, after: int, upto: int) -> Iterator[StoredEntry]:
        """Yield the entries with numbers above `after`, up to `upto`, in order, read page by page."""
        ...


class AuditAnchors(Protocol):
    """Anchors, kept where the database's users cannot change them."""

    def newest(self) -> Anchor | None: ...

    def add(self, anchor: Anchor) -> bool:
        """Store an anchor; return False if there is one that begins after the same entry already."""
        ...

    def all(self) -> Iterator[Anchor]:
        """Yield all anchors in order.

        Raises:
            Misconfigured: an object is not an anchor.
        """
        ...
