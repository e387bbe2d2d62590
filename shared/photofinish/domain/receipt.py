"""Receipts of erasures: what was removed where, without personal data, in a form that can be signed.

A receipt holds codes, counts, times and a keyed digest of its target: no name, no album, no id of a person or photo.
Its document is canonical JSON: sorted keys, no spaces, ASCII, one line. So equal receipts have equal bytes, and
a document with any other byte is refused before its signature is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from photofinish.errors import RejectedInput

FORMAT = "photofinish-erasure-receipt/1"
ALGORITHM = "Ed25519"
SIGNATURE_BYTES = 64
MAX_DOCUMENT_BYTES = 64 * 1024
_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_ERASURE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,50}")
_UNSIGNED = bytes(SIGNATURE_BYTES)


class InvalidReceipt(RejectedInput):
    """A document is no receipt, or was changed after it was signed."""

    def __init__(self, why: str) -> None:
        super().__init__("receipt_invalid", f"This is no valid receipt: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What one erasure removed, signed by the deployment that did it."""

    erasure_id: str
    """A UUID, in lower case."""
    target_kind: str
    """`photo`, `face`, `faces`, `person` or `album`."""
    target_digest: str
    """HMAC-SHA-256 of the target, in hexadecimal: without the deployment's key it cannot be traced to the target."""
    reason: str
    """A code, such as `request`."""
    started_at: datetime
    finished_at: datetime
    removed: Mapping[str, Mapping[str, int]]
    """Store → kind → how many were removed: `{"postgres": {"faces": 3}}`."""
    software_version: str
    key_id: str
    """Id of the key that signed: the first 16 hexadecimal digits of the SHA-256 of its public key."""
    signature: bytes = _UNSIGNED
    """64 bytes; zeros until it is signed."""

    def __post_init__(self) -> None:
        """Raise ValueError for a field that could hold more than codes, counts and times."""
        for name, pattern in (
            ("erasure_id", _ERASURE_ID),
            ("target_kind", _CODE),
            ("target_digest", _DIGEST),
            ("reason", _CODE),
            ("software_version", _VERSION),
            ("key_id", _KEY_ID),
        ):
            if not pattern.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} has not the form {pattern.pattern}")
        for store, kinds in self.removed.items():
            for code in (store, *kinds):
                if not _CODE.fullmatch(code):
                    raise ValueError(f"removed: a store or kind has not the form {_CODE.pattern}")
            if not all(type(count) is int and count >= 0 for count in kinds.values()):
                raise ValueError(f"removed: a count of {store} is no number from 0")
        if len(self.signature) != SIGNATURE_BYTES:
            raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes")

    def signed(self, signature: bytes) -> Receipt:
        """Return this receipt with its signature."""
        return replace(self, signature=signature)

    def signed_bytes(self) -> bytes:
        """Return what the signature is made of: the canonical JSON of everything but the signature."""
        return _canonical(self._fields())

    def document(self) -> bytes:
        """Return the whole receipt as one line of canonical JSON, with its line break."""
        return receipt_document(self._fields() | {"signature": self.signature.hex()})

    def _fields(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "algorithm": ALGORITHM,
            "erasure_id": self.erasure_id,
            "target": {"kind": self.target_kind, "digest": self.target_digest},
            "reason": self.reason,
            "started_at": _written(self.started_at),
            "finished_at": _written(self.finished_at),
            "removed": {store: dict(kinds) for store, kinds in self.removed.items()},
            "software_version": self.software_version,
            "key_id": self.key_id,
        }


def receipt_document(fields: Mapping[str, Any]) -> bytes:
    """Return the document of a receipt's parsed JSON, as it was before it was parsed."""
    return _canonical(fields) + b"\n"


def parse_receipt(document: bytes) -> Receipt:
    """Return the receipt of a document; its signature is not checked here.

    Raises:
        InvalidReceipt: it is not, byte for byte, what :meth:`Receipt.document` returns.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise InvalidReceipt(f"it has more than {MAX_DOCUMENT_BYTES} bytes.")
    try:
        fields = json.loads(document)
        receipt = Receipt(
            erasure_id=fields["erasure_id"],
            target_kind=fields["target"]["kind"],
            target_digest=fields["target"]["digest"],
            reason=fields["reason"],
            started_at=_read(fields["started_at"]),
            finished_at=_read(fields["finished_at"]),
            removed=fields["removed"],
            software_version=fields["software_version"],
            key_id=fields["key_id"],
            signature=bytes.fromhex(_checked(_SIGNATURE, fields["signature"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise InvalidReceipt(
            "it lacks a field, or a field has another form. It was changed, or is no receipt."
        ) from None
    if receipt.document() != document:
        raise InvalidReceipt("its bytes are not those that were signed. It was changed, or saved in another form.")
    return receipt


def _canonical(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def _written(moment: datetime) -> str:
    """`2026-11-29T04:07:00.120000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _read(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"not of the form {pattern.pattern}")
    return text
