"""List albums: those with analysed photos, and those whose photos still wait or were all rejected."""

from __future__ import annotations

from photofinish.ports import Albums, AlbumSummary, Documents


def list_albums(
    *, names: frozenset[str] | None, limit: int, after: str | None, albums: Albums, documents: Documents
) -> list[AlbumSummary]:
    """Return up to `limit` albums whose name is in `names` (None: all) and follows `after`, by name."""
    analysed = {one.name: one for one in albums.summaries(names=names, limit=limit, after=after)}
    recorded = documents.album_names(names=names, limit=limit, after=after)
    return [
        analysed.get(name) or AlbumSummary(name=name, photos=0, faces=0, bibs=0)
        for name in sorted({*analysed, *recorded})[:limit]
    ]
