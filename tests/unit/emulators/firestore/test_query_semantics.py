"""Queries agree with the model, both when all documents are read and when an index is used."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from photofinish_emulators.firestore.documents import StoredDocument, split_key
from photofinish_emulators.firestore.indexes import range_of
from photofinish_emulators.firestore.paths import database_key, document_name
from photofinish_emulators.firestore.protos import Document
from photofinish_emulators.firestore.queries import Query
from photofinish_emulators.firestore.query_parsing import parse_query
from support.examples import examples
from support.firestore_model import results
from support.firestore_queries import DOCUMENTS, queries, structured, value_message

DATABASE = "projects/p/databases/(default)"
PARENT = f"{DATABASE}/documents/albums/spring"


def stored(id: str, data: dict[str, Any]) -> StoredDocument:
    name = f"{PARENT}/photos/{id}"
    message = Document(name=name)
    for key, value in data.items():
        message.fields[key].CopyFrom(value_message(value))
    return StoredDocument(*split_key(document_name(name)), message.SerializeToString())


def read_all(documents: list[StoredDocument], query: Query) -> list[tuple[bytes, StoredDocument]]:
    found = [(key, document) for document in documents if (key := query.selects(document)) is not None]
    return sorted(found, key=lambda pair: pair[0])


def read_indexes(documents: list[StoredDocument], query: Query) -> set[bytes]:
    """Keys of the documents in the index ranges of all disjuncts."""
    found = set()
    for conjunction in query.disjuncts:
        part = range_of(query, conjunction)
        entries = [
            (key, document) for document in documents for key in part.index.keys(document, database_key(DATABASE))
        ]
        entries.sort(key=lambda entry: entry[0])
        inside = [document for key, document in entries if part.low <= key < part.high]
        kept = [document for document in inside if part.exact or query.selects(document) is not None]
        in_order = [document.key for document in (reversed(kept) if part.backwards else kept)]
        expected = [document.key for _, document in read_all(documents, query) if document.key in set(in_order)]
        assert in_order == expected, "an index range is in the query's order"
        found |= set(in_order)
    return found


@settings(max_examples=examples(300))
@given(st.data())
def test_queries_agree_with_the_model(data: st.DataObject) -> None:
    documents = data.draw(DOCUMENTS)
    model = data.draw(queries(documents))
    message = structured(model, PARENT, "photos")
    message.from_[0].all_descendants = data.draw(st.booleans())
    query = parse_query(PARENT, message)
    everything = [stored(id, fields) for id, fields in documents.items()]
    found = read_all(everything, query)
    window = found[query.offset : None if query.limit is None else query.offset + query.limit]
    assert [one.message.name.rsplit("/", 1)[1] for _, one in window] == results(documents, model)
    assert read_indexes(everything, query) == {one.key for _, one in found}
