"""What Cloud Storage answers to requests of its XML API, as signed links are, where fake-gcs-server differs.

fake-gcs-server answers 500 to the listing of a bucket that is not there, as of `/favicon.ico`, for which browsers ask.
It also ignores what a signed link says about the headers of its answer, and when it expires:
https://docs.cloud.google.com/storage/docs/xml-api/reference-headers#responsecontentdisposition
https://docs.cloud.google.com/storage/docs/authentication/canonical-requests#required-query-parameters
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_BUCKET = re.compile(r"/[^/]+/?")
_HEADERS = {"response-content-disposition": "Content-Disposition", "response-content-type": "Content-Type"}
_SIGNATURES = ("X-Goog-Signature", "X-Amz-Signature", "Signature")
MISSING_BUCKET = (
    "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchBucket</Code>"
    "<Message>The specified bucket does not exist.</Message></Error>"
)


def lists_bucket(method: str, path: str) -> bool:
    """Whether a request asks what is in a bucket."""
    return method in ("GET", "HEAD") and _BUCKET.fullmatch(path) is not None


def expired_at(query: Mapping[str, str], now: datetime) -> datetime | None:
    """When a signed link (V4) expired; None for one that is still good, and for other requests."""
    signed, seconds = query.get("X-Goog-Date"), query.get("X-Goog-Expires", "")
    if signed is None or not seconds.isdecimal():
        return None
    try:
        ends_at = datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(seconds=int(seconds))
    except (ValueError, OverflowError):
        return None
    return ends_at if ends_at < now else None


def expired_link(ends_at: datetime) -> str:
    """The body of the answer 400 to a link that expired."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code><Message>Invalid argument.</Message>"
        f"<Details>The provided token has expired. Request signature expired at: {ends_at.isoformat()}</Details>"
        "</Error>"
    )


def headers_of_link(method: str, query: Mapping[str, str], *, is_authorized: bool) -> dict[str, str]:
    """The headers that a signed link sets in its answer; those of a request that is not authenticated set none.

    Raises:
        ValueError: a value that no header can have.
    """
    is_signed = any(name in query for name in _SIGNATURES)
    if method != "GET" or not (is_signed or is_authorized):
        return {}
    headers = {header: query[name] for name, header in _HEADERS.items() if query.get(name)}
    for header, value in headers.items():
        if not value.isprintable() or not value.isascii():
            raise ValueError(f"{header} has characters that no header may have")
    return headers
