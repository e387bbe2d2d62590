"""Begin one erasure: bury its target and remove the rows, by kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.erasing import rows
from photofinish.adapters.postgres.erasing.removing import Removal
from photofinish.adapters.postgres.erasing.telling import events_of
from photofinish.adapters.postgres.erasing.tombstones import face_of_row
from photofinish.adapters.postgres.events.recording import record_events
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.erasure import ErasedPhoto, Erasure, ErasureKind, ErasureTarget, Reason, faces_target
from photofinish.domain.photo import PhotoRef
from photofinish.errors import NotFound
from photofinish.ports.erasures import Buried

_query = Statements("erasing")


@dataclass
class Beginning:
    """An erasure that a transaction begins; it holds the lock of the album. See `Erasures.begin` for the fields."""

    conn: Connection
    album_id: int | None
    """None: the database does not know the album."""
    target: ErasureTarget
    reason: Reason
    photo: PhotoRef | None
    buried: Buried | None

    def begin(self) -> Erasure:
        """Return the erasure: begun here, or begun before and not finished. Raises NotFound."""
        match self.target.kind:
            case ErasureKind.PHOTO:
                return self._photo()
            case ErasureKind.FACES:  # those of an erasure that has begun are found no more
                return self._faces()
        if self.buried is None and (known := rows.unfinished(self.conn, self.target)):
            return known
        match self.target.kind:
            case ErasureKind.FACE:
                return self._face()
            case ErasureKind.PERSON:
                return self._person()
            case ErasureKind.ALBUM:
                return self._album()

    def _photo(self) -> Erasure:
        target, stored = self.target, None
        if self.album_id is not None:
            values = {"album_id": self.album_id, "photo_id": as_uuid(target.id)}
            stored = self.conn.execute(_query("lock_photo"), values).fetchone()
        generations = [self.photo.generation] if self.photo else []
        generations += [stored[0]] if stored else []
        generations += [one.generation for one in self.buried.photos] if self.buried else []
        generation = target.generation if target.generation is not None else max(generations, default=None)
        if self.buried is None and (known := rows.unfinished(self.conn, replace(target, generation=generation))):
            return known
        if generation is None:
            raise NotFound(f"The album has no photo {target.id!r}.")
        has_rows = stored is not None and stored[0] <= generation
        if self.buried is None and not has_rows and (earlier := rows.covering(self.conn, target, generation)):
            return earlier  # such as by the event about the original that an erasure deleted
        name = self.photo.name if self.photo else stored[1] if stored else None
        erasure_id = self._insert(generation=generation, name=name)
        rows.bury_photos(self.conn, erasure_id, [ErasedPhoto(photo_id=target.id, generation=generation)])
        self._removal.results([as_uuid(target.id)])
        if has_rows:
            self._removal.photos([as_uuid(target.id)])
        else:
            self._removal.unindexed_photo(as_uuid(target.id))
        return self._noted(erasure_id)

    def _face(self) -> Erasure:
        face = as_uuid(self.target.id)
        if self.buried is None and not self._removal.known_faces([face]):
            raise NotFound(f"The album has no face {self.target.id!r}.")
        erasure_id = self._insert()
        self._bury_faces(erasure_id)
        rows.bury_faces(self.conn, erasure_id, self._removal.faces([face]))
        return self._noted(erasure_id)

    def _faces(self) -> Erasure:
        faces = [as_uuid(face_id) for face_id in self.target.face_ids]
        if self.buried is None:
            faces = self._removal.known_faces(faces)
            if not faces:
                raise NotFound("The album has none of these faces.")
            self.target = faces_target(self.target.album, [str(face) for face in faces])
        erasure_id = self._insert()
        self._bury_faces(erasure_id)
        rows.bury_faces(self.conn, erasure_id, self._removal.faces(faces))
        return self._noted(erasure_id)

    def _person(self) -> Erasure:
        person = as_uuid(self.target.id)
        if self.buried is None and not self._removal.has_person(person):
            raise NotFound(f"The album has no person {self.target.id!r}.")
        erasure_id = self._insert()
        self._bury_faces(erasure_id)
        restored = [as_uuid(face.face_id) for face in self.buried.faces] if self.buried else []
        found = self._removal.person(person, with_faces=self.target.with_faces, and_faces=restored)
        rows.bury_faces(self.conn, erasure_id, found)
        return self._noted(erasure_id)

    def _album(self) -> Erasure:
        erasure_id = self._insert()
        self._removal.bury_album(erasure_id)
        self._removal.album()
        return self._noted(erasure_id)

    @cached_property
    def _removal(self) -> Removal:
        return Removal(self.conn, self.album_id, self.target.album)

    def _insert(self, *, generation: int | None = None, name: str | None = None) -> str:
        return rows.insert(self.conn, self.target, self.reason, self.buried, generation=generation, name=name)

    def _bury_faces(self, erasure_id: str) -> None:
        """Bury the faces that the erasure had buried before the database was restored."""
        if self.buried is not None:
            rows.bury_faces(self.conn, erasure_id, self.buried.faces)

    def _noted(self, erasure_id: str) -> Erasure:
        rows.note(self.conn, erasure_id, "postgres", self._removal.counts, add=True)
        erasure = rows.get(self.conn, erasure_id)
        if self.album_id is not None:  # else the log has nothing of the album, and no readers
            faces = self.conn.execute(_query("erased_faces"), {"erasure_id": as_uuid(erasure_id)})
            record_events(self.conn, self.album_id, events_of(erasure, [face_of_row(row) for row in faces]))
        return erasure
