"""Take out of the search what was indexed of a photo that ended without a result."""

from __future__ import annotations

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import check_names, is_version
from photofinish.errors import RejectedInput
from photofinish.ports import Documents, FaceIndex

_WITHOUT_RESULT = {PhotoStatus.REJECTED, PhotoStatus.FAILED}


def unindex_without_result(photo: PhotoRef, status: PhotoStatus, documents: Documents, index: FaceIndex) -> None:
    """Remove this version of `photo` and older ones from the index, if its event and record say it has no result.

    A task that rejects a photo does that itself. What is left are photos that end without one: rejected when they were
    uploaded, over an older version that had faces; or given up by the queue, after a task died between the index and
    the document. The record is asked while the index has the photo locked: a late task may bring the result of a failed
    photo, and it writes the index again after the record.

    Previews of an overwritten version go when the bucket tells that it was overwritten, see
    :class:`photofinish.application.deleted_objects.DeletedObjects`.
    """
    if status not in _WITHOUT_RESULT:
        return
    try:
        check_names(photo.name)
    except RejectedInput:
        return  # never indexed

    def has_no_result() -> bool:
        state = documents.states([photo]).get(photo)
        return is_version(state, photo) and state.status in _WITHOUT_RESULT

    if has_no_result() and index.has_album(photo.album):
        index.remove(photo, if_still=has_no_result)
