"""Erase a photo, a face, a person or an album from every store, in an order that survives a crash at every step.

    tombstones and rows ▸ copy of the tombstones ▸ documents ▸ objects ▸ sidecars ▸ receipt ▸ finished

The first step is one transaction; from then on nothing that arrives late is stored, because everything that stores
something asks the tombstones. Every later step may be repeated: :meth:`Eraser.sweep` goes on with what a crash left.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, islice

from photofinish.domain.erasure import (
    ErasedFace,
    ErasedParts,
    ErasedPhoto,
    Erasure,
    ErasureKind,
    ErasureTarget,
    Reason,
    Removed,
    faces_target,
    parts_of,
    sidecar_without_erased,
)
from photofinish.domain.photo import DEFAULT_ALBUM, PhotoRef, album_prefixes
from photofinish.domain.sidecar import read_sidecar, sidecar_bytes
from photofinish.errors import NotFound
from photofinish.logs import fields
from photofinish.ports import Documents, ErasableDocuments, ErasableObjects, Erasures, ObjectVersion, Tombstones
from photofinish.ports.erasures import Bucket, Buried

log = logging.getLogger(__name__)
_PAGE = 300  # documents in one request
# See `sidecar_name` and `preview_name`.
_DERIVED = re.compile(r"(sidecars|renditions)/[^/]+/(?P<photo_id>[^/]+)/(?P<generation>[0-9]+)\..*")


class ErasureRequests:
    """Begins erasures: what is requested is found no more. Needs no right to objects; :class:`Eraser` finishes them."""

    def __init__(
        self,
        erasures: Erasures,
        documents: Documents,
        erasable: ErasableDocuments,
        *,
        publish_people: Callable[[str], object],
    ) -> None:
        """`publish_people(album)` brings the documents of people up to date."""
        self._erasures = erasures
        self._documents = documents
        self._erasable = erasable
        self._publish_people = publish_people

    def request(self, target: ErasureTarget, *, reason: Reason) -> Erasure:
        """Erase the target from the database and the documents, so that no search finds it; the sweep does the rest.

        Raises:
            NotFound: there is nothing of the target, and it is no version of a photo.
        """
        erasure = self._erasures.begin(target, reason=reason, photo=self._documented(target))
        self._erase_documents(erasure)
        return self._get(erasure.id)

    def request_faces(self, album: str, face_ids: Iterable[str], *, reason: Reason) -> frozenset[str]:
        """Request one erasure of all these faces; return the ids of those that the album had."""
        try:
            return frozenset(self.request(faces_target(album, face_ids), reason=reason).target.face_ids)
        except NotFound:
            return frozenset()

    def _get(self, erasure_id: str) -> Erasure:
        erasure = self._erasures.get(erasure_id)
        if erasure is None:
            raise NotFound(f"There is no erasure {erasure_id!r}.")
        return erasure

    def _documented(self, target: ErasureTarget) -> PhotoRef | None:
        """The version of a photo that its document is about: photos that were never indexed have only that."""
        if target.kind is not ErasureKind.PHOTO or target.generation is not None:
            return None
        record = self._documents.get(target.album, target.id)
        return None if record is None else record.ref

    def _erase_documents(self, erasure: Erasure) -> None:
        target = erasure.target
        if target.kind is ErasureKind.ALBUM:
            self._erase_album_documents(erasure)
            return
        photos, faces = self._erasures.photos(erasure.id), self._erasures.faces(erasure.id)
        self._erasable.keep(Buried(erasure=erasure, photos=tuple(photos), faces=tuple(faces)))
        if not photos and not faces and target.kind in {ErasureKind.FACE, ErasureKind.FACES}:
            return  # they came through the Rekognition API, of which there are no documents
        people = [target.id] if target.kind is ErasureKind.PERSON else []
        self._note(erasure, "firestore", self._found_in_documents(target, photos, faces))
        self._erasable.erase_photos(target.album, photos)
        self._erasable.erase_faces(target.album, faces)
        self._erasable.erase_people(target.album, people)
        self._publish_people(target.album)

    def _found_in_documents(
        self, target: ErasureTarget, photos: Sequence[ErasedPhoto], faces: Sequence[ErasedFace]
    ) -> dict[str, int]:
        people: Sequence[str] = ()
        if target.kind in {ErasureKind.PERSON, ErasureKind.ALBUM}:
            people = self._erasable.people(target.album)
        if target.kind is ErasureKind.PERSON:
            people = [person for person in people if person == target.id]
        if target.kind is ErasureKind.ALBUM:
            people = self._gone(target.album, people)
        return {
            "photos": sum(self._erasable.count_photos(target.album, page) for page in _pages(photos)),
            "faces": self._erasable.count_faces(target.album, faces),
            "people": len(people),
        }

    def _erase_album_documents(self, erasure: Erasure) -> None:
        album = erasure.target.album
        self._erasable.keep(Buried(erasure=erasure))
        self._erasable.close_album(album, erasure.started_at)
        # The album may be used again: what came after the request stays.
        for page in _pages(self._erasable.versions(album, uploaded_by=erasure.started_at)):
            self._erasures.bury_photos(erasure.id, page)
        photos = self._erasures.photos(erasure.id)
        self._note(erasure, "firestore", self._found_in_documents(erasure.target, photos, ()))
        for page in _pages(photos):
            self._erasable.erase_photos(album, page)
        self._erasable.erase_people(album, self._gone(album, self._erasable.people(album)))

    def _gone(self, album: str, people: Sequence[str]) -> list[str]:
        """Those of `people` that the database does not have any more: others came when the album was used again."""
        living = self._erasures.people(album)
        return [person for person in people if person not in living]

    def _note(self, erasure: Erasure, store: str, counts: dict[str, int]) -> None:
        """Record what a store is about to lose: counted before it goes, so that a crash in between loses no count."""
        if found := _without_zeros(counts):
            self._erasures.note_removed(erasure.id, store, found)


class Eraser(ErasureRequests):
    """Erases. Several processes may: each erasure is carried out by one of them at a time."""

    def __init__(
        self,
        erasures: Erasures,
        documents: Documents,
        erasable: ErasableDocuments,
        objects: ErasableObjects,
        *,
        publish_people: Callable[[str], object],
        issue_receipt: Callable[[Erasure], object] | None = None,
    ) -> None:
        """See :class:`ErasureRequests`; `issue_receipt` is called before an erasure counts as finished."""
        super().__init__(erasures, documents, erasable, publish_people=publish_people)
        self._objects = objects
        self._issue_receipt = issue_receipt

    def erase(self, target: ErasureTarget, *, reason: Reason) -> Erasure:
        """Erase the target from all stores, and return the finished erasure.

        Raises:
            NotFound: there is nothing of the target, and it is no version of a photo.
        """
        return self.finish(self.request(target, reason=reason).id)

    def finish(self, erasure_id: str) -> Erasure:
        """Carry out what is left of an erasure, in all stores; an erasure that is finished stays as it is."""
        with self._erasures.exclusively(erasure_id) as alone:
            erasure = self._get(erasure_id)
            if alone and erasure.finished_at is None:
                self._carry_out(erasure)
        return self._get(erasure_id)

    def preview(self, target: ErasureTarget) -> Removed:
        """What erasing the target would remove: store → what → how many. Changes nothing; raises as :meth:`erase`."""
        photo = self._documented(target)
        buried = self._erasures.preview(target, photo=photo)
        erasure, found = buried.erasure, dict(buried.erasure.removed)
        photos = list(buried.photos)
        if target.kind is ErasureKind.ALBUM:
            documented = self._erasable.versions(target.album, uploaded_by=erasure.started_at)
            photos = list({one.photo_id: one for one in [*photos, *documented]}.values())
        found["firestore"] = self._found_in_documents(target, photos, buried.faces)
        name = None if photo is None else photo.name
        for bucket, versions in self._objects_of(erasure, photos, original=name):
            found[bucket] = _count_objects(versions)
        if rewrites := list(self._rewrites(erasure, buried.faces)):
            found["derived_bucket"] = _count_rewrites(rewrites)
        return {store: counts for store, of_store in found.items() if (counts := _without_zeros(of_store))}

    def sweep(self) -> int:
        """Finish all unfinished erasures; return how many there were."""
        ids = self._erasures.unfinished()
        for erasure_id in ids:
            self.finish(erasure_id)
        return len(ids)

    def known(self, album: str) -> set[str]:
        """The ids of all erasures of an album, also those that only the copies of their tombstones tell of."""
        copies = {buried.erasure.id for buried in self._erasable.kept() if buried.erasure.target.album == album}
        return copies | {one for one in self._erasures.all_ids() if self._get(one).target.album == album}

    def reapply(self, album: str | None = None) -> Iterator[Erasure]:
        """Carry out every erasure of `album` (None: of all) again.

        Also those that a database restored from a backup does not know any more.
        """
        for buried in self._erasable.kept():
            is_wanted = album in (None, buried.erasure.target.album)
            if is_wanted and self._erasures.get(buried.erasure.id) is None:
                self._erasures.begin(buried.erasure.target, reason=buried.erasure.reason, buried=buried)
        for erasure_id in self._erasures.all_ids():
            if album is not None and self._get(erasure_id).target.album != album:
                continue
            with self._erasures.exclusively(erasure_id) as alone:
                if alone:
                    self._carry_out(self._get(erasure_id))
            yield self._get(erasure_id)

    def _carry_out(self, erasure: Erasure) -> None:
        self._erase_documents(erasure)
        photos, faces = self._erasures.photos(erasure.id), self._erasures.faces(erasure.id)
        for bucket, versions in self._objects_of(erasure, photos, original=self._erasures.object_name(erasure.id)):
            self._erasures.note_objects(erasure.id, bucket, versions)
            self._objects.remove(bucket, versions)
        self._rewrite_sidecars(erasure, faces)
        finished_at = erasure.finished_at or datetime.now(UTC)
        if self._issue_receipt is not None:  # before the erasure counts as finished: a crash issues it again
            self._issue_receipt(replace(self._get(erasure.id), finished_at=finished_at))
        self._erasures.finish(erasure.id, finished_at)
        log.info(
            "erased",
            extra=fields(erasure_id=erasure.id, kind=erasure.target.kind.value, reason=erasure.reason.value),
        )

    def _objects_of(
        self, erasure: Erasure, photos: Sequence[ErasedPhoto], *, original: str | None
    ) -> Iterator[tuple[Bucket, list[ObjectVersion]]]:
        """Which versions of objects go; `original` is the name of the photo."""
        target = erasure.target
        if target.kind is ErasureKind.PERSON:
            yield "enrolment_bucket", self._found("enrolment_bucket", [f"{target.album}/{target.id}/"])
        if target.kind not in {ErasureKind.PHOTO, ErasureKind.ALBUM}:
            return
        buried = {photo.photo_id: photo.generation for photo in photos}
        path = target.album + (f"/{target.id}" if target.kind is ErasureKind.PHOTO else "")
        is_album = target.kind is ErasureKind.ALBUM

        def is_before(version: ObjectVersion) -> bool:
            return is_album and version.created_at <= erasure.started_at

        yield (
            "derived_bucket",
            [
                version
                for version in self._found("derived_bucket", [f"sidecars/{path}/", f"renditions/{path}/"])
                if is_before(version) or _is_buried(version.name, buried)
            ],
        )
        if is_album:
            pictures = self._found("enrolment_bucket", [f"{target.album}/"])
            yield "enrolment_bucket", [version for version in pictures if is_before(version)]
        if not target.with_originals:
            return
        if is_album:
            # Photos of the default album may be anywhere: at the root, or in a folder whose name cannot be an album's.
            prefixes = ("",) if target.album == DEFAULT_ALBUM else album_prefixes(target.album)
            originals = [
                version
                for version in self._found("photo_bucket", prefixes)
                if is_before(version) and _album_of(version.name) == target.album
            ]
        else:
            originals = [
                version
                for version in self._found("photo_bucket", [] if original is None else [original])
                if version.name == original and version.generation <= buried[target.id]
            ]
        yield "photo_bucket", originals

    def _rewrite_sidecars(self, erasure: Erasure, erased: Sequence[ErasedFace]) -> None:
        """Take erased faces out of the sidecars of their photos; older versions of these sidecars go."""
        rewrites = list(self._rewrites(erasure, erased))
        self._note(erasure, "derived_bucket", _count_rewrites(rewrites))
        for one in rewrites:
            name = one.versions[0].name
            if one.content is not None:
                self._objects.replace_derived(name, one.content, "application/json")
            # Those that are listed still: a bucket without versions has replaced its only one.
            older = [version for version in self._objects.versions("derived_bucket", name) if version in one.versions]
            self._objects.remove("derived_bucket", older)

    def _rewrites(self, erasure: Erasure, erased_faces: Sequence[ErasedFace]) -> Iterator[_Rewrite]:
        for photo_id, of_photo in groupby(erased_faces, key=lambda face: face.photo_id):
            faces = list(of_photo)
            versions = self._found("derived_bucket", [f"sidecars/{erasure.target.album}/{photo_id}/"])
            for name, group in groupby(sorted(versions, key=lambda one: one.name), key=lambda one: one.name):
                _, generation = photo_of_derived(name) or ("", -1)
                erased = parts_of((face for face in faces if face.generation == generation), is_photo=False)
                if erased and (rewrite := self._rewrite(list(group), erased)):
                    yield rewrite

    def _rewrite(self, versions: Sequence[ObjectVersion], erased: ErasedParts) -> _Rewrite | None:
        """How to rewrite one sidecar, which has these versions; None where it has nothing of what is erased."""
        try:
            document = read_sidecar(self._objects.read_derived(versions[0].name))
        except NotFound:
            return _Rewrite(versions, None, 0)  # only older versions are left of it
        rewritten = sidecar_without_erased(document, erased)
        if rewritten == document and len(versions) == 1:
            return None
        return _Rewrite(versions, sidecar_bytes(rewritten), len(document["faces"]) - len(rewritten["faces"]))

    def _found(self, bucket: Bucket, prefixes: Sequence[str]) -> list[ObjectVersion]:
        return [version for prefix in prefixes for version in self._objects.versions(bucket, prefix)]


def remove_derived(photo: PhotoRef, objects: ErasableObjects, tombstones: Tombstones) -> None:
    """Delete everything that was made of this version of an erased photo, and of older ones; its receipt counts it."""
    buried = {photo.photo_id: photo.generation}
    found = [
        version
        for kind in ("sidecars", "renditions")
        for version in objects.versions("derived_bucket", f"{kind}/{photo.album}/{photo.photo_id}/")
        if _is_buried(version.name, buried)
    ]
    tombstones.note_late_objects(photo, found)
    objects.remove("derived_bucket", found)


@dataclass(frozen=True, slots=True)
class _Rewrite:
    versions: Sequence[ObjectVersion]
    """All that the sidecar has before."""
    content: bytes | None
    faces: int


def _count_objects(versions: Sequence[ObjectVersion]) -> dict[str, int]:
    return {"objects": len({version.name for version in versions}), "versions": len(versions)}


def _count_rewrites(rewrites: Sequence[_Rewrite]) -> dict[str, int]:
    return {"sidecars_rewritten": len(rewrites), "faces": sum(one.faces for one in rewrites)}


def _without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    return {what: count for what, count in counts.items() if count}


def photo_of_derived(name: str) -> tuple[str, int] | None:
    """The photo's id and generation in the name of a derived object; None for a name of another form."""
    match = _DERIVED.fullmatch(name)
    return None if match is None else (match["photo_id"], int(match["generation"]))


def _is_buried(name: str, buried: Mapping[str, int]) -> bool:
    photo_id, generation = photo_of_derived(name) or ("", 0)
    return photo_id in buried and generation <= buried[photo_id]


def _album_of(name: str) -> str:
    return PhotoRef(bucket="", name=name, generation=0).album


def _pages(photos: Iterable[ErasedPhoto]) -> Iterator[list[ErasedPhoto]]:
    iterator = iter(photos)
    while page := list(islice(iterator, _PAGE)):
        yield page
