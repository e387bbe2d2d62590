"""What all stores say of one photo, and what a comparison goes by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.sidecar import derived_of, sidecar_name
from photofinish.ports import PhotoRecord, PhotoRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a comparison goes by."""

    now: datetime
    stale_after: timedelta
    """A photo that is unfinished for longer is stuck."""
    settled_after: timedelta
    """What changed later than that is left out: its notification, its event or its clean-up may be under way."""
    bib_rules: BibRules
    """Of the album, as they are now."""
    keep_originals: bool
    """The album's policy; where False there are neither originals nor pictures."""
    events_since: datetime
    """From then on the log tells every result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFacts:
    """What all stores say of one photo."""

    album: str
    photo_id: str
    rows: PhotoRows
    original: StoredPhoto | None = None
    """The live object."""
    record: PhotoRecord | None = None
    """None: it has no document, or the one of an erased photo."""
    is_marked_erased: bool = False
    """It has the document of an erased photo."""
    objects: frozenset[str] = frozenset()
    """Names of its sidecars and pictures."""
    sidecar: Mapping[str, Any] | None = None
    """Of the result in :attr:`result`; None where there is none, or it cannot be read."""
    sidecar_error: str | None = None
    """Why it cannot be read."""
    copied: PhotoRecord | None = None
    """Of a duplicate: the photo that has the result."""

    @property
    def name(self) -> str | None:
        """The object's name, as far as any store knows it."""
        if self.original is not None:
            return self.original.ref.name
        if self.record is not None:
            return self.record.ref.name
        return None if self.rows.ref is None else self.rows.ref.name

    @property
    def result(self) -> tuple[PhotoRef, str] | None:
        """The version and pipeline version of the result that should be everywhere; None where none is known.

        The document says it; where there is none, the index, else the sidecar of the original.
        """
        if self.record is not None:
            version = self.record.fields.get("pipeline_version")
            is_result = self.record.status is PhotoStatus.DONE and not self.record.fields.get("duplicate_of")
            return (self.record.ref, version) if is_result and version else None
        if self.rows.ref is not None and self.rows.pipeline_version is not None:
            return self.rows.ref, self.rows.pipeline_version
        if self.original is not None:
            for name in sorted(self.objects):
                named = derived_of(name)
                if named and named[1] == self.original.ref.generation and name.startswith("sidecars/"):
                    return self.original.ref, named[2]
        return None

    @property
    def sidecar_name(self) -> str | None:
        """Name of the sidecar of :attr:`result`."""
        return None if self.result is None else sidecar_name(*self.result)

    @property
    def generations(self) -> Iterator[int]:
        """Every version that any store has something of."""
        if self.original is not None:
            yield self.original.ref.generation
        if self.record is not None:
            yield self.record.ref.generation
        if self.rows.ref is not None and self.rows.pipeline_version is not None:
            yield self.rows.ref.generation
        yield from (named[1] for name in self.objects if (named := derived_of(name)))

    @property
    def was_original_removed(self) -> bool:
        """Whether the album keeps no originals, and this one's was removed for that."""
        removed, record = self.rows.removed_original, self.record
        return removed is not None and (record is None or record.ref.generation <= removed)
