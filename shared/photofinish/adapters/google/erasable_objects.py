"""Every version of the objects of all buckets, on Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from google.api_core import exceptions
from google.cloud.storage import Client
from google.cloud.storage.retry import DEFAULT_RETRY

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.adapters.google.photo_store import TIMEOUT_S
from photofinish.errors import NotFound
from photofinish.ports import ObjectVersion
from photofinish.ports.erasures import Bucket

_THREADS = 16


class GcsErasableObjects:
    """:class:`photofinish.ports.ErasableObjects`. A bucket's soft delete keeps what it keeps."""

    def __init__(self, client: Client, *, photo_bucket: str, derived_bucket: str, enrolment_bucket: str | None) -> None:
        self._client = client
        self._names: dict[Bucket, str | None] = {
            "photo_bucket": photo_bucket,
            "derived_bucket": derived_bucket,
            "enrolment_bucket": enrolment_bucket,
        }
        self._derived = client.bucket(derived_bucket)

    @unavailable_when_transient
    def versions(self, bucket: Bucket, prefix: str) -> Iterator[ObjectVersion]:
        name = self._names[bucket]
        if name is None:
            return
        for blob in self._client.list_blobs(name, prefix=prefix, versions=True, timeout=TIMEOUT_S):
            yield ObjectVersion(name=blob.name, generation=int(blob.generation), created_at=blob.time_created)

    @unavailable_when_transient
    def remove(self, bucket: Bucket, versions: Iterable[ObjectVersion]) -> None:
        name = self._names[bucket]
        if name is None:
            return
        place = self._client.bucket(name)

        def delete(version: ObjectVersion) -> None:
            try:
                # With the generation: without it a bucket with versions would keep the object as an older version.
                place.blob(version.name, generation=version.generation).delete(timeout=TIMEOUT_S)
            except exceptions.NotFound:
                return

        with ThreadPoolExecutor(_THREADS, "erase") as pool:
            for _ in pool.map(delete, versions):
                pass

    @unavailable_when_transient
    def read_derived(self, name: str) -> bytes:
        try:
            content: bytes = self._derived.blob(name).download_as_bytes(timeout=TIMEOUT_S)
        except exceptions.NotFound:
            raise NotFound(f"The derived object {name!r} does not exist.") from None
        return content

    @unavailable_when_transient
    def replace_derived(self, name: str, content: bytes, content_type: str) -> None:
        # The library retries an upload without a precondition only if it is told that a second one does no harm.
        self._derived.blob(name).upload_from_string(
            content, content_type=content_type, retry=DEFAULT_RETRY, timeout=TIMEOUT_S
        )
