"""Pages of documents and of collection ids."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import replace

from photofinish_emulators.common.rpc_errors import invalid, unimplemented
from photofinish_emulators.firestore import execution, values
from photofinish_emulators.firestore.documents import StoredDocument, View
from photofinish_emulators.firestore.paths import (
    Name,
    decode_segment,
    format_field_path,
    name_key,
    parse_field_path,
    segment_key,
)
from photofinish_emulators.firestore.protos import Document, Message, StructuredQuery
from photofinish_emulators.firestore.queries import NAME, Bound, Query, encode_name
from photofinish_emulators.firestore.query_parsing import parse_query
from photofinish_emulators.firestore.values import AFTER, encode

MAX_PAGE_SIZE = 1000
_ORDER = re.compile(r"(?P<path>.+?)(?:\s+(?P<direction>asc|desc))?\Z", re.IGNORECASE | re.DOTALL)


def documents_query(request: Message) -> Query:
    """A ``ListDocumentsRequest`` as a query for one page and the first document of the next.

    Raises:
        Refused: INVALID_ARGUMENT, with the reason.
    """
    if not request.collection_id:
        raise unimplemented("ListDocuments without a collection id: list the collection ids, then each collection.")
    structured = StructuredQuery()
    structured.from_.add(collection_id=request.collection_id)
    for part in filter(None, request.order_by.split(",")):
        match = _ORDER.match(part.strip())
        assert match is not None
        order = structured.order_by.add(direction=2 if (match["direction"] or "").lower() == "desc" else 1)
        order.field.field_path = format_field_path(parse_field_path(match["path"]))
    query = parse_query(request.parent, structured)
    if request.page_token:
        start = Bound(_read_token(request.page_token, len(query.orders)), before=False)
        query = replace(query, start=start, start_cut=start.cut(query.orders))
    return replace(query, limit=page_size(request) + 1)


def page_size(request: Message) -> int:
    """The number of documents on a page."""
    if request.page_size < 0:
        raise invalid("page_size must not be negative.")
    return min(request.page_size, MAX_PAGE_SIZE) if request.page_size else MAX_PAGE_SIZE


def documents_page(view: View, query: Query, request: Message) -> list[StoredDocument]:
    """The documents of the page, and the first of the next page if there is one.

    With ``show_missing`` this includes documents that do not exist but have others below them; these have only a name.
    """
    if not request.show_missing:
        return list(execution.run(view, query))
    found = {document.key: document for document in execution.run(view, replace(query, limit=None))}
    for key in _parent_keys(view, query):
        if key not in found and query.within_bounds(encode_name(key)):
            found[key] = _missing_document(query, key)
    return [found[key] for key in sorted(found)][: query.limit]


def _parent_keys(view: View, query: Query) -> set[bytes]:
    """Keys of the collection's documents, existing or not, that have documents below them."""
    collection = query.collection_key
    keys = set()
    for key in view.collections(collection, ""):
        if key != collection:
            _, length = decode_segment(key, len(collection))
            if key[: len(collection) + length] not in keys and view.anything_below(key):
                keys.add(key[: len(collection) + length])
    return keys


def _missing_document(query: Query, key: bytes) -> StoredDocument:
    id, _ = decode_segment(key, len(query.collection_key))
    name = query.parent.child(query.collection_id, id)
    return StoredDocument(query.collection_key, segment_key(id), Document(name=str(name)).SerializeToString())


def next_token(query: Query, page: list[StoredDocument], request: Message) -> str:
    """The token of the next page; "" on the last."""
    if len(page) <= page_size(request):
        return ""
    last = page[page_size(request) - 1]
    operands = []
    for order in query.orders:
        value = None if order.path == NAME else values.field(last.fields, order.path)
        operands.append(last.key if value is None else encode(value))
    return base64.urlsafe_b64encode(json.dumps([operand.hex() for operand in operands]).encode()).decode()


def _read_token(token: str, orders: int) -> tuple[bytes, ...]:
    try:
        operands = tuple(bytes.fromhex(operand) for operand in json.loads(base64.urlsafe_b64decode(token)))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("The page token is not from this server.") from None
    if len(operands) != orders:
        raise invalid("The page token belongs to another request.")
    return operands


def read_number(token: str) -> int:
    """Parse a page token that is a number; 0 if it is empty.

    Raises:
        Refused: it is not a number.
    """
    if not token:
        return 0
    if not token.isdecimal():
        raise invalid("The page token is not from this server.")
    return int(token)


def collection_ids(view: View, parent: Name, after: str, limit: int) -> list[str]:
    """Ids of the collections of ``parent`` that contain documents at any depth, in order, starting after ``after``."""
    prefix = name_key(parent)
    position = prefix + (segment_key(after) + AFTER if after else b"")
    ids: list[str] = []
    while len(ids) < limit:
        row = view.connection.execute(
            "SELECT key FROM collections WHERE key > ? AND key < ? ORDER BY key LIMIT 1", (position, prefix + AFTER)
        ).fetchone()
        if row is None:
            break
        id, length = decode_segment(row[0], len(prefix))
        below = row[0][: len(prefix) + length]
        position = below + AFTER
        if view.anything_below(below):
            ids.append(id)
    return ids
