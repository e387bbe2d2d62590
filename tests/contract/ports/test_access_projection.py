"""Access documents follow what was set in Postgres: after a crash, in order, and gone with their album."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from google.cloud.firestore import Client

from photofinish.adapters.google.access_documents import FirestoreAccessDocuments
from photofinish.adapters.google.erasable_documents import FirestoreErasableDocuments
from photofinish.adapters.memory.access_documents import MemoryAccessDocuments
from photofinish.adapters.memory.failing import before_call
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.access_projection import PgAccessProjection
from photofinish.application.access_projection import AccessProjector
from photofinish.domain.access import AlbumAccess
from support.access import pg_access
from support.firestore_server import FirestoreServer, emulator_environment

OPEN = AlbumAccess(users_may_search=True, users_may_browse=True)
LONG_S = 60


@pytest.fixture
def store(database: str) -> Iterator[PgAccessStore]:
    with pg_access(database) as made:
        yield made


@pytest.fixture
def projection(store: PgAccessStore) -> PgAccessProjection:
    return PgAccessProjection(store._database)


def test_an_older_state_never_follows_a_newer_one(store: PgAccessStore, projection: PgAccessProjection) -> None:
    documents, writing, go_on = MemoryAccessDocuments(), threading.Event(), threading.Event()

    def wait_in_the_first_write(*_: object) -> None:
        if not writing.is_set():
            writing.set()
            assert go_on.wait(LONG_S)

    before_call(documents.write, wait_in_the_first_write)
    store.set_album_access("race", OPEN)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(AccessProjector(projection, documents).project, "race")
        assert writing.wait(LONG_S)
        store.set_album_access("race", AlbumAccess())  # does not wait for the write
        AccessProjector(projection, documents).project("race")  # another instance: leaves it to the slow one
        go_on.set()
        slow.result(LONG_S)
    assert documents.documents == {"race": AlbumAccess()}
    assert projection.pending_albums() == []


def test_a_write_that_died_is_repeated(store: PgAccessStore, projection: PgAccessProjection) -> None:
    """Whether it died before or after Firestore took it."""
    documents = MemoryAccessDocuments()
    store.set_album_access("race", OPEN)
    before_call(documents.write, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        AccessProjector(projection, documents).project("race")
    assert AccessProjector(projection, written := MemoryAccessDocuments()).sweep() == 1
    assert written.documents == {"race": OPEN}


def test_an_erasure_waits_for_the_write_and_deletes_the_document(
    store: PgAccessStore, projection: PgAccessProjection, database: str, tmp_path: Path
) -> None:
    store.set_album_access("race", OPEN)
    with FirestoreServer(tmp_path / "firestore") as server, emulator_environment(server):
        client = Client(project="access")
        document = client.document("albums/race/access/users")
        AccessProjector(projection, FirestoreAccessDocuments(client)).project("race")
        assert document.get().to_dict() == {
            "users_may_search": True,
            "users_may_browse": True,
            "anonymous_users": False,
        }
        with projection.exclusively("race"), psycopg.connect(database) as erasing:
            erasing.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                erasing.execute("DELETE FROM album_access")
        FirestoreErasableDocuments(client).close_album("race", datetime.now(UTC))
        assert not document.get().exists
        client.close()
