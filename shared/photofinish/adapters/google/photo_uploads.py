"""PhotoUploads on Google Cloud Storage."""

from __future__ import annotations

from pathlib import Path

from google.cloud.storage import Client
from google.cloud.storage.retry import DEFAULT_RETRY

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.photo import PhotoRef
from photofinish.ports import UploadedFile

_TIMEOUT_S = 120.0


class GcsPhotoUploads:
    """Uploads are verified by a checksum."""

    def __init__(self, client: Client, photo_bucket: str) -> None:
        self._bucket = client.bucket(photo_bucket)

    @unavailable_when_transient
    def uploaded(self, album: str) -> dict[str, UploadedFile]:
        blobs = self._bucket.client.list_blobs(self._bucket, prefix=f"{album}/", timeout=_TIMEOUT_S)
        return {
            blob.name: UploadedFile(
                ref=PhotoRef(bucket=self._bucket.name, name=blob.name, generation=int(blob.generation)),
                size_bytes=int(blob.size),
                crc32c=blob.crc32c,
            )
            for blob in blobs
        }

    @unavailable_when_transient
    def upload(self, file: Path, name: str, content_type: str) -> PhotoRef:
        blob = self._bucket.blob(name)
        # Always retried: after a lost response the same content only gets a newer generation.
        blob.upload_from_filename(
            str(file), content_type=content_type, timeout=_TIMEOUT_S, retry=DEFAULT_RETRY, checksum="crc32c"
        )
        return PhotoRef(bucket=self._bucket.name, name=name, generation=int(blob.generation))
