"""The documents of albums in Firestore, ``albums/{album}``, as their cards have it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import Client, Transaction, transactional

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.album_card import AlbumCard, card_fields

_TIMEOUT_S = 30.0


class FirestoreAlbumDocuments:
    """:class:`photofinish.ports.AlbumDocuments` in Firestore."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @unavailable_when_transient
    def write(self, album: str, card: AlbumCard) -> None:
        document = self._client.collection("albums").document(album)

        @transactional
        def write(transaction: Transaction) -> None:
            known = document.get(transaction=transaction, timeout=_TIMEOUT_S).to_dict() or {}
            created: dict[str, Any] = {} if "created_at" in known else {"created_at": datetime.now(UTC)}
            transaction.set(document, card_fields(album, card) | created, merge=True)

        write(self._client.transaction())
