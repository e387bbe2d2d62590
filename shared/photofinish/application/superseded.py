"""Delete derived objects that no document refers to any more: of older versions of a photo, and of earlier results.

Their names say what they are of. Objects of newer versions are never touched.
"""

from __future__ import annotations

from collections.abc import Callable

from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import derived_of
from photofinish.ports import ErasableObjects


def remove_superseded(photo: PhotoRef, pipeline_version: str, objects: ErasableObjects) -> set[str]:
    """Delete the derived objects of all older versions of `photo`, and those of other results of this version.

    Return the names of all that were there.
    """
    return _remove(
        photo, objects, lambda generation, version: (generation, version) != (photo.generation, pipeline_version)
    )


def remove_results(photo: PhotoRef, objects: ErasableObjects) -> None:
    """Delete the derived objects of this version of `photo`, and of older ones."""
    _remove(photo, objects, lambda *_: True)


def _remove(photo: PhotoRef, objects: ErasableObjects, is_superseded: Callable[[int, str], bool]) -> set[str]:
    """Delete the objects of `photo`, up to its generation, whose generation and pipeline version are superseded."""
    names, found = set(), []
    for kind in ("sidecars", "renditions"):
        for listed in objects.versions("derived_bucket", f"{kind}/{photo.album}/{photo.photo_id}/"):
            names.add(listed.name)
            named = derived_of(listed.name)
            if named is not None and named[1] <= photo.generation and is_superseded(named[1], named[2]):
                found.append(listed)
    if found:
        objects.remove("derived_bucket", found)
    return names
