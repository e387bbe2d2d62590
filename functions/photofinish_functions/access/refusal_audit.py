"""Audit entries for refused requests, combined so that a flood of refusals does not cause a flood of writes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from photofinish.domain.access import AuditEntry
from photofinish.ports import AccessStore

WRITTEN_EVERY = timedelta(minutes=1)

MAX_NETWORKS = 1000
"""Networks whose failed authentications are counted apart within a minute; further ones count together."""
_Kind = tuple[str, str, str, str]  # principal, its id or network, action, outcome


@dataclass(slots=True)
class _Window:
    """Refusals of one kind since their last audit entry."""

    ends_at: datetime
    latest: AuditEntry
    count: int = 0


class RefusalAudit:
    """Writes at most one entry a minute for each principal, action and outcome; safe to share between threads.

    Failed authentications have no principal, and count by their network.

    The first refusal of a kind is written at once. Further ones within the minute are counted, and the first call after
    that minute writes the latest of them with their `count`. Those of an instance's last minute are only in the logs.
    """

    def __init__(self, store: AccessStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._windows: OrderedDict[_Kind, _Window] = OrderedDict()
        """In the order in which they end."""

    def add(self, entry: AuditEntry) -> None:
        """Count a refusal and write the entries that are due. If the store raises, they stay counted."""
        with self._lock:
            now = self._now()
            due = self._take_due(now)
            is_new = _kind(entry) not in self._windows
            if entry.principal == "none" and is_new and len(self._windows) >= MAX_NETWORKS:
                entry = replace(entry, network=None)
            window = self._windows.get(_kind(entry))
            if window is None:
                self._windows[_kind(entry)] = _Window(now + WRITTEN_EVERY, entry)
                due.append(replace(entry, count=1))
            else:
                window.latest = entry
                window.count += 1
        self._write(due)

    def write_due(self) -> None:
        """Write the entries of windows that have ended. Raises as :meth:`add` does."""
        with self._lock:
            due = self._take_due(self._now())
        self._write(due)

    def _take_due(self, now: datetime) -> list[AuditEntry]:
        due = []
        while self._windows and (first := next(iter(self._windows.values()))).ends_at <= now:
            kind, _ = self._windows.popitem(last=False)
            if first.count:
                due.append(replace(first.latest, count=first.count))
                self._windows[kind] = _Window(now + WRITTEN_EVERY, first.latest)
        return due

    def _write(self, entries: Sequence[AuditEntry]) -> None:
        for number, entry in enumerate(entries):
            try:
                self._store.append_audit(entry)
            except Exception:
                self._put_back(entries[number:])
                raise

    def _put_back(self, entries: Sequence[AuditEntry]) -> None:
        """Make these entries due again now."""
        with self._lock:
            for entry in entries:
                window = self._windows.setdefault(_kind(entry), _Window(self._now(), entry))
                window.count += entry.count or 0
                window.ends_at = self._now()
                self._windows.move_to_end(_kind(entry), last=False)


def _kind(entry: AuditEntry) -> _Kind:
    return entry.principal, entry.principal_id or str(entry.network), entry.action, entry.outcome
