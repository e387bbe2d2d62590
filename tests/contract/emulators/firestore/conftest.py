"""One server for all tests of this directory; each test has its own project, so they share no data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from google.cloud import firestore

from support.firestore_server import FirestoreServer, emulator_environment

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreServer]:
    with FirestoreServer(tmp_path_factory.mktemp("firestore") / "state") as running:
        yield running


@pytest.fixture
def project() -> str:
    return f"project-{next(_NUMBERS)}"


@pytest.fixture
def client(server: FirestoreServer, project: str) -> Iterator[firestore.Client]:
    with emulator_environment(server):
        client = firestore.Client(project=project)
    yield client
    client.close()


@pytest.fixture
def async_client(server: FirestoreServer, project: str) -> firestore.AsyncClient:
    with emulator_environment(server):
        return firestore.AsyncClient(project=project)
