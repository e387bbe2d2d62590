"""Anchors of the audit in memory, for tests."""

from __future__ import annotations

from collections.abc import Iterator

from photofinish.domain.audit_chain import Anchor


class MemoryAuditAnchors:
    """:class:`photofinish.ports.AuditAnchors` as texts by the entry after which they begin."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = {}

    def newest(self) -> Anchor | None:
        return Anchor.from_text(self.texts[max(self.texts)]) if self.texts else None

    def add(self, anchor: Anchor) -> bool:
        return self.texts.setdefault(anchor.after, text := anchor.to_text()) is text

    def all(self) -> Iterator[Anchor]:
        for after in sorted(self.texts):
            yield Anchor.from_text(self.texts[after])
