"""Previews and thumbnails in the bucket, and ending all links to them.

A signed link to an object works until it expires, 20 minutes at most. When an album begins to redact faces, these
pictures get other names, so that links that were given before find nothing from then on. The function `expire` does
that: it is called when a policy is set, and hourly.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from photofinish.domain.sidecar import unlinked_name
from photofinish.errors import NotFound
from photofinish.ports import AlbumPolicies, DerivedObjects, PhotoStore

# Links expire after 20 minutes at most; clocks differ a little.
_ALL_EXPIRED = timedelta(minutes=30)
_PARALLEL = 16  # each takes two requests to the storage


def read_rendition(derived: DerivedObjects, name: str) -> bytes:
    """Return a preview or thumbnail by the name that it was stored under, whether links to it were ended or not.

    Raises:
        NotFound: it was deleted.
    """
    try:
        return derived.read_derived(name)
    except NotFound:
        unlinked = unlinked_name(name)
        if unlinked is None:
            raise
        return derived.read_derived(unlinked)


def end_due_links(now: datetime, policies: AlbumPolicies, store: PhotoStore) -> int:
    """Rename the pictures of all albums that began to redact; return how many were renamed.

    An album is done when the last link has expired: until then a photo that is analysed again gets its old name back.
    """
    renamed = 0
    for album, since in policies.links_to_end().items():
        renamed += end_links(album, store)
        if now - since > _ALL_EXPIRED:
            policies.links_ended(album)
    return renamed


def end_links(album: str, store: PhotoStore) -> int:
    """Rename all previews and thumbnails of `album`; return how many there were.

    Set the policy before: from then on no link is given that this would have to end.
    """

    def unlink(name: str) -> bool:
        unlinked = unlinked_name(name)
        if unlinked is not None:
            store.move_derived(name, unlinked)
        return unlinked is not None

    with ThreadPoolExecutor(_PARALLEL, "unlink") as pool:
        return sum(pool.map(unlink, store.derived_names(f"renditions/{album}/")))
