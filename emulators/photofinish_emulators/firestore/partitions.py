"""Splits a collection group into partitions of about equal size, which several workers can read."""

from __future__ import annotations

from photofinish_emulators.common.rpc_errors import invalid
from photofinish_emulators.firestore.documents import View
from photofinish_emulators.firestore.paths import decode_key
from photofinish_emulators.firestore.protos import Cursor, Message, Value
from photofinish_emulators.firestore.queries import NAME, Order, Query


def check(query: Query, count: int) -> None:
    """Refuse a query that cannot be partitioned.

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
    """The cursors between partitions, at most ``count``, by name; fewer if there are fewer documents."""
    keys = sorted(
        collection + id
        for collection in view.collections(query.parent_key, query.collection_id)
        for id in view.ids(collection)
    )
    partitions = min(count + 1, len(keys))
    database = f"{query.parent.database}/documents/"
    cursors = []
    for partition in range(1, partitions):
        _, _, *segments = decode_key(keys[partition * len(keys) // partitions])  # after project and database
        cursors.append(Cursor(values=[Value(reference_value=database + "/".join(segments))], before=True))
    return cursors
