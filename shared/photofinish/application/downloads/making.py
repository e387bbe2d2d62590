"""Decide what a download contains."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from photofinish.domain.access import Principal
from photofinish.domain.download import LIFETIME, Download, DownloadedPhoto, DownloadSize, archive_paths
from photofinish.ports import PhotoRecord

_TOKEN_BYTES = 32


def new_token() -> str:
    """The secret part of a link to a download."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def new_download(
    album: str,
    records: Sequence[PhotoRecord],
    *,
    principal: Principal,
    is_organiser: bool,
    size: DownloadSize,
    with_metadata: bool,
    own_faces: Mapping[str, frozenset[str]],
    now: datetime,
) -> Download:
    """A download of the photos of these records that have such a file, by name; it may have none.

    `own_faces`: by photo id, the faces that the caller's selfie matched.
    """
    fitting = sorted((record for record in records if has_file(record, size)), key=lambda record: record.ref.name)
    paths = archive_paths([record.ref.name for record in fitting], size)
    return Download(
        download_id=str(uuid.uuid4()),
        album=album,
        made_by=(principal.kind, principal.id),
        is_organiser=is_organiser,
        size=size,
        with_metadata=with_metadata,
        photos=tuple(
            DownloadedPhoto(
                photo=record.ref,
                path=paths[record.ref.name],
                size_bytes=size_of(record.fields) if size is DownloadSize.ORIGINAL else None,
                taken_at=taken_at(record.fields),
                own_faces=own_faces.get(record.ref.photo_id, frozenset()),
            )
            for record in fitting
        ),
        expires_at=now + LIFETIME,
    )


def has_file(record: PhotoRecord, size: DownloadSize) -> bool:
    """Whether there is a file of this size of the photo; of one that was not analysed there is only the original."""
    return size is DownloadSize.ORIGINAL or (record.fields.get("renditions") or {}).get("preview") is not None


def size_of(fields: Mapping[str, Any]) -> int | None:
    """The size of the original of a document; None if it does not say."""
    size = fields.get("photo", {}).get("size_bytes", fields.get("object", {}).get("size"))
    return None if size is None else int(size)


def taken_at(fields: Mapping[str, Any]) -> datetime | None:
    """When a photo was taken, by its camera's clock."""
    text = (fields.get("image") or {}).get("taken_at")
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
