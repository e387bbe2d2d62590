"""Work items as messages of the queue: JSON."""

from __future__ import annotations

import json
from datetime import datetime

from photofinish.domain.photo import PhotoRef
from photofinish.ports import WorkItem


def work_message(item: WorkItem) -> bytes:
    """Return the message of a work item."""
    photo = item.photo
    fields = {
        "bucket": photo.bucket,
        "name": photo.name,
        "generation": photo.generation,
        "trace_id": item.trace_id,
        "uploaded_at": item.uploaded_at.isoformat(),
    }
    return json.dumps(fields, sort_keys=True).encode()


def parse_work_message(data: bytes) -> WorkItem:
    """Return the work item of a message.

    Raises:
        ValueError: the message is not a work item.
    """
    try:
        fields = json.loads(data)
        photo = PhotoRef(bucket=fields["bucket"], name=fields["name"], generation=int(fields["generation"]))
        uploaded_at = datetime.fromisoformat(fields["uploaded_at"])
        return WorkItem(photo=photo, trace_id=str(fields["trace_id"]), uploaded_at=uploaded_at)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a work item: {type(error).__name__}: {error}") from None
