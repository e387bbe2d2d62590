"""Reads in transactions, recorded so that the commit can check whether their results are unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from photofinish_emulators.firestore import execution
from photofinish_emulators.firestore.documents import StoredDocument, View, split_key
from photofinish_emulators.firestore.paths import Name
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.transactions import Transaction


def read_document(view: View, name: Name, transaction: Transaction | None) -> StoredDocument | None:
    """Read a document; it must be unchanged when the transaction commits."""
    if transaction is not None and not transaction.read_only:
        transaction.documents.add(split_key(name))
    return view.get(name)


def read_results(view: View, query: Query, transaction: Transaction | None) -> Iterator[StoredDocument]:
    """Run a query; its results must be unchanged when the transaction commits."""
    if transaction is None or transaction.read_only:
        return execution.run(view, query)
    documents = list(execution.run(view, query))
    remember(transaction, query, lambda now: versions(execution.run(now, query)), versions(documents))
    return iter(documents)


def versions(documents: Iterable[StoredDocument]) -> list[tuple[bytes, bytes]]:
    """Identifies the versions of documents: their keys and hashes of their content."""
    return [(document.key, hashlib.sha256(document.data).digest()) for document in documents]


def remember(transaction: Transaction, query: Query, read: Callable[[View], object], seen: object) -> None:
    """Record the result ``seen`` of a query, so that the commit can compare it with the result of ``read`` then."""
    if not transaction.read_only:

        def differs(now: View) -> bool:
            assert transaction.at_us is not None
            return execution.changed_since(now, query, transaction.at_us) and read(now) != seen

        transaction.queries.append((query.collection_key, differs))
