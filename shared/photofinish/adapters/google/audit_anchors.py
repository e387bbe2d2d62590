"""Anchors of the audit as objects ``anchors/{after}.jsonl`` of a bucket whose retention policy keeps them."""

from __future__ import annotations

from collections.abc import Iterator

from google.api_core.exceptions import PreconditionFailed
from google.cloud.storage import Blob, Client

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.audit_chain import Anchor
from photofinish.errors import Misconfigured

_PREFIX = "anchors/"
_DIGITS = 19  # of the largest number that Postgres gives an entry: names sort as numbers do
_TIMEOUT_S = 60.0


class GcsAuditAnchors:
    """:class:`photofinish.ports.AuditAnchors` in a bucket."""

    def __init__(self, client: Client, bucket: str) -> None:
        self._bucket = client.bucket(bucket)

    @unavailable_when_transient
    def newest(self) -> Anchor | None:
        blobs = self._blobs()
        return _read(blobs[-1]) if blobs else None

    @unavailable_when_transient
    def add(self, anchor: Anchor) -> bool:
        blob = self._bucket.blob(f"{_PREFIX}{anchor.after:0{_DIGITS}}.jsonl")
        try:
            blob.upload_from_string(
                anchor.to_text(), content_type="application/jsonl", if_generation_match=0, timeout=_TIMEOUT_S
            )
        except PreconditionFailed:
            return False
        return True

    def all(self) -> Iterator[Anchor]:
        for blob in self._blobs():
            yield _read(blob)

    def _blobs(self) -> list[Blob]:
        return sorted(self._bucket.list_blobs(prefix=_PREFIX, timeout=_TIMEOUT_S), key=lambda blob: str(blob.name))


@unavailable_when_transient
def _read(blob: Blob) -> Anchor:
    try:
        return Anchor.from_text(blob.download_as_text(timeout=_TIMEOUT_S))
    except ValueError as error:
        raise Misconfigured(f"gs://{blob.bucket.name}/{blob.name} cannot be read: {error}.") from None
