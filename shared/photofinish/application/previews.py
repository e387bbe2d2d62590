"""Previews in the bucket, and ending all links to them.

A signed link to an object works until it expires, 20 minutes at most. When an album begins to redact faces, its
previews get other names, so that links that were given before find nothing from then on. The function `expire` does
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


def read_preview(derived: DerivedObjects, preview: str) -> bytes:
    """Return a preview by the name that it was stored under, whether links to it were ended or not.

    Raises:
        NotFound: it was deleted.
    """
    try:
        return derived.read_derived(preview)
    except NotFound:
        return derived.read_derived(unlinked_name(preview))


def end_due_links(now: datetime, policies: AlbumPolicies, store: PhotoStore) -> int:
    """Rename the previews of all albums that began to redact; return how many were renamed.

    An album is done when the last link has expired: until then a photo that is analysed again gets its old name back.
    """
    renamed = 0
    for album, since in policies.links_to_end().items():
        renamed += end_links(album, store)
        if now - since > _ALL_EXPIRED:
            policies.links_ended(album)
    return renamed


def end_links(album: str, store: PhotoStore) -> int:
    """Rename all previews of `album`; return how many there were.

    Set the policy before: from then on no link is given that this would have to end.
    """

    def unlink(preview: str) -> None:
        store.move_derived(preview, unlinked_name(preview))

    linked = (name for name in store.derived_names(f"renditions/{album}/") if name.endswith(".preview.jpg"))
    with ThreadPoolExecutor(_PARALLEL, "unlink") as pool:
        return sum(1 for _ in pool.map(unlink, linked))
