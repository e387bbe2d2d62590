"""The secrets of a local cloud: made on first use, kept in its state directory, readable by its owner only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from photofinish.domain.access import PresentedKey
from photofinish.errors import Misconfigured

PROJECT = "photofinish-local"
API_KEY_FILE = "api_key"
_AWS_KEY_SECRET_FILE = "key_secret"  # noqa: S105 - its name
_TOKEN_SECRET_FILE = "token_secret"  # noqa: S105 - its name
_PEPPER_FILE = "pepper"
_SIGNING_KEY_FILE = "service_account.json"
_LINK_KEY_FILE = "link_key"
_RECEIPT_KEY_FILE = "receipt_key"
_WEBHOOK_KEY_FILE = "webhook_key"


def api_key(state_dir: Path) -> PresentedKey:
    """The key of this local cloud that may do everything, made on first use; only its owner can read the file.

    Raises:
        Misconfigured: the file holds something else, such as a key of a version whose keys had no id.
    """
    path = state_dir / API_KEY_FILE
    key = PresentedKey.parse(_kept_secret(path, lambda: PresentedKey.generate().text))
    if key is None:
        raise Misconfigured(
            f"{path} holds a key of an earlier version, or none: delete the file, and `photofinish up` makes a new key"
        )
    return key


def aws_key_secret(state_dir: Path) -> str:
    """What this local cloud derives AWS credentials from, kept as its API key is."""
    return _kept_secret(state_dir / _AWS_KEY_SECRET_FILE, lambda: secrets.token_hex(32))


def token_secret(state_dir: Path) -> str:
    """What this local cloud signs page tokens and links to pictures with."""
    return _kept_secret(state_dir / _TOKEN_SECRET_FILE, lambda: secrets.token_hex(32))


def pepper(state_dir: Path) -> str:
    """What this local cloud keys its hashes of addresses and searches with."""
    return _kept_secret(state_dir / _PEPPER_FILE, lambda: secrets.token_hex(32))


def link_key(state_dir: Path) -> str:
    """An HMAC key like those of Cloud Storage, to sign links with."""
    return _kept_secret(state_dir / _LINK_KEY_FILE, lambda: f"LOCAL:{secrets.token_hex(20)}")


def receipt_key(state_dir: Path) -> str:
    """What this local cloud signs receipts of erasures with."""
    return _kept_secret(state_dir / _RECEIPT_KEY_FILE, lambda: base64.b64encode(secrets.token_bytes(32)).decode())


def webhook_key(state_dir: Path) -> str:
    """What this local cloud derives the secrets of webhooks from."""
    return _kept_secret(state_dir / _WEBHOOK_KEY_FILE, lambda: secrets.token_hex(32))


def signing_credentials(state_dir: Path) -> str:
    """A file like a service account's key, made on first use, to sign links with; no cloud knows the account."""
    path = state_dir / _SIGNING_KEY_FILE
    _kept_secret(path, _service_account_key)
    return str(path)


def _service_account_key() -> str:
    # Imported here: the file is made once, and most commands only read it.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    email = f"photofinish@{PROJECT}.iam.gserviceaccount.com"
    return json.dumps(
        {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": secrets.token_hex(20),
            "private_key": pem.decode("ascii"),
            "client_email": email,
            "client_id": "0",
            "token_uri": "http://127.0.0.1:9/no-tokens-are-needed-here",
        }
    )


def _kept_secret(path: Path, make: Callable[[], str]) -> str:
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = make()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    return secret
