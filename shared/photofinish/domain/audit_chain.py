"""The hash chain over audit entries: anchors that are kept elsewhere prove which entries there were.

An anchor covers the entries that followed the one before it. Each entry's hash covers the entry and the hash before it,
so nothing of the past can be changed without changing the newest anchor, too. The anchor lists every hash: what was
changed is found by its entry, and entries that expired leave a chain that can still be followed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from photofinish.domain.access import AuditEntry

_FORMAT = 1
_HASH_BYTES = 32
START = bytes(_HASH_BYTES)
"""The hash before the first entry."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An audit entry as it is stored, with its number."""

    entry_id: int
    entry: AuditEntry


@dataclass(frozen=True, slots=True)
class Link:
    """One entry in an anchor."""

    entry_id: int
    at_s: int
    """When it was stored, in seconds since 1970, so that an entry that expired is told from one that was removed."""
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The entries with numbers above `after`, up to `upto`, of which some may never have existed."""

    after: int
    upto: int
    previous: bytes
    """Hash at the end of the anchor before."""
    links: tuple[Link, ...]

    @property
    def last(self) -> bytes:
        return self.links[-1].hash if self.links else self.previous

    def to_text(self) -> str:
        """As one JSON line about the anchor, and one for each entry."""
        head = {"format": _FORMAT, "after": self.after, "upto": self.upto, "previous": self.previous.hex()}
        lines = [json.dumps(head), *(json.dumps([link.entry_id, link.at_s, link.hash.hex()]) for link in self.links)]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Anchor:
        """Raises ValueError: `text` is not an anchor."""
        try:
            head, *lines = map(json.loads, text.splitlines())
            if head["format"] != _FORMAT:
                raise ValueError(f"its format is {head['format']!r}: a newer version wrote it")
            links = tuple(Link(int(number), int(at_s), bytes.fromhex(digest)) for number, at_s, digest in lines)
            return cls(
                after=int(head["after"]), upto=int(head["upto"]), previous=bytes.fromhex(head["previous"]), links=links
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is not an anchor: {error!r}") from None


class Finding(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    ANCHOR_BROKEN = "anchor_broken"
    """An anchor does not continue the one before: one was changed or removed."""
    NOT_ANCHORED = "not_anchored"
    """The entry, and perhaps later ones, should have been anchored long ago."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    finding: Finding
    entry_id: int
    """The entry; for a broken anchor, the entry after which it begins."""


def chained(previous: bytes, stored: StoredEntry) -> bytes:
    """Return the hash of an entry that follows `previous`: 32 bytes."""
    return hashlib.sha256(previous + _canonical(stored)).digest()


def anchor(entries: Iterable[StoredEntry], *, after: int, upto: int, previous: bytes) -> Anchor:
    """Chain `entries`, which are in the order of their numbers."""
    links, last = [], previous
    for stored in entries:
        last = chained(last, stored)
        links.append(Link(stored.entry_id, _seconds(stored.entry), last))
    return Anchor(after=after, upto=upto, previous=previous, links=tuple(links))


def chain_problems(anchors: Sequence[Anchor]) -> Iterator[Problem]:
    """What is wrong with the anchors themselves, in their order."""
    after, last = 0, START
    for one in anchors:
        if (one.after, one.previous) != (after, last):
            yield Problem(Finding.ANCHOR_BROKEN, one.after)
        after, last = one.upto, one.last


def entry_problems(one: Anchor, entries: Mapping[int, StoredEntry], *, expired_before: datetime) -> Iterator[Problem]:
    """Compare an anchor with the stored entries of its numbers; missing ones older than `expired_before` are right."""
    previous = one.previous
    for link in one.links:
        stored = entries.get(link.entry_id)
        if stored is None:
            if link.at_s >= expired_before.timestamp():
                yield Problem(Finding.REMOVED, link.entry_id)
        elif chained(previous, stored) != link.hash:
            yield Problem(Finding.CHANGED, link.entry_id)
        previous = link.hash
    anchored = {link.entry_id for link in one.links}
    yield from (Problem(Finding.INSERTED, number) for number in sorted(entries.keys() - anchored))


def _canonical(stored: StoredEntry) -> bytes:
    entry = stored.entry
    assert entry.at is not None, "the database stores it"
    fields: list[Any] = [
        stored.entry_id,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.principal,
        entry.principal_id,
        entry.action,
        entry.album,
        entry.target,
        entry.outcome,
        entry.request_id,
        entry.count,
        entry.network,
    ]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _seconds(entry: AuditEntry) -> int:
    assert entry.at is not None, "the database stores it"
    return int(entry.at.timestamp())
