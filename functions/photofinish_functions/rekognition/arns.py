"""Amazon resource names of collections, which tagging uses. The account number is made up."""

from __future__ import annotations

import re

from photofinish.domain.photo import is_album_name

_ACCOUNT = "000000000000"
_COLLECTION = re.compile(r"(?:arn:)?aws:rekognition:[^:]*:\d*:collection/([a-zA-Z0-9_.\-]{1,255})")


def collection_arn(region: str, collection: str) -> str:
    return f"arn:aws:rekognition:{region}:{_ACCOUNT}:collection/{collection}"


def collection_of(arn: str) -> str | None:
    """Return the collection that `arn` names; None where it is not the ARN of a collection."""
    found = _COLLECTION.fullmatch(arn)
    return found[1] if found is not None and is_album_name(found[1]) else None
