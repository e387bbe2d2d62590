"""Receipts of erasures in Postgres; statements in `sql/receipts.sql`."""

from __future__ import annotations

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.sql import Statements
from photofinish.domain.receipt import Receipt, parse_receipt
from photofinish.ports import ReceiptKey, UnknownReceipt

_query = Statements("receipts")


class PgReceipts:
    """:class:`photofinish.ports.ReceiptStore`; all methods raise what :meth:`Database.transaction` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, receipt: Receipt, public_key: bytes) -> Receipt:
        with self._database.transaction() as conn:
            conn.execute(_query("add_key"), {"key_id": receipt.key_id, "public_key": public_key})
            values = {"erasure_id": receipt.erasure_id, "key_id": receipt.key_id, "document": receipt.document()}
            if conn.execute(_query("add_receipt"), values).rowcount:
                return receipt
        return self.receipt(receipt.erasure_id)

    def receipt(self, erasure_id: str) -> Receipt:
        with self._database.autocommit() as conn:
            row = conn.execute(_query("receipt"), {"erasure_id": erasure_id}).fetchone()
        if row is None:
            raise UnknownReceipt
        return parse_receipt(bytes(row[0]))

    def public_keys(self) -> list[ReceiptKey]:
        with self._database.autocommit() as conn:
            return [
                ReceiptKey(key_id=key_id, public_key=bytes(public_key), first_used_at=first_used_at)
                for key_id, public_key, first_used_at in conn.execute(_query("public_keys"))
            ]
