"""What Cloud Storage answers to requests of its XML API, as signed links are, where fake-gcs-server differs.

fake-gcs-server answers 500 to the listing of a bucket that is not there, as of `/favicon.ico`, for which browsers ask.
It also ignores what a signed link says about the headers of its answer:
https://docs.cloud.google.com/storage/docs/xml-api/reference-headers#responsecontentdisposition
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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
