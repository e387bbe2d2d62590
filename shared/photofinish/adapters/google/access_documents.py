"""Access documents in Firestore, ``albums/{album}/access/users``, which `terraform/firestore/firestore.rules` reads."""

from __future__ import annotations

from dataclasses import asdict

from google.cloud.firestore import Client

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.access import AlbumAccess

_TIMEOUT_S = 30.0


class FirestoreAccessDocuments:
    """:class:`photofinish.ports.AccessDocuments` in Firestore.

    The document lies below the album's, not in it: an album without photos can be opened, and has no document yet.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    @unavailable_when_transient
    def write(self, album: str, access: AlbumAccess) -> None:
        document = self._client.collection("albums").document(album).collection("access").document("users")
        document.set(asdict(access), timeout=_TIMEOUT_S)
