"""Announce files in a batch, and sign their uploads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.upload_batch import BATCH_LIFETIME, AnnouncedFile, Batch, check_announced
from photofinish.errors import Conflict
from photofinish.ports import Batches, Documents, PhotoLinks, SignedUpload

# A signature by a service account's key that only Google has is valid for twelve hours
# (docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob).
UPLOAD_STARTS_WITHIN_S = 12 * 3600
_NAMED = 3


def create_batch(
    album: str,
    files: Sequence[AnnouncedFile],
    *,
    bucket: str,
    batches: Batches,
    documents: Documents,
    links: PhotoLinks,
) -> tuple[Batch, list[SignedUpload]]:
    """Make a batch of these files, and return how to upload each.

    Raises:
        RejectedInput: see :func:`check_announced`.
        Conflict: `photo_exists`.
    """
    _check(files, bucket, documents)
    uploads = links.resumable_uploads(files, expires_in_s=UPLOAD_STARTS_WITHIN_S)
    return batches.create(album, files, expires_at=datetime.now(UTC) + BATCH_LIFETIME), uploads


def add_files(
    album: str,
    batch_id: str,
    files: Sequence[AnnouncedFile],
    *,
    bucket: str,
    batches: Batches,
    documents: Documents,
    links: PhotoLinks,
) -> tuple[Batch, list[SignedUpload]]:
    """Announce more files of a batch; raises what :func:`create_batch` and :meth:`Batches.add` do."""
    _check(files, bucket, documents)
    uploads = links.resumable_uploads(files, expires_in_s=UPLOAD_STARTS_WITHIN_S)
    return batches.add(album, batch_id, files), uploads


def _check(files: Sequence[AnnouncedFile], bucket: str, documents: Documents) -> None:
    check_announced(files)
    refs = [PhotoRef(bucket=bucket, name=file.name, generation=0) for file in files]
    known = documents.states(refs)
    taken = [
        f"files.{place}"
        for place, ref in enumerate(refs)
        if ref in known and known[ref].status is not PhotoStatus.ERASED
    ]
    if taken:
        more = f" and {len(taken) - _NAMED:,} more" if len(taken) > _NAMED else ""
        raise Conflict(
            "photo_exists",
            f"The album has photos of these names: {', '.join(taken[:_NAMED])}{more}. Uploads of a batch replace none: "
            "leave them out, or give them other names.",
        )
