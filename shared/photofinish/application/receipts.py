"""Sign receipts of erasures, and verify them: Ed25519 (RFC 8032), as any other tool can check it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from photofinish.domain.erasure import Erasure, ErasureTarget
from photofinish.domain.receipt import InvalidReceipt, Receipt, parse_receipt
from photofinish.errors import Misconfigured, NotFound
from photofinish.ports import ReceiptStore

SECRET_BYTES = 32


class SigningKey:
    """The private key of a deployment's receipts. Its repr shows nothing of it."""

    def __init__(self, secret: bytes) -> None:
        """Derive both keys from 32 random bytes."""
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"photofinish receipt targets")
        self._digest_key = derive.derive(secret)
        self.public_key = self._private.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public_key)

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read 32 random bytes in Base64, as the secret holds them; raises Misconfigured for anything else."""
        try:
            secret = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != SECRET_BYTES:
            raise Misconfigured(
                "PHOTOFINISH_RECEIPT_KEY: is not 32 random bytes in Base64; `head -c 32 /dev/urandom | base64` makes "
                "some."
            )
        return cls(secret)

    def sign(self, receipt: Receipt) -> Receipt:
        """Return the receipt with its signature."""
        return receipt.signed(self._private.sign(receipt.signed_bytes()))

    def digest(self, target: ErasureTarget) -> str:
        """Return the digest of a target: equal for equal targets, and meaningless without this key."""
        named = json.dumps([target.kind, target.album, target.id]).encode("ascii")
        return hmac.new(self._digest_key, named, hashlib.sha256).hexdigest()


class Receipts:
    """Issues the receipts of a deployment."""

    def __init__(self, store: ReceiptStore, key: SigningKey, *, software_version: str) -> None:
        self._store = store
        self._key = key
        self._software_version = software_version

    def issue(self, erasure: Erasure) -> Receipt:
        """Sign and keep the receipt of a finished erasure; the one that it has, if it has one already."""
        assert erasure.finished_at is not None, "an erasure gets its receipt when nothing is left"
        receipt = Receipt(
            erasure_id=erasure.id,
            target_kind=erasure.target.kind,
            target_digest=self._key.digest(erasure.target),
            reason=erasure.reason,
            started_at=erasure.started_at,
            finished_at=erasure.finished_at,
            removed=erasure.removed,
            software_version=self._software_version,
            key_id=self._key.key_id,
        )
        return self._store.keep(self._key.sign(receipt), self._key.public_key)


def key_id_of(public_key: bytes) -> str:
    """Return the id of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def verify(document: bytes, public_keys: Mapping[str, bytes]) -> Receipt:
    """Return the receipt of a document if one of `public_keys`, by key id, signed exactly these bytes.

    Raises:
        InvalidReceipt: it was changed, or is no receipt.
        NotFound: the key that it names is not among `public_keys`.
    """
    receipt = parse_receipt(document)
    public_key = public_keys.get(receipt.key_id)
    if public_key is None:
        known = ", ".join(sorted(public_keys)) or "none"
        raise NotFound(f"The receipt names the key {receipt.key_id}, which was not given; given: {known}.")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(receipt.signature, receipt.signed_bytes())
    except InvalidSignature:
        raise InvalidReceipt("the signature does not fit. It was changed, or signed by another key.") from None
    return receipt


def public_key_pem(public_key: bytes) -> str:
    """Write a public key as PEM (SubjectPublicKeyInfo), as `openssl` reads it."""
    return (
        Ed25519PublicKey.from_public_bytes(public_key)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode("ascii")
    )


def parse_public_keys(pem: bytes) -> dict[str, bytes]:
    """Read the Ed25519 public keys of a PEM file, one or several, by key id; raises Misconfigured if it has none."""
    end = b"-----END PUBLIC KEY-----"
    found = {}
    for block in pem.split(end)[:-1]:
        try:
            key = serialization.load_pem_public_key(block.lstrip() + end + b"\n")
        except ValueError as error:
            raise Misconfigured(f"A public key of the file cannot be read: {error}") from None
        if not isinstance(key, Ed25519PublicKey):
            raise Misconfigured("A public key of the file is no Ed25519 key.")
        raw = key.public_bytes_raw()
        found[key_id_of(raw)] = raw
    if not found:
        raise Misconfigured("The file holds no public key (-----BEGIN PUBLIC KEY-----).")
    return found
