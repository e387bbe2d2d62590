"""Every table with rows about an album, a photo, a face or a person, and which of its rows an erasure removes.

A migration that adds such a table adds it here: a test compares this list with the database.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalTable:
    """Conditions of DELETE, by what is erased; None where no row of the table is about that.

    Parameters: `album_id`, `album` (its name), `photo_ids`, `face_ids`, `person_id`. Faces go with their photo and
    their person, so their condition applies to these as well.
    """

    name: str
    photo: str | None = None
    face: str | None = None
    person: str | None = None
    album: str | None = None
    cascades: bool = False
    """Functions may not delete its rows: they go with the person whom they refer to."""
    before_indexing: bool = False
    """It may have rows about a photo in which nothing was found yet, or never."""

    def conditions(self, *columns: str) -> list[str]:
        """The conditions for these kinds that the table has."""
        of_kind = {"photo": self.photo, "face": self.face, "person": self.person, "album": self.album}
        return [condition for column in columns if (condition := of_kind[column]) is not None]


_OF_PHOTO = "album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s::uuid[])"
# Tombstones are there before rows are removed. A newer version of the photo has events and a batch of its own.
_ERASED_EVENT = (
    "EXISTS (SELECT FROM erased_photo WHERE erased_photo.photo_id = album_event.photo_id"
    " AND erased_photo.generation >= coalesce(album_event.generation, 0))"
)
_OF_ERASED_EVENT = (
    "EXISTS (SELECT FROM album_event JOIN erased_photo USING (photo_id)"
    " WHERE album_event.position = webhook_delivery.event_position"
    " AND erased_photo.generation >= coalesce(album_event.generation, 0))"
)
_ERASED_FILE = (
    "EXISTS (SELECT FROM erased_photo WHERE erased_photo.photo_id = batch_file.photo_id"
    " AND erased_photo.generation >= coalesce(batch_file.generation, 0))"
)
_ERASED_PART = (
    "EXISTS (SELECT FROM erased_photo WHERE erased_photo.photo_id = video_part.photo_id"
    " AND erased_photo.generation >= video_part.generation)"
)
_OF_FACE = "album_id = %(album_id)s AND face_id = ANY (%(face_ids)s::uuid[])"
_OF_PERSON = "person_id = %(person_id)s"
_OF_ALBUM = "album_id = %(album_id)s"
_OF_ALBUMS_PEOPLE = "person_id IN (SELECT person_id FROM person WHERE album_id = %(album_id)s)"
_OF_ALBUMS_UPLOADS = (
    "upload_id IN (SELECT upload_id FROM enrolment JOIN person USING (person_id) WHERE album_id = %(album_id)s)"
)

# In this order: rows that refer to others go before these.
PERSONAL_TABLES = (
    PersonalTable(
        name="client_request",
        face=(
            "album_id = %(album_id)s"
            " AND EXISTS (SELECT FROM unnest(%(face_ids)s::text[]) AS face_id WHERE strpos(answer::text, face_id) > 0)"
        ),
        album=_OF_ALBUM,
    ),
    PersonalTable(
        name="kept_answer",
        photo="album = %(album)s AND ids && replace(%(photo_ids)s::text, '-', '')::text[]",
        face="album = %(album)s AND ids && %(face_ids)s::text[]",
        person="album = %(album)s AND %(person_id)s::text = ANY (ids)",
        album="album = %(album)s",
        before_indexing=True,
    ),
    PersonalTable(
        name="download",
        photo="album_id = %(album_id)s AND photo_ids && %(photo_ids)s::uuid[]",
        album=_OF_ALBUM,
        before_indexing=True,
    ),
    PersonalTable(name="collection_face", face=_OF_FACE, album=_OF_ALBUM),
    PersonalTable(name="person_face", photo=_OF_PHOTO, face=_OF_FACE, person=_OF_PERSON, album=_OF_ALBUM),
    # Counted again when rows of person_face go.
    PersonalTable(name="person_photos", person=_OF_PERSON, album=_OF_ALBUM, cascades=True),
    PersonalTable(
        name="person_rejection",
        photo=f"photo_id = ANY (%(photo_ids)s::uuid[]) AND {_OF_ALBUMS_PEOPLE}",
        face=f"face_id = ANY (%(face_ids)s::uuid[]) AND {_OF_ALBUMS_PEOPLE}",
        person=_OF_PERSON,
        album=_OF_ALBUMS_PEOPLE,
    ),
    PersonalTable(name="person_number", person=_OF_PERSON, album=_OF_ALBUMS_PEOPLE),
    PersonalTable(
        name="person_embedding",
        person="upload_id IN (SELECT upload_id FROM enrolment WHERE person_id = %(person_id)s)",
        album=_OF_ALBUMS_UPLOADS,
    ),
    PersonalTable(name="consent_record", person=_OF_PERSON, album=_OF_ALBUMS_PEOPLE, cascades=True),
    PersonalTable(name="enrolment", person=_OF_PERSON, album=_OF_ALBUMS_PEOPLE),
    PersonalTable(name="person", person=_OF_PERSON + " AND " + _OF_ALBUM, album=_OF_ALBUM),
    # Changes of a person or a face are taken out of their operations (journal.py), which stay as ids without content.
    PersonalTable(name="people_operation", album=_OF_ALBUM),
    PersonalTable(name="bib_candidate", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="bib", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="bib_operation", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="bib_projection", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="face", photo=_OF_PHOTO, face=_OF_FACE, album=_OF_ALBUM),
    PersonalTable(name="withheld_face", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="depiction", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="photo", photo=_OF_PHOTO, album=_OF_ALBUM),
    # With what was answered to them, see webhook_attempt.
    PersonalTable(
        name="webhook_delivery",
        photo=f"{_OF_PHOTO} AND {_OF_ERASED_EVENT}",
        person="album_id = %(album_id)s AND person_ids @> ARRAY[%(person_id)s]",
        album=_OF_ALBUM,
        before_indexing=True,
    ),
    PersonalTable(
        name="album_event",
        photo=f"{_OF_PHOTO} AND {_ERASED_EVENT}",
        person="album_id = %(album_id)s AND person_ids @> ARRAY[%(person_id)s]",
        album=_OF_ALBUM,
        before_indexing=True,
    ),
    PersonalTable(name="batch_file", photo=f"{_OF_PHOTO} AND {_ERASED_FILE}", album=_OF_ALBUM, before_indexing=True),
    PersonalTable(name="video_part", photo=f"{_OF_PHOTO} AND {_ERASED_PART}", album=_OF_ALBUM, before_indexing=True),
    PersonalTable(name="upload_batch", album=_OF_ALBUM),
    # Of an erased photo, what it counts as is taken back: adapters/postgres/statistics.py.
    PersonalTable(name="counted_photo", album=_OF_ALBUM),
    PersonalTable(name="album_statistics", album=_OF_ALBUM),
    PersonalTable(name="album_statistics_position", album=_OF_ALBUM),
    # With contacts and faces. Those by an erased person's face: adapters/postgres/subscriptions/ending.py.
    PersonalTable(name="subscription_match", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="subscription", person=f"{_OF_PERSON} AND {_OF_ALBUM}", album=_OF_ALBUM),
    PersonalTable(name="removed_original", photo=_OF_PHOTO, album=_OF_ALBUM),
    PersonalTable(name="album_rules", album=_OF_ALBUM),
    PersonalTable(name="entrant", album=_OF_ALBUM),
    PersonalTable(name="camera_shift", album=_OF_ALBUM),
    PersonalTable(name="bib_rescoring", album=_OF_ALBUM),
    PersonalTable(name="collection", album=_OF_ALBUM),
    PersonalTable(name="find_me_feedback", photo=_OF_PHOTO, face=_OF_FACE, album=_OF_ALBUM),
    # With the sessions of its visitors.
    PersonalTable(name="share", album=_OF_ALBUM),
    PersonalTable(name="album_card", album=_OF_ALBUM),
    PersonalTable(name="album_clustering", album=_OF_ALBUM),
    PersonalTable(name="album_access", album="album = %(album)s"),
)

KEPT_TABLES = {
    "album": "the name of an album, which its number stands for in every other table",
    "album_policy": "what the organiser decided for the album; it protects photos that come later",
    "album_end": "the day an album ended on, once that is enforced",
    "task_time": "how long tasks worked for the album: what it cost, which erasing it does not give back",
    "album_budget": "what the album may cost, which its next photos are held to",
    "webhook": "where an organiser wants to be told what happens, also that the album was erased",
    "erasure": "what was erased and when",
    "erased_photo": "a tombstone: id and generation",
    "erased_face": "a tombstone: ids, generation and place",
    "opt_out": "refuses the faces of a person who wants none indexed, also after the person or the album was erased",
    "suppression_template": "of an opt-out; goes with it",
    "person_projection": "ids of people whose documents are to be written or deleted; gone when that is done",
    "audit_entry": "what callers did, by ids: kept for its retention",
    "api_key": "albums that a key opens",
}
"""Tables that refer to albums, photos or people and keep their rows, each with the reason."""
