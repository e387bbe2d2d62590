"""PhotoLinks on Google Cloud Storage: V4 signed URLs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import google.auth
from google.auth import compute_engine, iam
from google.auth.credentials import Credentials, Signing
from google.auth.crypt import Signer
from google.auth.transport import Request
from google.auth.transport.requests import Request as HttpRequest
from google.cloud.storage import Client
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from photofinish.adapters.google.errors import unavailable_when_transient
from photofinish.domain.announced import Announced, metadata_of
from photofinish.domain.export_names import attachment
from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import AnnouncedFile
from photofinish.errors import Misconfigured
from photofinish.ports import BucketKind, SignedUpload

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
Item = TypeVar("Item")
Signed = TypeVar("Signed")
RETRIES = Retry(total=3, status=0, redirect=0, allowed_methods=None, backoff_factor=0.2)
"""Lost connections only: what IAM answers is not asked again."""
_PARALLEL = 16  # signing with a local key takes a millisecond, by IAM one request per link


class GcsPhotoLinks:
    """Signs with a service account's key, or by IAM's signBlob if no key is available (Cloud Run)."""

    def __init__(
        self,
        client: Client,
        signing: Signing,
        *,
        derived_bucket: str,
        upload_buckets: Mapping[BucketKind, str],
    ) -> None:
        self._client = client
        self._signing = signing
        self._derived = client.bucket(derived_bucket)
        self._uploads = {kind: client.bucket(name) for kind, name in upload_buckets.items()}

    @unavailable_when_transient
    def rendition_urls(self, names: Sequence[str], *, expires_in_s: int) -> list[str]:
        def sign(name: str) -> str:
            url: str = self._derived.blob(name).generate_signed_url(
                version="v4",
                expiration=timedelta(seconds=expires_in_s),
                method="GET",
                credentials=self._signing,
                api_access_endpoint=self._client.api_endpoint,
            )
            return url

        return self._each(sign, names)

    @unavailable_when_transient
    def rendition_file_url(self, name: str, *, file_name: str, expires_in_s: int) -> str:
        url: str = self._derived.blob(name).generate_signed_url(
            version="v4",
            expiration=timedelta(seconds=expires_in_s),
            method="GET",
            response_disposition=attachment(file_name),
            credentials=self._signing,
            api_access_endpoint=self._client.api_endpoint,
        )
        return url

    @unavailable_when_transient
    def original_url(self, photo: PhotoRef, *, file_name: str, expires_in_s: int) -> str:
        url: str = (
            self._client.bucket(photo.bucket)
            .blob(photo.name)
            .generate_signed_url(
                version="v4",
                expiration=timedelta(seconds=expires_in_s),
                method="GET",
                generation=photo.generation,
                response_disposition=attachment(file_name),
                credentials=self._signing,
                api_access_endpoint=self._client.api_endpoint,
            )
        )
        return url

    @unavailable_when_transient
    def upload_url(
        self, bucket_kind: BucketKind, name: str, content_type: str, *, max_bytes: int, expires_in_s: int
    ) -> SignedUpload:
        headers = {"Content-Type": content_type, "x-goog-content-length-range": f"0,{max_bytes}"}
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in_s)
        url = (
            self._uploads[bucket_kind]
            .blob(name)
            .generate_signed_url(
                version="v4",
                expiration=timedelta(seconds=expires_in_s),
                method="PUT",
                headers=dict(headers),  # the library adds the host to this dict
                credentials=self._signing,
                api_access_endpoint=self._client.api_endpoint,
            )
        )
        return SignedUpload(url=url, method="PUT", headers=headers, expires_at=expires_at)

    @unavailable_when_transient
    def resumable_uploads(self, files: Sequence[AnnouncedFile], *, expires_in_s: int) -> list[SignedUpload]:
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in_s)

        def sign(file: AnnouncedFile) -> SignedUpload:
            headers = start_headers(file)
            url = (
                self._uploads["photos"]
                .blob(file.name)
                .generate_signed_url(
                    version="v4",
                    expiration=timedelta(seconds=expires_in_s),
                    method="POST",
                    headers=dict(headers),  # the library adds the host to this dict
                    credentials=self._signing,
                    api_access_endpoint=self._client.api_endpoint,
                )
            )
            return SignedUpload(url=url, method="POST", headers=headers, expires_at=expires_at)

        return self._each(sign, files)

    def _each(self, sign: Callable[[Item], Signed], items: Sequence[Item]) -> list[Signed]:
        if not isinstance(self._signing, IamSigning) or len(items) < 2:
            return [sign(item) for item in items]
        with ThreadPoolExecutor(min(_PARALLEL, len(items))) as pool:
            return list(pool.map(sign, items))


def start_headers(file: AnnouncedFile) -> dict[str, str]:
    """Return the headers that start a resumable upload of exactly this file, as a new object.

    https://cloud.google.com/storage/docs/xml-api/post-object-resumable, and
    https://cloud.google.com/storage/docs/xml-api/reference-headers for each.
    """
    announced = Announced(size_bytes=file.size_bytes, crc32c=file.crc32c)
    return {
        "Content-Type": file.content_type,
        "x-goog-resumable": "start",
        "x-goog-content-length-range": f"{file.size_bytes},{file.size_bytes}",
        "x-goog-if-generation-match": "0",
        **{f"x-goog-meta-{name}": value for name, value in metadata_of(announced).items()},
    }


class IamSigning(Signing):
    """Signs as a service account whose private key only Google has; it must be a Token Creator of itself."""

    def __init__(self, credentials: Credentials, email: str, request: Request) -> None:
        self._signer = iam.Signer(request, credentials, email)  # type: ignore[no-untyped-call]
        self._email = email

    def sign_bytes(self, message: bytes) -> bytes:
        return cast(bytes, self._signer.sign(message))

    @property
    def signer_email(self) -> str:
        return self._email

    @property
    def signer(self) -> Signer:
        return self._signer


def signing_transport() -> Request:
    """Return a transport for signBlob: a connection for each link that is signed at once, and resets are tried again.

    Signing has no effects, so that repeating it is safe.
    """
    session = Session()
    for scheme in ("https://", "http://"):  # IAM, and the metadata server that gives the tokens for it
        session.mount(scheme, HTTPAdapter(pool_maxsize=_PARALLEL, max_retries=RETRIES))
    return HttpRequest(session)


@unavailable_when_transient
def default_signing(request: Request) -> Signing:
    """Return a signer from the environment's credentials (GOOGLE_APPLICATION_CREDENTIALS, or Cloud Run's own).

    Raises:
        Misconfigured: the credentials cannot sign.
    """
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except google.auth.exceptions.DefaultCredentialsError:
        raise Misconfigured(
            "No Google credentials were found to sign links with: run as a service account, or set "
            "GOOGLE_APPLICATION_CREDENTIALS to the key file of one."
        ) from None
    if isinstance(credentials, compute_engine.Credentials):
        credentials.refresh(request)  # type: ignore[no-untyped-call]  # sets service_account_email
        return IamSigning(credentials, credentials.service_account_email, request)
    if isinstance(credentials, Signing):
        return credentials
    raise Misconfigured(
        f"Links cannot be signed with {type(credentials).__name__}: run as a service account, or set "
        "GOOGLE_APPLICATION_CREDENTIALS to the key file of one."
    )
