"""Links to renditions, signed locally with an HMAC key of Cloud Storage in a few microseconds each.

A page of search results has twenty links. Signed by RSA they take as much processor time as the search itself, by IAM
twenty requests to Google. The signature is Cloud Storage's V4 with GOOG4-HMAC-SHA256, described at
https://cloud.google.com/storage/docs/authentication/signatures; Google's own library signs only by RSA.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

from photofinish.domain.export_names import attachment
from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import AnnouncedFile
from photofinish.errors import Misconfigured
from photofinish.ports import BucketKind, PhotoLinks, SignedUpload

# Links to one object are equal within this time, on all instances, so that phones and browsers can cache the picture.
SAME_FOR_S = 300
_ALGORITHM = "GOOG4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class HmacKey:
    """An HMAC key of a service account; its links give access to what the account may read."""

    access_id: str
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> HmacKey:
        """Parse ``ACCESS_ID:SECRET``; raises Misconfigured without repeating the text."""
        access_id, _, secret = text.strip().partition(":")
        if not (access_id and secret):
            raise Misconfigured(
                "PHOTOFINISH_LINK_KEY is not ACCESS_ID:SECRET of an HMAC key of Cloud Storage: "
                "create one with `gcloud storage hmac create`."
            )
        return cls(access_id, secret)


class HmacPhotoLinks:
    """Signs links to renditions itself and leaves uploads and originals, which are rare, to `uploads`.

    A link to a rendition is valid up to `SAME_FOR_S` longer than requested.
    """

    def __init__(
        self,
        uploads: PhotoLinks,
        key: HmacKey,
        *,
        endpoint: str,
        derived_bucket: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`endpoint` is the address of the storage: ``https://storage.googleapis.com``."""
        self._uploads = uploads
        self._key = key
        self._endpoint = endpoint.rstrip("/")
        self._host = urlsplit(endpoint).netloc
        self._bucket = derived_bucket
        self._now = now

    def rendition_urls(self, names: Sequence[str], *, expires_in_s: int) -> list[str]:
        return self._signed(names, "", expires_in_s=expires_in_s)

    def rendition_file_url(self, name: str, *, file_name: str, expires_in_s: int) -> str:
        disposition = quote(attachment(file_name), safe="~")
        [url] = self._signed([name], f"&response-content-disposition={disposition}", expires_in_s=expires_in_s)
        return url

    def _signed(self, names: Sequence[str], more: str, *, expires_in_s: int) -> list[str]:
        """Links with `more` in the query, whose parameters must come after those of the signature by their names."""
        seconds = int(self._now().timestamp())
        signed_at = datetime.fromtimestamp(seconds - seconds % SAME_FOR_S, UTC)
        date, stamp = f"{signed_at:%Y%m%d}", f"{signed_at:%Y%m%dT%H%M%SZ}"
        scope = f"{date}/auto/storage/goog4_request"
        query = (
            f"X-Goog-Algorithm={_ALGORITHM}&X-Goog-Credential={quote(f'{self._key.access_id}/{scope}', safe='')}"
            f"&X-Goog-Date={stamp}&X-Goog-Expires={expires_in_s + SAME_FOR_S}&X-Goog-SignedHeaders=host{more}"
        )
        signing_key = _signing_key(self._key, date)
        urls = []
        for name in names:
            path = f"/{self._bucket}/{quote(name, safe='/~')}"
            canonical = f"GET\n{path}\n{query}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
            text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
            signature = hmac.digest(signing_key, text.encode(), "sha256").hex()
            urls.append(f"{self._endpoint}{path}?{query}&X-Goog-Signature={signature}")
        return urls

    def original_url(self, photo: PhotoRef, *, file_name: str, expires_in_s: int) -> str:
        return self._uploads.original_url(photo, file_name=file_name, expires_in_s=expires_in_s)

    def upload_url(
        self, bucket_kind: BucketKind, name: str, content_type: str, *, max_bytes: int, expires_in_s: int
    ) -> SignedUpload:
        return self._uploads.upload_url(bucket_kind, name, content_type, max_bytes=max_bytes, expires_in_s=expires_in_s)

    def resumable_uploads(self, files: Sequence[AnnouncedFile], *, expires_in_s: int) -> list[SignedUpload]:
        return self._uploads.resumable_uploads(files, expires_in_s=expires_in_s)


@lru_cache(maxsize=4)
def _signing_key(key: HmacKey, date: str) -> bytes:
    derived = f"GOOG4{key.secret}".encode()
    for part in (date, "auto", "storage", "goog4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    return derived
