"""The Firebase web SDK in Chromium, as web apps use it: REST and WebChannel."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from support.browser import CLIENTS, ListeningPage, environment, why_not
from support.firestore_server import FirestoreServer, emulator_environment
from support.waiting import wait_until

DEADLINE_S = 240
RECONNECTED_S = 120.0
"""After a lost connection the SDK waits, three times if need be, for up to 30 s."""
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


def test_the_scenarios_of_the_sdk_pass_in_a_browser(server: FirestoreServer) -> None:
    run = subprocess.run(
        ["node", "--test", "--test-reporter=spec", "browser.test.mjs"],
        cwd=CLIENTS,
        env=environment(server),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert run.returncode == 0, f"scenarios failed in Chromium:\n{run.stdout[-8000:]}\n{run.stderr[-2000:]}"


def test_a_page_misses_nothing_when_the_server_is_killed_and_started_again(tmp_path: Path) -> None:
    with FirestoreServer(tmp_path / "state") as server:

        def write(id: str, n: int) -> None:
            with emulator_environment(server):
                client = firestore.Client(project="restart")
            client.document(f"albums/run/photos/{id}").set({"n": n})
            client.close()

        def shows(*ids: str) -> Any:
            return lambda report: report == {"ids": list(ids), "from_cache": False}

        write("p1", 1)
        with ListeningPage(server, "restart", "albums/run/photos") as page:
            page.wait_for(shows("p1"), "the first photo", RECONNECTED_S)
            server.restart()
            write("p2", 2)
            page.wait_for(shows("p1", "p2"), "the photo written after the restart", RECONNECTED_S)
            with emulator_environment(server):
                client = firestore.Client(project="restart")
            noted = client.document("seen/p2")
            wait_until(lambda: noted.get().exists, "what the page wrote after the restart", RECONNECTED_S)
            client.close()


def test_a_refused_query_is_an_error_of_the_listener(tmp_path: Path) -> None:
    indexes = tmp_path / "firestore.indexes.json"
    indexes.write_text(json.dumps({"indexes": [], "fieldOverrides": []}))
    with (
        FirestoreServer(tmp_path / "state", indexes=indexes) as server,
        ListeningPage(server, "refused", "albums/run/photos", "status", "done") as page,
    ):
        report = page.wait_for(lambda report: "error" in report, "an error", RECONNECTED_S)
    assert report["error"] == "failed-precondition"
    assert "index" in report["message"]
