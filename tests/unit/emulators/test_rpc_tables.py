"""Every RPC of the client libraries is listed in a server's README, as served or as refused on purpose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import photofinish_emulators
from support.client_rpcs import services

PACKAGE = Path(photofinish_emulators.__file__).parent
# Server → client library, and those of its services that the server implements; the README names the others as a whole.
SERVERS = {
    "pubsub": ("google.pubsub_v1", {"Publisher", "Subscriber", "SchemaService"}),
    "firestore": ("google.cloud.firestore_v1", {"Firestore"}),
    "run_jobs": ("google.cloud.run_v2", {"Jobs", "Executions", "Tasks"}),
}
# RPCs of other services that the clients include; `gapic_metadata.json` does not list them.
MIXED_IN = {
    "pubsub": {"SetIamPolicy", "GetIamPolicy", "TestIamPermissions"},
    "firestore": set[str](),
    "run_jobs": {"GetOperation", "ListOperations", "WaitOperation", "DeleteOperation"},
}


def table_cells(server: str) -> list[str]:
    """The first cells of all table rows in a server's README."""
    lines = (PACKAGE / server / "README.md").read_text().splitlines()
    return [line.split("|")[1] for line in lines if line.startswith("| ")]


def words(cells: list[str]) -> set[str]:
    return set(re.findall(r"[A-Za-z]+", " ".join(cells)))


@pytest.mark.parametrize("server", SERVERS)
def test_every_rpc_is_in_the_readme(server: str) -> None:
    library, ours = SERVERS[server]
    known = services(library)
    assert ours <= set(known)
    cells = table_cells(server)
    rpcs = set.union(MIXED_IN[server], *(known[service] for service in ours))
    missing = rpcs - words(cells)
    assert not missing, f"{server}/README.md has no row for {sorted(missing)}"


@pytest.mark.parametrize("server", SERVERS)
def test_every_other_service_is_in_the_readme(server: str) -> None:
    library, ours = SERVERS[server]
    missing = set(services(library)) - ours - words(table_cells(server))
    assert not missing, f"{server}/README.md does not mention {sorted(missing)}"


@pytest.mark.parametrize("server", SERVERS)
def test_the_main_readme_links_to_each_server(server: str) -> None:
    assert f"]({server}/README.md" in (PACKAGE / "README.md").read_text()
