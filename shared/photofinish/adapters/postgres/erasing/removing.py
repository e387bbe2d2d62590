"""Remove rows of photos, faces, people and albums, inside the transaction that buries them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from photofinish.adapters.postgres.bibs.rows import correction_of_json
from photofinish.adapters.postgres.bibs.writing import faces_of, lock_photos, mark_projections_outdated, write_bibs
from photofinish.adapters.postgres.database import Connection
from photofinish.adapters.postgres.erasing.tables import PERSONAL_TABLES, PersonalTable
from photofinish.adapters.postgres.people.lookup import as_uuid
from photofinish.adapters.postgres.people.projection import mark_outdated
from photofinish.adapters.postgres.sql import Statements
from photofinish.adapters.postgres.statistics import lock_statistics, take_back
from photofinish.adapters.postgres.subscriptions.ending import forget_about
from photofinish.domain.bib_corrections import BibCorrection
from photofinish.domain.erasure import ErasedFace, ErasedParts, lines_without, parts_of
from photofinish.domain.geometry import Box
from photofinish.domain.words import words
from photofinish.ports import COLLECTION_BUCKET

_query = Statements("erasing")
_faces_query = Statements("face_index")
_people_query = Statements("people")
LOCK_TIMEOUT_MS = 2000


@dataclass
class Removal:
    """Removes rows of one album, and counts them."""

    conn: Connection
    album_id: int | None
    """None: the database does not know the album."""
    album_name: str
    counts: Counter[str] = field(default_factory=Counter)
    """Table → rows removed."""

    def known_faces(self, face_ids: Sequence[UUID]) -> list[UUID]:
        """Those of these faces that the album has."""
        return [row[0] for row in self._execute("faces", face_ids=face_ids)]

    def has_person(self, person: UUID) -> bool:
        return self._execute("has_person", person_id=person).fetchone() == (True,)

    def photos(self, photo_ids: Sequence[UUID]) -> None:
        """Remove photos with everything that was found in them."""
        if not photo_ids:
            return
        self.conn.execute(_people_query("lock_people"), {"album_id": self.album_id})
        face_ids = [row[0] for row in self._execute("faces_of_photos", photo_ids=photo_ids)]
        people = self._people(face_ids, photo_ids)
        self._clear_journal(face_ids, photo_ids)
        self._delete("photo", "face", photo_ids=photo_ids, face_ids=face_ids)
        mark_outdated(self.conn, self._id, people)

    def unindexed_photo(self, photo_id: UUID) -> None:
        """Remove what is known of a photo in which nothing was found: its events, its place in a batch."""
        if self.album_id is not None:
            tables = [table for table in PERSONAL_TABLES if table.before_indexing]
            self._delete("photo", photo_ids=[photo_id], tables=tables)

    def results(self, photo_ids: Sequence[UUID]) -> None:
        """Take erased versions of photos out of the statistics; also of photos in which nothing could be found."""
        if self.album_id is not None and photo_ids:
            self.counts["counted_photo"] += take_back(self.conn, self.album_id, photo_ids)

    def faces(self, face_ids: Sequence[UUID]) -> list[ErasedFace]:
        """Remove faces, and the numbers that were read beside them; return the tombstones that they need."""
        if self.album_id is None:
            return []
        self.conn.execute(_people_query("lock_people"), {"album_id": self.album_id})
        return self._faces(face_ids)

    def person(self, person: UUID, *, with_faces: bool, and_faces: Sequence[UUID] = ()) -> list[ErasedFace]:
        """Remove a person, and their faces and `and_faces`; return the tombstones that the faces need."""
        if self.album_id is None:
            return []
        self.conn.execute(_people_query("lock_people"), {"album_id": self.album_id})
        self.counts["subscription"] += forget_about(self.conn, self._id, person)
        face_ids = [row[0] for row in self._execute("faces_of_person", person_id=person)] if with_faces else []
        buried = self._faces(list({*face_ids, *and_faces}))
        self._execute("forget_person", person_id=person)
        self._execute("record_deletion", person_id=person)
        self._delete("person", person_id=person)
        mark_outdated(self.conn, self._id, [person])
        return buried

    def bury_album(self, erasure_id: str) -> None:
        """Bury all photos of the album that the database has."""
        self._execute("bury_album", erasure_id=as_uuid(erasure_id), collection_bucket=COLLECTION_BUCKET)

    def album(self) -> None:
        """Remove everything of the album but its name and policy; its partition goes as a whole."""
        if self.album_id is not None:
            self.conn.execute(_people_query("project_album"), {"album_id": self.album_id})
            lock_statistics(self.conn, self.album_id)
        self._delete("album")
        if self.album_id is not None:
            self.conn.execute(_faces_query("lock_partitions"))
            self.conn.execute(_query("lock_faces", timeout_ms=sql.Literal(LOCK_TIMEOUT_MS)))
            self.conn.execute(_faces_query("drop_partition"), {"album_id": self.album_id})

    @property
    def _id(self) -> int:
        assert self.album_id is not None
        return self.album_id

    def _faces(self, face_ids: Sequence[UUID]) -> list[ErasedFace]:
        found = self._execute("faces", face_ids=face_ids).fetchall()
        people = self._people(face_ids, [])
        self._clear_journal(face_ids, [])
        places: dict[UUID, list[ErasedFace]] = defaultdict(list)
        collected = []
        for face_id, photo_id, generation, bucket, *box in found:
            if bucket == COLLECTION_BUCKET:
                collected.append(photo_id)
                continue
            places[photo_id].append(
                ErasedFace(face_id=str(face_id), photo_id=photo_id.hex, generation=generation, box=Box(*box))
            )
        buried = [face for photo_id, faces in places.items() for face in self._without_numbers(photo_id, faces)]
        self._delete("face", face_ids=face_ids)
        self.counts["photo"] += self._execute(
            "drop_collection_photos", photo_ids=collected, collection_bucket=COLLECTION_BUCKET
        ).rowcount
        mark_outdated(self.conn, self._id, people)
        return buried

    def _without_numbers(self, photo_id: UUID, faces: Sequence[ErasedFace]) -> list[ErasedFace]:
        """Remove the numbers beside these faces of one photo; return the faces with the places of the numbers."""
        for known in lock_photos(self.conn, self._id, [photo_id.hex]):
            gone_ids = {face.face_id for face in faces}
            gone = [bib for bib in known.read if bib.face_id in gone_ids]
            faces = [
                ErasedFace(
                    face_id=face.face_id,
                    photo_id=face.photo_id,
                    generation=face.generation,
                    box=face.box,
                    bibs=tuple(bib.box for bib in gone if bib.face_id == face.face_id and bib.box is not None),
                )
                for face in faces
            ]
            dropped = self._drop_corrections(photo_id, parts_of(faces, is_photo=False))
            if not gone and not dropped:
                break
            kept = [bib for bib in known.read if bib.face_id not in gone_ids]
            boxes = faces_of(self.conn, self._id, known.photo, known.pipeline_version)
            remaining = {face_id: box for face_id, box in boxes.items() if face_id not in gone_ids}
            [written] = write_bibs(
                self.conn, self._id, {known.photo: kept}, {known.photo: remaining}, rules=known.rules
            )
            mark_projections_outdated(self.conn, self._id, known.read, [written])
            self.counts["bib"] += len(gone)
            self._drop_lines(photo_id, {bib.number for bib in gone})
        return list(faces)

    def _drop_corrections(self, photo_id: UUID, erased: ErasedParts) -> int:
        """Delete corrections that name the place of an erased face or of its numbers."""

        def is_about(correction: BibCorrection) -> bool:
            return (correction.face is not None and erased.has_face(correction.face)) or erased.has_bib(correction.box)

        rows = self._execute("corrections", photo_id=photo_id).fetchall()
        ids = [operation_id for operation_id, stored in rows if is_about(correction_of_json(stored))]
        deleted = self._execute("drop_corrections", operation_ids=ids).rowcount if ids else 0
        self.counts["bib_operation"] += deleted
        return deleted

    def _drop_lines(self, photo_id: UUID, numbers: Collection[str]) -> None:
        [lines] = self._execute("lines", photo_id=photo_id).fetchone() or ([],)
        kept = lines_without(lines, numbers)
        if kept != lines:
            searched = "\n".join(" ".join(words(line)) for line in kept)
            self._execute("describe_lines", photo_id=photo_id, lines=kept, words=searched)

    def _people(self, face_ids: Sequence[UUID], photo_ids: Sequence[UUID]) -> list[UUID]:
        rows = self._execute("people_with", face_ids=face_ids, photo_ids=photo_ids)
        return sorted(row[0] for row in rows)

    def _clear_journal(self, face_ids: Sequence[UUID], photo_ids: Sequence[UUID]) -> None:
        self._execute(
            "take_out_of_journal",
            face_ids=[str(face_id) for face_id in face_ids],
            dashed_photo_ids=[str(photo_id) for photo_id in photo_ids],
        )

    def _delete(self, *columns: str, tables: Sequence[PersonalTable] = PERSONAL_TABLES, **values: object) -> None:
        values |= {"album_id": self.album_id, "album": self.album_name}
        for table in tables:
            for condition in table.conditions(*columns):
                remove = (
                    "SELECT FROM {table} WHERE {condition}"
                    if table.cascades
                    else "DELETE FROM {table} WHERE {condition}"
                )
                statement = sql.SQL(remove).format(table=sql.Identifier(table.name), condition=sql.SQL(condition))
                self.counts[table.name] += self.conn.execute(statement, values).rowcount

    def _execute(self, query: str, **values: object) -> Cursor[TupleRow]:
        return self.conn.execute(_query(query), {"album_id": self.album_id} | values)
