"""The real API on a real Postgres, with the real models: Firestore and the derived bucket are public doubles."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, request
from flask.testing import FlaskClient
from numpy.typing import NDArray
from werkzeug.test import TestResponse

from photofinish.adapters.memory.access_documents import MemoryAccessDocuments
from photofinish.adapters.memory.budgets import MemoryHaltedAlbums
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.retention import MemoryRetentionRuns
from photofinish.adapters.memory.webhook_deliveries import MemoryWebhookMessages
from photofinish.adapters.memory.work import MemoryGpuStates, MemoryTaskLeases
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.database import Database
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.access import RateLimit, Scope
from photofinish.domain.face import Face
from photofinish.settings import Settings
from photofinish.wiring import App
from photofinish_functions.access.gate import Gate
from photofinish_functions.api.app import make_app
from photofinish_functions.api.document import complete_document, operations
from support.access import SECRETS, new_key
from support.models import shared_decoders
from support.pictures import astronaut, group

ORIGIN = "https://photos.example.org"
PHOTO_BUCKET = "photos"
RATE = RateLimit(per_second=10_000, burst=10_000)


@dataclass
class Api:
    """The application, and a client that holds a key of all albums."""

    app: Flask
    cloud: App
    key: str

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def key_for(self, scope: Scope = Scope.SEARCH, albums: frozenset[str] | None = None, **changes: Any) -> str:
        """A new key, with limits that no test reaches unless it sets its own."""
        access = self.cloud.access
        assert isinstance(access, PgAccessStore)
        return new_key(access, **{"scope": scope, "albums": albums, "rate": RATE} | changes).text

    @property
    def database(self) -> Database:
        return self.cloud._database

    def call(self, method: str, path: str, *, key: str | None = None, **request: Any) -> TestResponse:
        """A request to ``/v1{path}``."""
        headers = {"X-Api-Key": key or self.key} | request.pop("headers", {})
        return self.client.open(f"/v1{path}", method=method, headers=headers, **request)

    def search(self, album: str, /, *selfies: bytes, key: str | None = None, **criteria: Any) -> TestResponse:
        """As JSON, or with `selfies` as a form whose part `query` is that JSON."""
        path = f"/albums/{quote(album, safe='')}/search"
        if not selfies:
            return self.call("POST", path, key=key, json=criteria)
        form: dict[str, Any] = {"selfie": files(*selfies)}
        if criteria:
            form["query"] = (io.BytesIO(json.dumps(criteria).encode()), "query.json", "application/json")
        return self.call("POST", path, key=key, data=form)

    def audit(self) -> list[tuple[Any, ...]]:
        """Every audit entry: principal, action, album, target, outcome, request id, count."""
        with self.database.transaction() as conn:
            return conn.execute(
                "SELECT principal_id, action, album, target, outcome, request_id, count FROM audit_entry ORDER BY at"
            ).fetchall()


@pytest.fixture(scope="session")
def encoder(model_settings: ModelSettings) -> FaceEncoder:
    return FaceEncoder.load(model_settings)


@pytest.fixture
def api(database: str, encoder: FaceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_key_file(tmp_path)))
    with running_api(database, encoder, monkeypatch.setenv) as made:
        yield made


@contextmanager
def running_api(conninfo: str, encoder: FaceEncoder, setenv: Callable[[str, str], None]) -> Iterator[Api]:
    """The API as a function's instance makes it; its settings are put into the environment by `setenv`."""
    for name, value in {
        "DATABASE_URL": conninfo,
        **SECRETS,
        "PHOTOFINISH_FAILURE_RATE": "10000/10000",
        "GOOGLE_CLOUD_PROJECT": "test",
        "PHOTOFINISH_REGION": "local",
        "PHOTOFINISH_PHOTO_BUCKET": PHOTO_BUCKET,
        "PHOTOFINISH_DERIVED_BUCKET": "derived",
        "PHOTOFINISH_ENROLMENT_BUCKET": "enrolments",
    }.items():
        setenv(name, value)
    setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")  # links are signed without asking anybody
    cloud = App(Settings.from_env())
    cloud.documents = cloud.erasable_documents = documents = MemoryDocuments()
    cloud.gpu_states = MemoryGpuStates()
    cloud.halted_albums = MemoryHaltedAlbums()
    cloud.leases = MemoryTaskLeases()
    cloud.people_documents = documents.people_documents
    cloud.album_documents = documents.album_documents
    cloud.access_documents = MemoryAccessDocuments()
    cloud.retention_runs = MemoryRetentionRuns()
    cloud.webhook_messages = MemoryWebhookMessages()
    cloud.derived = cloud.originals = cloud.erasable_objects = MemoryPhotoStore()
    cloud.encoder = encoder  # loaded once for all tests, as decoders are started once
    cloud.decoders = shared_decoders()
    with _shared_app(cloud) as shared:
        made = Api(shared.app, cloud, "")
        made.key = made.key_for(Scope.ADMIN, may_use_vectors=True)
        try:
            yield made
        finally:
            made.database.close()
        assert not shared.undocumented, f"errors that the document does not list: {sorted(shared.undocumented)}"


class _StandIn:
    """The cloud of the test that runs, for an application that is made once: making one takes longer than most tests.

    Nothing may be asked of it while the application is made, since what is asked then would be that of the first test.
    """

    __slots__ = ("cloud",)

    def __init__(self) -> None:
        self.cloud: App | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cloud, name)


class _SharedApp:
    def __init__(self) -> None:
        self._cloud = _StandIn()
        self._gate: Callable[[], Gate] | None = None
        self.app = make_app(cast(App, self._cloud), self._gate_of_the_test, cors_origins=[ORIGIN])
        self.undocumented = watch_error_codes(self.app)

    def use(self, cloud: App | None) -> None:
        self._cloud.cloud = cloud
        self._gate = None if cloud is None else functools.cache(_gate_of(cloud))
        self.undocumented.clear()

    def _gate_of_the_test(self) -> Gate:
        assert self._gate is not None
        return self._gate()


_free_apps: list[_SharedApp] = []


@contextmanager
def _shared_app(cloud: App) -> Iterator[_SharedApp]:
    """An application that no other test uses now."""
    shared = _free_apps.pop() if _free_apps else _SharedApp()
    shared.use(cloud)
    try:
        yield shared
    finally:
        shared.use(None)
        _free_apps.append(shared)


def app_of(cloud: App, **options: Any) -> Flask:
    """The application over `cloud`, with one gate, as the function makes it."""
    return make_app(cloud, functools.cache(_gate_of(cloud)), **options)


def _gate_of(cloud: App) -> Callable[[], Gate]:
    return lambda: Gate(cloud.access, cloud.access_settings, sessions=cloud.sessions, shares=cloud.shares)


def watch_error_codes(app: Flask) -> set[str]:
    """Return a set that gets every error with which `app` answers although its OpenAPI document does not list it."""
    undocumented: set[str] = set()
    listed: dict[tuple[str, str], set[tuple[str, str]]] = {}

    def read_document() -> None:
        document = complete_document(app.api_doc, app)  # type: ignore[attr-defined]
        for path, method, operation in operations(document):
            listed[method, path] = {
                (status, code)
                for status, answer in operation["responses"].items()
                if int(status) >= 400
                for code in answer["content"]["application/json"]["examples"]
            }

    @app.after_request
    def check(answer: Response) -> Response:
        if answer.status_code >= 400 and request.url_rule is not None and request.method != "OPTIONS":
            if not listed:
                read_document()
            method = "get" if request.method == "HEAD" else request.method.lower()
            path = request.url_rule.rule.replace("<", "{").replace(">", "}")
            code = (answer.get_json(silent=True) or {}).get("error", {}).get("code", "none")
            if (str(answer.status_code), code) not in listed[method, path]:
                undocumented.add(f"{method} {path}: {answer.status_code} {code}")
        return answer

    return undocumented


@functools.cache
def _service_account() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {"type": "service_account", "project_id": "test", "client_email": "api@test.iam.gserviceaccount.com"}
    return json.dumps(account | {"private_key": pem.decode(), "token_uri": "https://oauth2.googleapis.com/token"})


def write_key_file(folder: Path) -> Path:
    path = folder / "service_account.json"
    path.write_text(_service_account())
    return path


def files(*contents: bytes) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(content), f"picture {number}.jpg") for number, content in enumerate(contents)]


def jpeg(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def selfie_of_astronaut() -> bytes:
    """Another picture than the sample: mirrored, cropped, smaller, brighter."""
    portrait = cv2.flip(astronaut()[0:300, 80:380], 1)
    smaller = cv2.resize(portrait, (240, 240), interpolation=cv2.INTER_AREA)
    return jpeg(np.asarray(cv2.convertScaleAbs(smaller, alpha=1.1, beta=10), np.uint8))


def selfie_of_group_member(person: Face) -> bytes:
    """A square around one face of the group picture."""
    picture = group()
    height, width = picture.shape[:2]
    x, y, w, h = (round(value) for value in person.box.to_pixels(width, height))
    side = round(max(w, h) * 1.3)
    left, top = max(x + w // 2 - side // 2, 0), max(y + h // 2 - side // 2, 0)
    return jpeg(picture[top : top + side, left : left + side])


def error_of(response: TestResponse) -> tuple[int, str]:
    """Status and code; checks that the answer is an error as documented."""
    body = response.get_json()
    assert response.mimetype == "application/json"
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "request_id"}
    assert body["error"]["message"]
    assert body["error"]["request_id"] == response.headers["X-Request-Id"]
    return response.status_code, body["error"]["code"]


def names_of(response: TestResponse) -> list[str]:
    """The photos of a search's answer, in its order."""
    assert response.status_code == 200, response.get_json()
    return [photo["photo"]["name"] for photo in response.get_json()["photos"]]
