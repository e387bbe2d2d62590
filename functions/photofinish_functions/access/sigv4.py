"""Verification of AWS Signature Version 4 as AWS SDKs make it.

Source: "Create a signed AWS API request", AWS Identity and Access Management User Guide. Refused, because the document
leaves them open: signatures in the query, and paths that would have to be normalised.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from flask import Request

from photofinish_functions.access.refusals import SignatureProblem, Unauthorized

SKEW = timedelta(minutes=5)
"""How far a signature's time may differ from ours, either way."""
_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} +Credential=(?P<access_key_id>[A-Za-z0-9]+)/(?P<date>[0-9]{{8}})/(?P<region>[a-z0-9-]+)/"
    r"(?P<service>[a-z0-9-]+)/aws4_request *, *"
    r"SignedHeaders=(?P<signed_headers>[a-z0-9-]+(?:;[a-z0-9-]+)*) *, *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """The signed request, as it came over the wire."""

    method: str
    path: str
    """Percent-encoded, with its slashes."""
    query: str
    headers: Mapping[str, str]
    """Values by lower-case name; several of one name joined by commas."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The content of a signed request's header `Authorization`."""

    access_key_id: str
    signed_at: datetime
    region: str
    service: str
    signed_headers: tuple[str, ...]
    digest: bytes

    @classmethod
    def parse(cls, headers: Mapping[str, str]) -> Self:
        """Parse the signature in `headers`, whose names are lower-case.

        Raises:
            Unauthorized: MISSING; or INCOMPLETE, a part is missing or is not as SDKs write it.
        """
        authorization = headers.get("authorization", "")
        if not authorization.startswith(_ALGORITHM):
            raise Unauthorized(SignatureProblem.MISSING)
        found = _AUTHORIZATION.fullmatch(authorization.strip())
        signed_at = _parse_time(headers.get("x-amz-date", ""))
        if found is None or signed_at is None or found["date"] != f"{signed_at:%Y%m%d}":
            raise Unauthorized(SignatureProblem.INCOMPLETE)
        signed = tuple(found["signed_headers"].split(";"))
        # Headers that select the operation or belong to the signature must be signed, or they could be exchanged.
        must_be_signed = {"host"} | {name for name in headers if name.startswith("x-amz-")}
        if list(signed) != sorted(set(signed)) or not must_be_signed <= set(signed) <= headers.keys():
            raise Unauthorized(SignatureProblem.INCOMPLETE)
        return cls(
            access_key_id=found["access_key_id"],
            signed_at=signed_at,
            region=found["region"],
            service=found["service"],
            signed_headers=signed,
            digest=bytes.fromhex(found["signature"]),
        )

    @property
    def expires_at(self) -> datetime:
        return self.signed_at + SKEW

    def is_timely(self, now: datetime) -> bool:
        return abs(now - self.signed_at) <= SKEW

    def is_of(self, request: HttpRequest, secret_access_key: str) -> bool:
        """Whether exactly this request was signed with this secret; compared in constant time."""
        canonical = canonical_request(request, self.signed_headers)
        if canonical is None:
            return False
        expected = sign(
            canonical, secret_access_key, signed_at=self.signed_at, region=self.region, service=self.service
        )
        return hmac.compare_digest(expected, self.digest)


def canonical_request(request: HttpRequest, signed_headers: tuple[str, ...]) -> str | None:
    """Return the text to sign; None where the path needs normalising (segments ``..``, ``.`` or empty)."""
    segments = request.path.split("/")
    if (
        segments[0] != ""
        or any(segment in {"", ".", ".."} for segment in segments[1:-1])
        or segments[-1] in {".", ".."}
    ):
        return None
    # The path was sent encoded once; all services but S3 sign it encoded twice.
    path = quote(request.path, safe="/~")
    parameters = sorted(
        tuple(quote(unquote(part), safe=_UNRESERVED) for part in pair.partition("=")[::2])
        for pair in request.query.split("&")
        if pair
    )
    headers = [f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed_headers]
    return "\n".join(
        (
            request.method,
            path,
            "&".join(f"{name}={value}" for name, value in parameters),
            "".join(headers),
            ";".join(signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def sign(canonical: str, secret_access_key: str, *, signed_at: datetime, region: str, service: str) -> bytes:
    """Return the 32-byte signature of a canonical request."""
    date = f"{signed_at:%Y%m%d}"
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    text = f"{_ALGORITHM}\n{signed_at:%Y%m%dT%H%M%SZ}\n{date}/{region}/{service}/aws4_request\n{digest}"
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def request_nonce(headers: Mapping[str, str]) -> bytes:
    """Return what distinguishes equal requests of one second, which have the same signature.

    SDKs number calls and attempts in these headers. They are not signed, which is safe: another nonce lets a signature
    pass again only within seconds of its first use.
    """
    text = "\n".join(headers.get(name, "") for name in ("amz-sdk-invocation-id", "amz-sdk-request"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers of a request by lower-case name."""
    return {name.lower(): value for name, value in request.headers.items()}


def http_request(request: Request, headers: Mapping[str, str]) -> HttpRequest:
    """Return the request as it came over the wire; reads the whole body, which stays readable."""
    # Only the raw URI has the path as it was signed; WSGI's PATH_INFO is decoded.
    raw = urlsplit(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "")
    return HttpRequest(
        method=request.method,
        path=raw.path or quote(request.path, safe="/~"),
        query=request.query_string.decode("latin-1"),
        headers=headers,
        body=request.get_data(cache=True),
    )


def _parse_time(text: str) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:  # for example a 13th month
        return None
