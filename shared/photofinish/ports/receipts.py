"""Where receipts of erasures are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from photofinish.domain.receipt import Receipt
from photofinish.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptKey:
    """A key that receipts are or were signed with."""

    key_id: str
    public_key: bytes
    """32 bytes, Ed25519."""
    first_used_at: datetime


class UnknownReceipt(NotFound):
    """No receipt is kept of an erasure: it is unknown, or has not finished."""

    code = "unknown_receipt"

    def __init__(self) -> None:
        super().__init__("There is no receipt of this erasure: it is unknown, or has not finished.")


class ReceiptStore(Protocol):
    """Signed receipts and the public keys to verify them; neither is ever changed or deleted."""

    def keep(self, receipt: Receipt, public_key: bytes) -> Receipt:
        """Keep the receipt, and the key that it is signed with; return the kept one.

        An erasure has one receipt: where one is kept already, that one is returned and nothing is changed.
        """
        ...

    def receipt(self, erasure_id: str) -> Receipt:
        """Return the receipt of an erasure.

        Raises:
            UnknownReceipt: none is kept.
        """
        ...

    def public_keys(self) -> list[ReceiptKey]:
        """Return every key that a kept receipt was signed with, the latest first."""
        ...
