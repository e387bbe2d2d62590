"""Documents of people: always the newest state, also after a slow write; deleted with their person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.cloud.firestore import Client, FieldFilter

from photofinish.adapters.google.people_documents import FirestorePeopleDocuments
from photofinish.adapters.memory.failing import before_call, fail_once
from photofinish.adapters.memory.people import MemoryPeopleDocuments
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.projection import PgPeopleProjection
from photofinish.application.people.projection import PeopleProjector
from photofinish.errors import Unavailable
from support.erasing import erase_rows
from support.faces import bib
from support.firestore_server import FirestoreServer, emulator_environment
from support.people import ALBUM, BY, TestAlbum

LONG_S = 30


@pytest.fixture
def projection(album: TestAlbum) -> PgPeopleProjection:
    return PgPeopleProjection(album.database)


def test_an_older_state_never_follows_a_newer_one(album: TestAlbum, projection: PgPeopleProjection) -> None:
    documents, writing, go_on = MemoryPeopleDocuments(), threading.Event(), threading.Event()

    def wait_in_the_first_write(*_: object) -> None:
        if not writing.is_set():
            writing.set()
            assert go_on.wait(LONG_S)

    before_call(documents.write, wait_in_the_first_write)
    person = album.people.create(ALBUM, name="old", by=BY)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(PeopleProjector(projection, documents).project, ALBUM)
        assert writing.wait(LONG_S)
        album.people.rename(ALBUM, person.person_id, "new", by=BY)
        PeopleProjector(projection, documents).project(ALBUM)  # another instance: leaves it to the slow one
        go_on.set()
        slow.result(LONG_S)
    assert documents.documents[ALBUM, person.person_id].person.name == "new"
    assert projection.pending(ALBUM) == {}


def test_documents_that_cannot_be_written_now_are_written_later(
    album: TestAlbum, projection: PgPeopleProjection
) -> None:
    person = album.people.create(ALBUM, name="Ann", by=BY)
    documents = MemoryPeopleDocuments()
    fail_once(documents.write, Unavailable("Firestore is away"))
    PeopleProjector(projection, documents).project_soon(ALBUM)
    assert set(projection.pending(ALBUM)) == {person.person_id}
    assert PeopleProjector(projection, documents).sweep() == 1
    assert (ALBUM, person.person_id) in documents.documents
    assert PeopleProjector(projection, documents).sweep() == 0


def test_documents_of_an_erased_album_are_deleted(album: TestAlbum, projection: PgPeopleProjection) -> None:
    documents = MemoryPeopleDocuments()
    for number in range(3):
        album.people.create(ALBUM, name=str(number), by=BY)
    projector = PeopleProjector(projection, documents)
    projector.project(ALBUM)
    assert len(documents.documents) == 3
    erase_rows(album.database, ALBUM)
    projector.project(ALBUM)
    assert documents.documents == {}


@pytest.fixture
def firestore(tmp_path: Path) -> Iterator[Client]:
    with FirestoreServer(tmp_path / "firestore") as server, emulator_environment(server):
        yield Client(project="people-test")


def test_in_firestore_a_photos_people_are_found_by_its_id(
    album: TestAlbum, projection: PgPeopleProjection, firestore: Client
) -> None:
    faces = [album.add(f"{i}", "ann", bibs=[bib("7", face_index=0)])[0] for i in range(3)]
    ann = album.people.create(ALBUM, name="Ann", by=BY)
    PgPeopleChanges(album.database).confirm(ALBUM, ann.person_id, faces, by=BY)
    album.people.create(ALBUM, name="Bea", by=BY)
    projector = PeopleProjector(projection, FirestorePeopleDocuments(firestore))
    projector.project(ALBUM)
    people = firestore.collection("albums").document(ALBUM).collection("people")
    [on_photo] = people.where(filter=FieldFilter("photo_ids", "array_contains", album.photo("1").photo_id)).stream()
    assert on_photo.id == ann.person_id
    fields = on_photo.to_dict()
    assert (fields["name"], fields["face_count"], fields["bib_numbers"]) == ("Ann", 3, ["7"])
    assert [one.id for one in people.where(filter=FieldFilter("bib_numbers", "array_contains", "7")).stream()] == [
        ann.person_id
    ]
    erase_rows(album.database, ALBUM, person=ann.person_id)
    projector.project(ALBUM)
    assert not people.document(ann.person_id).get().exists
