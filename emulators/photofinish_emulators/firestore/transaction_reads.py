"""Reads that a transaction remembers, so that its commit can see whether they still hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from photofinish_emulators.firestore import execution
from photofinish_emulators.firestore.documents import StoredDocument, View, split_key
from photofinish_emulators.firestore.paths import Name
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.transactions import Transaction


def read_document(view: View, name: Name, transaction: Transaction | None) -> StoredDocument | None:
    """The document as the view shows it; it must be the same when the transaction commits."""
    if transaction is not None and not transaction.read_only:
        transaction.documents.add(split_key(name))
    return view.get(name)


def read_results(view: View, query: Query, transaction: Transaction | None) -> Iterator[StoredDocument]:
    """The results as the view shows them; they must be the same when the transaction commits."""
    if transaction is None or transaction.read_only:
        return execution.run(view, query)
    documents = list(execution.run(view, query))
    remember(transaction, query, lambda now: versions(execution.run(now, query)), versions(documents))
    return iter(documents)


def versions(documents: Iterable[StoredDocument]) -> list[tuple[bytes, bytes]]:
    """What tells one state of some documents from another."""
    return [(document.key, hashlib.sha256(document.data).digest()) for document in documents]


def remember(transaction: Transaction, query: Query, read: Callable[[View], object], seen: object) -> None:
    """Remember what a query gave, so that the commit can see whether it still would."""
    if not transaction.read_only:

        def differs(now: View) -> bool:
            assert transaction.at_us is not None
            return execution.changed_since(now, query, transaction.at_us) and read(now) != seen

        transaction.queries.append((query.collection_key, differs))
