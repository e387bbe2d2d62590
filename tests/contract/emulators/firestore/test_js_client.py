"""The Firebase JS SDK in Node, as mobile and web apps use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from google.cloud import firestore

from support.firestore_server import FirestoreServer, emulator_environment

CLIENTS = Path(__file__).parents[3] / "clients"
DEADLINE_S = 100


pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (CLIENTS / "node_modules/firebase").is_dir(),
        reason="the Firebase JS SDK is not installed: run `npm ci` in tests/clients",
    ),
]


def test_the_firebase_js_sdk(server: FirestoreServer) -> None:
    run(server, "firestore.test.mjs")


def test_the_deployed_rules(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    rules = pytestconfig.rootpath / "terraform/firestore/firestore.rules"
    with FirestoreServer(tmp_path / "state", rules=rules) as server:
        with emulator_environment(server):
            client = firestore.Client(project="rules")
        for path in ("albums/spring/photos/p", "albums/closed/photos/p", "albums/closed/people/x"):
            client.document(path).set({"n": 1})
        access = {"users_may_search": True, "users_may_browse": True, "anonymous_users": False}
        client.document("albums/spring/access/users").set(access)
        client.close()
        run(server, "rules.test.mjs")


def run(server: FirestoreServer, file: str) -> None:
    environment = {**os.environ, "FIRESTORE_EMULATOR_HOST": server.address}
    tests = subprocess.run(
        ["node", "--test", file],
        cwd=CLIENTS,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert tests.returncode == 0, f"the SDK's tests failed:\n{tests.stdout[-8000:]}\n{tests.stderr[-2000:]}"
