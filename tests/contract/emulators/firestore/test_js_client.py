"""The Firebase JS SDK in Node, as mobile and web apps use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.firestore_server import FirestoreServer

CLIENTS = Path(__file__).parents[3] / "clients"
DEADLINE_S = 100


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.skipif(
    not (CLIENTS / "node_modules/firebase").is_dir(),
    reason="the Firebase JS SDK is not installed: run `npm ci` in tests/clients",
)
def test_the_firebase_js_sdk(server: FirestoreServer) -> None:
    environment = {**os.environ, "FIRESTORE_EMULATOR_HOST": server.address}
    run = subprocess.run(
        ["node", "--test", "firestore.test.mjs"],
        cwd=CLIENTS,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert run.returncode == 0, f"the SDK's tests failed:\n{run.stdout[-8000:]}\n{run.stderr[-2000:]}"
