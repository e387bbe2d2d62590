"""Delete derived objects that no document refers to any more: of older versions of a photo, and of earlier results.

Their names say what they are of. Objects of newer versions are never touched.
"""

from __future__ import annotations

from collections.abc import Callable

from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import derived_of
from photofinish.ports import ErasableObjects, ObjectVersion


def remove_superseded(
    photo: PhotoRef, pipeline_version: str, objects: ErasableObjects, *, after_commit: bool = False
) -> set[str]:
    """Delete the derived objects of all older versions of `photo`, and those of other results of this version.

    Return the names of all that were there. `after_commit`: where the bucket has no other sidecar of the photo, it is
    not asked for pictures. A task writes its sidecar before its pictures, and here pictures go before sidecars. A task
    that lost its sidecar to this, and writes pictures later, removes them when it learns that its result is not taken.
    """
    return _remove(
        photo,
        objects,
        lambda generation, version: (generation, version) != (photo.generation, pipeline_version),
        only_beside_sidecars=after_commit,
    )


def remove_results(photo: PhotoRef, objects: ErasableObjects) -> None:
    """Delete the derived objects of this version of `photo`, and of older ones."""
    _remove(photo, objects, lambda *_: True)


def _remove(
    photo: PhotoRef,
    objects: ErasableObjects,
    is_superseded: Callable[[int, str], bool],
    *,
    only_beside_sidecars: bool = False,
) -> set[str]:
    """Delete the objects of `photo`, up to its generation, whose generation and pipeline version are superseded."""

    def listed(kind: str) -> tuple[set[str], list[ObjectVersion]]:
        found = list(objects.versions("derived_bucket", f"{kind}/{photo.album}/{photo.photo_id}/"))
        superseded = [
            one
            for one in found
            if (named := derived_of(one.name)) is not None
            and named[1] <= photo.generation
            and is_superseded(named[1], named[2])
        ]
        return {one.name for one in found}, superseded

    names, sidecars = listed("sidecars")
    if only_beside_sidecars and not sidecars:
        return names
    pictures, old_pictures = listed("renditions")
    for gone in (old_pictures, sidecars):
        if gone:
            objects.remove("derived_bucket", gone)
    return names | pictures
