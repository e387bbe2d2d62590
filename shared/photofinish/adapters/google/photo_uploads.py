"""PhotoUploads on Google Cloud Storage."""

from __future__ import annotations

import base64
from itertools import chain
from pathlib import Path

import google_crc32c
from google.api_core import exceptions
from google.cloud.storage import Blob, Client
from google.cloud.storage.retry import DEFAULT_RETRY

from photofinish.adapters.google.errors import TRANSIENT, unavailable_when_transient
from photofinish.domain.photo import PhotoRef, album_prefixes
from photofinish.errors import Conflict, RejectedInput
from photofinish.ports import UploadedFile

_TIMEOUT_S = 120.0


class GcsPhotoUploads:
    """Uploads are verified by a checksum."""

    def __init__(self, client: Client, photo_bucket: str) -> None:
        self._bucket = client.bucket(photo_bucket)

    @unavailable_when_transient
    def uploaded(self, album: str) -> dict[str, UploadedFile]:
        client = self._bucket.client
        blobs = chain.from_iterable(
            client.list_blobs(self._bucket, prefix=prefix, timeout=_TIMEOUT_S) for prefix in album_prefixes(album)
        )
        return {
            blob.name: UploadedFile(
                ref=PhotoRef(bucket=self._bucket.name, name=blob.name, generation=int(blob.generation)),
                size_bytes=int(blob.size),
                crc32c=blob.crc32c,
            )
            for blob in blobs
        }

    @unavailable_when_transient
    def upload(self, file: Path, name: str, content_type: str, *, replaces: int | None = None) -> PhotoRef:
        blob = self._bucket.blob(name)
        try:
            # Always retried: after a lost response the same content only gets a newer generation.
            blob.upload_from_filename(
                str(file),
                content_type=content_type,
                timeout=_TIMEOUT_S,
                retry=DEFAULT_RETRY,
                checksum="crc32c",
                if_generation_match=replaces,
            )
        except exceptions.PreconditionFailed:
            # It may be this file's: uploaded by a request whose response was lost, or by another upload of it.
            blob.reload(timeout=_TIMEOUT_S)
            if not _is_content_of(blob, file):
                raise Conflict("name_taken", f"another photo has the name {name}") from None
        except exceptions.ClientError as error:
            if isinstance(error, TRANSIENT):
                raise
            raise RejectedInput("upload_refused", f"the storage does not take it: {_reason(error)}") from error
        return PhotoRef(bucket=self._bucket.name, name=name, generation=int(blob.generation))


def _is_content_of(blob: Blob, file: Path) -> bool:
    checksum = google_crc32c.Checksum(file.read_bytes())  # type: ignore[no-untyped-call]
    return bool(blob.crc32c == base64.b64encode(checksum.digest()).decode())  # type: ignore[no-untyped-call]


def _reason(error: exceptions.ClientError) -> str:
    """What the server said, without the address of the request."""
    try:
        answered = error.response.json()["error"]["message"]
    except (AttributeError, KeyError, TypeError, ValueError):
        answered = error.message
    return f"{answered} (HTTP {error.code})"
