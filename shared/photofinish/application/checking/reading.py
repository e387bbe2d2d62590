"""Read what all stores say of an album's photos: sorted streams of all stores, merged page by page."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from photofinish.application.checking.facts import PhotoFacts
from photofinish.application.checking.originals import by_photo_id
from photofinish.application.reconcile import listed_photos
from photofinish.domain.depiction import depiction_of
from photofinish.domain.pages import pages
from photofinish.domain.photo import PhotoRef, PhotoStatus, StoredPhoto
from photofinish.domain.sidecar import read_sidecar
from photofinish.domain.stored_analysis import bibs_of_sidecar
from photofinish.domain.stored_text import stored_text_of
from photofinish.errors import NotFound
from photofinish.ports import AlbumContents, Documents, PhotoRecord, PhotoStore

PAGE = 200
_THREADS = 8
# Kind of object → which part of its name is the photo's id: `sidecars/ALBUM/PHOTO/…`.
_KINDS = ("sidecars", "renditions")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the streams have of one photo."""

    original: StoredPhoto | None = None
    record: PhotoRecord | None = None
    objects: frozenset[str] = frozenset()


class FactsReading:
    """Reads facts of photos, of a whole album or of some. Memory is that of one page, however large the album."""

    def __init__(self, store: PhotoStore, documents: Documents, contents: AlbumContents) -> None:
        self._store = store
        self._documents = documents
        self._contents = contents

    def album(self, album: str) -> Iterator[list[PhotoFacts]]:
        """Yield all that any store calls a photo of the album, page by page, in the order of their ids.

        The stores are read one after the other while work goes on, so a photo that changes meanwhile may seem to
        differ: look at it again with :meth:`photos`.
        """
        with by_photo_id(listed_photos(self._store, album)) as originals, self._pool() as pool:
            streams: list[Iterable[tuple[str, Any]]] = [
                originals,
                ((record.ref.photo_id, record) for record in self._documents.list_photos(album)),
                ((photo_id, None) for photo_id in self._contents.photo_ids(album)),
                *(self._objects(kind, album) for kind in _KINDS),
            ]
            merged = groupby(heapq.merge(*streams, key=itemgetter(0)), key=itemgetter(0))
            for page in pages(((photo_id, _seen(group)) for photo_id, group in merged), PAGE):
                yield self._facts(album, dict(page), pool)

    def photos(self, seen: Iterable[PhotoFacts]) -> list[PhotoFacts]:
        """Read the same photos of one album again, now."""
        with self._pool() as pool:
            earlier = list(seen)
            if not earlier:
                return []
            found = pool.map(self._again, earlier)
            return self._facts(earlier[0].album, dict(zip((one.photo_id for one in earlier), found, strict=True)), pool)

    def _again(self, facts: PhotoFacts) -> _Seen:
        original = None
        if facts.name is not None:
            original = next((one for one in self._store.list_photos(facts.name) if one.ref.name == facts.name), None)
        prefixes = [f"{kind}/{facts.album}/{facts.photo_id}/" for kind in _KINDS]
        return _Seen(
            original=original,
            record=self._documents.get(facts.album, facts.photo_id),
            objects=frozenset(name for prefix in prefixes for name in self._store.derived_names(prefix)),
        )

    def _facts(self, album: str, seen: dict[str, _Seen], pool: ThreadPoolExecutor) -> list[PhotoFacts]:
        rows = self._contents.rows(album, list(seen))
        marked = self._marked_erased([one.original for one in seen.values() if one.original and not one.record])
        copies = self._copied(album, [one.record for one in seen.values() if one.record])
        facts = [
            PhotoFacts(
                album=album,
                photo_id=photo_id,
                rows=rows[photo_id],
                original=one.original,
                record=one.record,
                is_marked_erased=photo_id in marked,
                objects=one.objects,
                copied=copies.get(one.record.fields.get("duplicate_of", "")) if one.record else None,
            )
            for photo_id, one in seen.items()
        ]
        return list(pool.map(self._with_sidecar, facts))

    def _marked_erased(self, originals: list[StoredPhoto]) -> set[str]:
        """Photos without a document to show: those of them that have that of an erased photo of their version."""
        states = self._documents.states([photo.ref for photo in originals])
        return {
            ref.photo_id
            for ref, state in states.items()
            if state.status is PhotoStatus.ERASED and state.generation >= ref.generation
        }

    def _copied(self, album: str, records: list[PhotoRecord]) -> dict[str, PhotoRecord]:
        wanted = {record.fields["duplicate_of"] for record in records if record.fields.get("duplicate_of")}
        found = self._documents.records(album, wanted) if wanted else []
        return {record.ref.photo_id: record for record in found}

    def _with_sidecar(self, facts: PhotoFacts) -> PhotoFacts:
        name, result = facts.sidecar_name, facts.result
        if name is None or result is None or name not in facts.objects:
            return facts
        try:
            sidecar = read_sidecar(self._store.read_derived(name))
            _check_sidecar(sidecar, *result)
        except NotFound:
            return replace(facts, objects=facts.objects - {name})
        except (ValueError, KeyError, TypeError) as error:
            return replace(facts, sidecar_error=f"{type(error).__name__}: {error}"[:200])
        return replace(facts, sidecar=sidecar)

    def _objects(self, kind: str, album: str) -> Iterator[tuple[str, frozenset[str]]]:
        names = self._store.derived_names(f"{kind}/{album}/")
        for photo_id, group in groupby(names, key=_photo_of):
            if photo_id:
                yield photo_id, frozenset(group)

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(_THREADS, "check") as pool:
            yield pool


def _seen(group: Iterable[tuple[str, Any]]) -> _Seen:
    seen = _Seen()
    for _, part in group:
        match part:
            case StoredPhoto():
                seen = replace(seen, original=part)
            case PhotoRecord():
                seen = replace(seen, record=part)
            case frozenset():
                seen = replace(seen, objects=seen.objects | part)
    return seen


def _photo_of(name: str) -> str:
    """The photo's id in the name of a derived object; empty for one of another form."""
    parts = name.split("/")
    return parts[2] if len(parts) == 4 else ""


def _check_sidecar(sidecar: dict[str, Any], photo: PhotoRef, pipeline_version: str) -> None:
    """Raise unless it is the sidecar of this result, and has what is compared; KeyError where something lacks."""
    named = sidecar["photo"]
    if (named["photo_id"], named["generation"]) != (photo.photo_id, photo.generation):
        raise ValueError(f"it is of photo {named['photo_id']} in version {named['generation']}")
    if sidecar["pipeline_version"] != pipeline_version:
        raise ValueError(f"it is of pipeline {sidecar['pipeline_version']}")
    stored_text_of(sidecar)
    bibs_of_sidecar(sidecar)
    if "depiction" in sidecar:
        depiction_of(sidecar["depiction"])
