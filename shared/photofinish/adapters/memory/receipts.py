"""Receipts of erasures in memory: the double of ``adapters/postgres/receipts.py``."""

from __future__ import annotations

from datetime import UTC, datetime

from photofinish.domain.receipt import Receipt
from photofinish.ports import ReceiptKey, UnknownReceipt


class MemoryReceipts:
    """:class:`photofinish.ports.ReceiptStore`."""

    def __init__(self) -> None:
        self._receipts: dict[str, Receipt] = {}
        self._keys: dict[str, ReceiptKey] = {}

    def keep(self, receipt: Receipt, public_key: bytes) -> Receipt:
        key = ReceiptKey(key_id=receipt.key_id, public_key=public_key, first_used_at=datetime.now(UTC))
        self._keys.setdefault(receipt.key_id, key)
        return self._receipts.setdefault(receipt.erasure_id, receipt)

    def receipt(self, erasure_id: str) -> Receipt:
        if erasure_id not in self._receipts:
            raise UnknownReceipt
        return self._receipts[erasure_id]

    def public_keys(self) -> list[ReceiptKey]:
        return list(self._keys.values())[::-1]
