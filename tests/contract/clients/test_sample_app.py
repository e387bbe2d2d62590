"""The sample app in a browser: photos from Firestore, as they are analysed, with previews from the API."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from google.cloud import firestore

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.domain.album_policy import AlbumPolicy, Redact
from photofinish.domain.photo import PhotoStatus
from photofinish.domain.sidecar import preview_name
from support.api import Api, app_of, jpeg
from support.browser import CLIENTS, environment, why_not
from support.firestore_server import FirestoreServer
from support.http_server import served
from support.index import VERSION
from support.pictures import astronaut

DEADLINE_S = 300
RULES_AND_INDEXES = Path(__file__).parents[3] / "terraform/firestore"


@pytest.mark.timeout(DEADLINE_S)
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_the_sample_app_shows_photos_and_previews(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, indexes = RULES_AND_INDEXES / "firestore.rules", RULES_AND_INDEXES / "firestore.indexes.json"
    with FirestoreServer(tmp_path / "state", rules=rules, indexes=indexes) as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.address)
        documents = FirestoreDocuments(firestore.Client(project="photofinish-local"))
        api.cloud.documents = documents
        store = api.cloud.derived
        assert isinstance(store, MemoryPhotoStore)
        # Pictures of an album that redacts come from the API itself, so that no storage server is needed.
        api.cloud.album_policies.set_policy("race", AlbumPolicy(redact=Redact.EVERYONE))
        for name in ("race/1.jpg", "race/2.jpg"):
            photo = store.upload(name, b"original")
            documents.record_queued(photo, event_at=datetime.now(UTC), trace_id="t")
        preview = preview_name(photo.ref, VERSION)
        store.put_derived(preview, jpeg(astronaut()), "image/jpeg")
        fields = {"renditions": {"preview": preview}, "bibs": [], "bib_numbers": ["42"]}
        documents.record_final(photo.ref, PhotoStatus.DONE, fields)
        with served(app_of(api.cloud, cors_origins=["http://localhost:*"])) as url:
            settings = {"album": "race", "api": url, "key": api.key, "emulator": server.address}
            done = subprocess.run(
                ["node", "sample_app.mjs", urlencode(settings), "2.jpg: 42", "42"],
                cwd=CLIENTS,
                env=environment(server),
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
                check=False,
            )
    assert done.returncode == 0, done.stdout + done.stderr
    listed, found = done.stdout.rsplit("Find", 1)
    assert "1.jpg: queued" in listed
    assert "2.jpg: 42" in found
    assert "1.jpg" not in found
