"""One whole local cloud for all end-to-end tests, started by the command that people type."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from google.cloud import storage
from google.cloud.firestore import Client as FirestoreClient

from photofinish.domain.photo import FINAL_STATUSES, PhotoRef
from support.leaks import leaks
from support.local_stack import EMULATOR_VARIABLES
from support.mail_server import PASSWORD, USER
from support.ports import free_port
from support.webhook_receiver import certificate

ALL_FINAL_TIMEOUT_S = 150.0


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud as an app's developer sees it: an environment and official clients."""

    state_dir: Path
    environment: dict[str, str]
    mail_port: int = 0
    """Where the local cloud expects a mail server, which a test starts with `mail_tls`."""
    mail_tls: ssl.SSLContext | None = None

    def command(
        self, *arguments: str, check: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`photofinish …` in a process of its own, with nothing but the state directory (and `env`) to go by."""
        # Not the servers of another local cloud, which `photofinish env` may have named in the shell of the tests.
        inherited = {name: value for name, value in os.environ.items() if name not in EMULATOR_VARIABLES}
        result = subprocess.run(
            [sys.executable, "-m", "photofinish_cli", *arguments],
            env=inherited | {"PHOTOFINISH_STATE_DIR": str(self.state_dir)} | (env or {}),
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert not check or result.returncode == 0, f"{arguments} ended with {result.returncode}:\n{result.stderr}"
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self.command(*arguments, "--json").stdout)

    @property
    def bucket(self) -> storage.Bucket:
        return storage.Client(project=self.environment["GOOGLE_CLOUD_PROJECT"]).bucket(
            self.environment["PHOTOFINISH_PHOTO_BUCKET"]
        )

    @property
    def derived_bucket(self) -> storage.Bucket:
        return storage.Client(project=self.environment["GOOGLE_CLOUD_PROJECT"]).bucket(
            self.environment["PHOTOFINISH_DERIVED_BUCKET"]
        )

    @property
    def firestore(self) -> FirestoreClient:
        return FirestoreClient(project=self.environment["GOOGLE_CLOUD_PROJECT"])

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
            return connection.execute(statement, parameters).fetchall()  # type: ignore[arg-type]

    def upload(self, name: str, content: bytes, content_type: str = "image/jpeg") -> PhotoRef:
        blob = self.bucket.blob(name)
        blob.upload_from_string(content, content_type=content_type)
        return PhotoRef(bucket=blob.bucket.name, name=name, generation=int(blob.generation))

    def document(self, ref: PhotoRef) -> dict[str, Any] | None:
        path = f"albums/{ref.album}/photos/{ref.photo_id}"
        fields: dict[str, Any] | None = self.firestore.document(path).get().to_dict()
        return fields

    def final_documents(self, refs: Sequence[PhotoRef]) -> list[dict[str, Any]]:
        """The documents of `refs`, once all have a final status."""

        def all_final() -> list[dict[str, Any]] | None:
            documents = [self.document(ref) for ref in refs]
            final = [
                fields
                for ref, fields in zip(refs, documents, strict=True)
                if fields and fields["object"]["generation"] == ref.generation and fields["status"] in FINAL_STATUSES
            ]
            return final if len(final) == len(refs) else None

        return wait_for(all_final, f"a final status of {len(refs)} photos", ALL_FINAL_TIMEOUT_S)

    def pids(self) -> dict[str, int]:
        """Process of each piece."""
        state = json.loads((self.state_dir / "stack.json").read_text())
        return {name: piece["pid"] for name, piece in state["pieces"].items() if piece["pid"]}

    def kill(self, name: str) -> None:
        """End the processes of a piece as a crash does; another is started in its place."""
        root = psutil.Process(self.pids()[name])
        for process in (root, *root.children(recursive=True)):
            process.kill()


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain for {what}"
        time.sleep(0.2)
    return value


@pytest.fixture(scope="session")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One local cloud for all end-to-end tests: it takes long to start."""
    state_dir = tmp_path_factory.mktemp("local-cloud") / "state"
    made = LocalCloud(state_dir, {})
    mail_port = free_port()
    mail_tls, _ = certificate(state_dir.parent, "localhost")
    telling = {
        "PHOTOFINISH_NOTIFICATION_CHANNELS": "email,webhook",
        "PHOTOFINISH_PUBLIC_URL": "https://photos.example.org",
        "PHOTOFINISH_SMTP_HOST": "localhost",
        "PHOTOFINISH_SMTP_PORT": str(mail_port),
        "PHOTOFINISH_SMTP_USER": USER,
        "PHOTOFINISH_SMTP_PASSWORD": PASSWORD,
        "PHOTOFINISH_MAIL_FROM": "Photos <photos@example.org>",
        "SSL_CERT_FILE": str(state_dir.parent / "localhost.pem"),
        "PHOTOFINISH_LABEL_SEARCH": "1",
    }
    made.command("up", "--detach", "--json", env=telling)
    try:
        cloud = LocalCloud(state_dir, made.json("env"), mail_port, mail_tls)
        yield cloud
        names = {name for (name,) in cloud.sql("SELECT name FROM person WHERE name IS NOT NULL")}
        secret_files = ("api_key", "key_secret", "token_secret", "pepper", "receipt_key", "webhook_key")
        secrets = names | {PASSWORD} | {(state_dir / name).read_text(encoding="ascii") for name in secret_files}
        logs = sorted((state_dir / "logs").iterdir())
        assert logs, "the pieces log"
        assert [leak for log in logs for leak in leaks(log.name, log.read_bytes(), secrets)] == []
    finally:
        made.command("down")


@pytest.fixture(scope="module")
def cloud(shared_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The shared local cloud, named by the environment, for the tests of one file: others may follow in this process,
    and official clients there must not find a local server.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shared_cloud.environment.items():
            patch.setenv(name, value)
        yield shared_cloud
