"""Points that part a collection group into stretches of about equal size, so that several workers can read it."""

from __future__ import annotations

from photofinish_emulators.firestore.documents import View
from photofinish_emulators.firestore.errors import invalid
from photofinish_emulators.firestore.paths import decode_key
from photofinish_emulators.firestore.queries import NAME, Order, Query
from photofinish_emulators.firestore.wire import Cursor, Message, Value


def check(query: Query, count: int) -> None:
    """Refuse what cannot be parted.

    Raises:
        Refused: INVALID_ARGUMENT, with the reason.
    """
    if count < 1:
        raise invalid("partition_count must be at least 1.")
    whole = query.disjuncts == ((),) and not query.windowed and query.start is None and query.end is None
    if not query.all_descendants or query.orders != (Order(NAME, False),) or not whole:
        raise invalid(
            "Only a query over all descendants, ordered by __name__ ascending, without filters, limits, offsets or "
            "cursors can be partitioned."
        )


def points(view: View, query: Query, count: int) -> list[Message]:
    """At most ``count`` cursors, by name; fewer where there are fewer documents."""
    keys = sorted(
        collection + id
        for collection in view.collections(query.parent_key, query.collection_id)
        for id in view.ids(collection)
    )
    parts = min(count + 1, len(keys))
    database = f"{query.parent.database}/documents/"
    cursors = []
    for part in range(1, parts):
        _, _, *segments = decode_key(keys[part * len(keys) // parts])  # behind project and database
        cursors.append(Cursor(values=[Value(reference_value=database + "/".join(segments))], before=True))
    return cursors
