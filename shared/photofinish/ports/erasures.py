"""Erasing: tombstones and rows, documents, and objects of all buckets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from photofinish.domain.erasure import ErasedFace, ErasedParts, ErasedPhoto, Erasure, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef


class Tombstones(Protocol):
    """What is erased and must not come back. Everything that stores something about a photo asks first."""

    def erased(self, photo: PhotoRef) -> ErasedParts:
        """What of this version of the photo is erased."""
        ...

    def note_late_objects(self, photo: PhotoRef, versions: Sequence[ObjectVersion]) -> None:
        """Count derived objects of an erased photo, which are about to be removed, in its erasure.

        An erasure that is finished has its receipt, and does not change any more.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """The tombstones of one erasure, as they are kept outside the database, to be applied to a restored one."""

    erasure: Erasure
    photos: tuple[ErasedPhoto, ...] = ()
    faces: tuple[ErasedFace, ...] = ()


class Erasures(Tombstones, Protocol):
    """Tombstones, and the rows of the database that go with them."""

    def begin(
        self,
        target: ErasureTarget,
        *,
        reason: Reason,
        photo: PhotoRef | None = None,
        buried: Buried | None = None,
    ) -> Erasure:
        """Bury the target and remove all its rows, in one transaction.

        While an erasure of the same target is unfinished, that one is returned. Faces are those of the target that the
        album has; the target of the erasure names only these. A photo without `generation` is buried
        with the newer of the version that the database has and `photo`, which its document is about; its name is kept
        until the erasure is finished, if the original goes, too. `buried` are the tombstones of an erasure that a
        restored database does not know any more: it is made again, with the same id.

        Raises:
            NotFound: the database has nothing of the target. An album, a photo with `generation` or `photo`, and what
                is `buried` need not be known.
        """
        ...

    def preview(self, target: ErasureTarget, *, photo: PhotoRef | None = None) -> Buried:
        """What :meth:`begin` would bury, and in `erasure.removed` the rows it would remove; nothing is changed.

        Raises as :meth:`begin`.
        """
        ...

    def bury_photos(self, erasure_id: str, photos: Sequence[ErasedPhoto]) -> None:
        """Bury more photos of an album, which the database need not know, and remove their rows."""
        ...

    def photos(self, erasure_id: str) -> list[ErasedPhoto]:
        """The photos that the erasure buried."""
        ...

    def faces(self, erasure_id: str) -> list[ErasedFace]:
        """The faces that the erasure buried."""
        ...

    def people(self, album: str) -> set[str]:
        """The ids of the people that the album has now."""
        ...

    def object_name(self, erasure_id: str) -> str | None:
        """The name of the original that is to be deleted, until the erasure is finished."""
        ...

    def note_removed(self, erasure_id: str, store: str, counts: Mapping[str, int]) -> None:
        """Record what a store is about to lose; of an earlier count of the same the larger one stays."""
        ...

    def note_objects(self, erasure_id: str, bucket: Bucket, versions: Sequence[ObjectVersion]) -> None:
        """Record which objects a bucket is about to lose: they count once, however often they are recorded."""
        ...

    def finish(self, erasure_id: str, at: datetime) -> None:
        """Record that no store has anything left."""
        ...

    def get(self, erasure_id: str) -> Erasure | None: ...

    def unfinished(self) -> list[str]:
        """The ids of the erasures that are not finished, oldest first."""
        ...

    def all_ids(self) -> list[str]:
        """The ids of all erasures, oldest first."""
        ...

    def exclusively(self, erasure_id: str) -> AbstractContextManager[bool]:
        """Take the lock of an erasure until the block ends; False where another process holds it."""
        ...


class ErasableDocuments(Protocol):
    """The documents that an erasure changes, and the copy of the tombstones beside them."""

    def keep(self, buried: Buried) -> None:
        """Keep a copy of tombstones outside the database; twice equals once."""
        ...

    def kept(self) -> Iterator[Buried]:
        """Every copy, oldest erasure first."""
        ...

    def close_album(self, album: str, at: datetime) -> None:
        """Empty the document of `album`: photos uploaded before `at` are not recorded any more.

        Also deletes its access document, so that signed-in users do not read photos that come later. An album that
        was closed at `at` or later, and one that was created since, stays as it is: it may be used again.
        """
        ...

    def versions(self, album: str, *, uploaded_by: datetime) -> Iterator[ErasedPhoto]:
        """The id and generation of every photo with a document, erased ones included; none that was uploaded later."""
        ...

    def count_photos(self, album: str, photos: Sequence[ErasedPhoto]) -> int:
        """How many of `photos` have a document that is not erased yet, of their version or an older one."""
        ...

    def erase_photos(self, album: str, photos: Sequence[ErasedPhoto]) -> None:
        """Leave nothing in the documents of `photos` but the status `erased`, the ids and the generation.

        Writes one where there is none; a document of a newer version stays as it is.
        """
        ...

    def count_faces(self, album: str, faces: Sequence[ErasedFace]) -> int:
        """How many of `faces` the documents of their photos show."""
        ...

    def erase_faces(self, album: str, faces: Sequence[ErasedFace]) -> None:
        """Remove faces, and what was read beside them, from the documents of their photos.

        A result that was found before and is written later does not bring them back.
        """
        ...

    def people(self, album: str) -> list[str]:
        """The ids of the people of `album` with a document."""
        ...

    def erase_people(self, album: str, person_ids: Sequence[str]) -> None:
        """Delete documents of people."""
        ...


Bucket = Literal["photo_bucket", "derived_bucket", "enrolment_bucket"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectVersion:
    """One version of one object, the current one or an older one."""

    name: str
    generation: int
    created_at: datetime


class ErasableObjects(Protocol):
    """The buckets, with every version of their objects."""

    def versions(self, bucket: Bucket, prefix: str) -> Iterator[ObjectVersion]:
        """Every version of the objects whose name starts with `prefix`; none of a bucket that the deployment lacks."""
        ...

    def remove(self, bucket: Bucket, versions: Iterable[ObjectVersion]) -> None:
        """Delete these versions for good; one that is gone already is none."""
        ...

    def read_derived(self, name: str) -> bytes:
        """Raises NotFound where there is no such object."""
        ...

    def replace_derived(self, name: str, content: bytes, content_type: str) -> None:
        """Write the object in place of its current version."""
        ...
