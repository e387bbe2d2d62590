"""What the routes share about albums."""

from __future__ import annotations

from photofinish.wiring import App
from photofinish_functions.access.refusals import NotVisible


def has_album(cloud: App, album: str) -> bool:
    """Whether anything is known of `album`: a photo, analysed or not, a card, or a person, also a deleted one."""
    return (
        cloud.index.has_album(album)
        or bool(cloud.documents.album_names(names=frozenset({album}), limit=1, after=None))
        or cloud.album_cards.card(album) is not None
        or bool(cloud.people.list_people(album, limit=1))
        or bool(cloud.people_changes.operations(album, limit=1, before=None))
    )


def check_album(cloud: App, album: str) -> None:
    """Refuse an unknown album; raises NotVisible."""
    if not has_album(cloud, album):
        raise NotVisible


def count_faces(cloud: App, album: str) -> int:
    """Return how many faces of `album` are indexed."""
    return sum(summary.faces for summary in cloud.albums.summaries(names=frozenset({album}), limit=1, after=None))
