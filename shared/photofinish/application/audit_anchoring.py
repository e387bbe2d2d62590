"""Anchor the audit outside the database, and verify it against the anchors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from photofinish.domain import audit_chain
from photofinish.domain.audit_chain import START, Anchor, Finding, Problem, StoredEntry
from photofinish.logs import fields
from photofinish.ports import AuditAnchors, AuditReading

log = logging.getLogger(__name__)
MAX_ENTRIES = 500_000
"""Of one anchor: about 45 MB."""
_TOLD_EVERY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What :func:`verify` found."""

    anchors: int
    anchored: int
    """Entries that the anchors list, expired ones included."""
    not_anchored: int
    """Entries since the newest anchor, about which nothing else can be said yet."""
    problems: tuple[Problem, ...]


def anchor_audit(audit: AuditReading, anchors: AuditAnchors) -> int:
    """Anchor all entries since the newest anchor; return how many. Of concurrent runs one writes each anchor."""
    newest = anchors.newest()
    after, previous = (newest.upto, newest.last) if newest is not None else (0, START)
    anchored, upto = 0, audit.settled_upto()
    while after < upto:
        end = min(upto, after + MAX_ENTRIES)
        made = audit_chain.anchor(audit.entries_between(after, end), after=after, upto=end, previous=previous)
        if not anchors.add(made):
            log.info("another run anchors the audit", extra=fields(after=after))
            return anchored
        anchored += len(made.links)
        after, previous = made.upto, made.last
    return anchored


def verify(
    audit: AuditReading,
    anchors: AuditAnchors,
    *,
    expired_before: datetime,
    anchored_before: datetime,
    on_read: Callable[[int], None] = lambda _upto: None,
) -> Verification:
    """Compare every stored entry with the anchors, and report if one from before `anchored_before` has none.

    `on_read` is told now and then up to which number entries were read.

    Raises:
        Misconfigured: an object among the anchors is none.
    """
    problems: list[Problem] = []
    heads: list[Anchor] = []
    anchored = 0
    for one in anchors.all():
        entries = {stored.entry_id: stored for stored in _telling(audit.entries_between(one.after, one.upto), on_read)}
        problems += audit_chain.entry_problems(one, entries, expired_before=expired_before)
        on_read(one.upto)
        anchored += len(one.links)
        heads.append(Anchor(after=one.after, upto=one.upto, previous=one.previous, links=one.links[-1:]))
    problems += audit_chain.chain_problems(heads)
    upto = heads[-1].upto if heads else 0
    later = _telling(audit.entries_between(upto, audit.settled_upto()), on_read)
    rest = 0
    for stored in later:
        if rest == 0 and stored.entry.at is not None and stored.entry.at < anchored_before:
            problems.append(Problem(Finding.NOT_ANCHORED, stored.entry_id))
        rest += 1
    return Verification(anchors=len(heads), anchored=anchored, not_anchored=rest, problems=tuple(problems))


def _telling(entries: Iterator[StoredEntry], on_read: Callable[[int], None]) -> Iterator[StoredEntry]:
    for number, stored in enumerate(entries, start=1):
        yield stored
        if number % _TOLD_EVERY == 0:
            on_read(stored.entry_id)
