from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.run_jobs_server import Clients, RunJobsServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunJobsServer]:
    """One server per module, for tests that neither kill it nor change its options."""
    with RunJobsServer(tmp_path_factory.mktemp("run_jobs") / "state") as server:
        yield server


@pytest.fixture
def clients(server: RunJobsServer) -> Iterator[Clients]:
    with server.clients() as clients:
        yield clients


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunJobsServer]:
    """A server, not yet started, for tests that kill it."""
    server = RunJobsServer(tmp_path / "state")
    yield server
    server.stop()
