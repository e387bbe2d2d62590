"""The bucket of uploaded enrolment pictures; each is deleted once it was processed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from google.api_core import exceptions
from google.cloud.storage import Client

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.adapters.google.photo_store import TIMEOUT_S, read_at_most, stored_photo
from photofinish.domain.photo import PhotoRef, StoredPhoto
from photofinish.errors import PhotoGone


class GcsEnrolmentPictures:
    """Objects named by `application/people/enrolment.py`. The bucket keeps no versions and no deleted objects."""

    def __init__(self, client: Client, bucket: str) -> None:
        self._client = client
        self._bucket = client.bucket(bucket)

    @unavailable_when_transient
    def read(self, picture: PhotoRef, *, max_bytes: int) -> bytes:
        blob = self._bucket.blob(picture.name, generation=picture.generation)
        try:
            return read_at_most(blob, max_bytes)
        except exceptions.NotFound:
            raise PhotoGone("picture_gone", "The picture does not exist any more.") from None

    @unavailable_when_transient
    def delete(self, picture: PhotoRef) -> None:
        try:
            self._bucket.blob(picture.name, generation=picture.generation).delete(timeout=TIMEOUT_S)
        except exceptions.NotFound:
            return

    @unavailable_when_transient
    def uploaded_before(self, moment: datetime) -> Iterator[StoredPhoto]:
        for blob in self._client.list_blobs(self._bucket, timeout=TIMEOUT_S):
            if blob.time_created < moment:
                yield stored_photo(blob)
