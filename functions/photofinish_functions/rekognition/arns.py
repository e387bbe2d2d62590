"""The names by which the protocol's tags know a collection. The account is made up: there are none here."""

from __future__ import annotations

import re

from photofinish.domain.photo import is_album_name

_ACCOUNT = "000000000000"
_COLLECTION = re.compile(r"(?:arn:)?aws:rekognition:[^:]*:\d*:collection/([a-zA-Z0-9_.\-]{1,255})")


def collection_arn(region: str, collection: str) -> str:
    return f"arn:aws:rekognition:{region}:{_ACCOUNT}:collection/{collection}"


def collection_of(arn: str) -> str | None:
    """The collection that `arn` names; None where it names none."""
    found = _COLLECTION.fullmatch(arn)
    return found[1] if found is not None and is_album_name(found[1]) else None
