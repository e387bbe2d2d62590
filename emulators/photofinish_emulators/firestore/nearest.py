"""Vector search: the documents whose vectors are nearest to a query's vector.

https://firebase.google.com/docs/firestore/vector-search. The cloud searches a vector index, whose results are exact as
long as the index is flat, the only kind there is; here every result of the query is compared.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from photofinish_emulators.common.rpc_errors import failed_precondition, invalid
from photofinish_emulators.firestore import values
from photofinish_emulators.firestore.documents import StoredDocument
from photofinish_emulators.firestore.limits import MAX_VECTOR_DIMENSIONS
from photofinish_emulators.firestore.paths import FieldPath, parse_field_path
from photofinish_emulators.firestore.protos import Document, Message, Value
from photofinish_emulators.firestore.values import is_vector, set_field

MAX_LIMIT = 1000
Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """A ``FindNearest``."""

    path: FieldPath
    vector: Vector
    measure: str
    limit: int
    threshold: float | None
    result_path: FieldPath | None
    """The field of the results that gets the distance."""

    @property
    def dimension(self) -> int:
        return len(self.vector)


def parse_nearest(message: Message) -> Nearest:
    """
    Raises:
        Refused: INVALID_ARGUMENT, with the reason.
    """
    vector = _vector(message.query_vector)
    if vector is None:
        raise invalid("FindNearest.query_vector must be a vector.")
    if not vector:
        raise invalid("Cannot have a zero length vector.")
    if len(vector) > MAX_VECTOR_DIMENSIONS:
        raise invalid(f"FindNearest.query_vector has more than {MAX_VECTOR_DIMENSIONS} dimensions.")
    if not 1 <= message.limit.value <= MAX_LIMIT:
        raise invalid(f"FindNearest.limit must be a positive integer of no more than {MAX_LIMIT}")
    if message.distance_measure not in _MEASURES:
        raise invalid("Unknown Distance Measure.")
    threshold = message.distance_threshold.value if message.HasField("distance_threshold") else None
    if threshold is not None and not math.isfinite(threshold):
        raise invalid("distanceThreshold must be a finite number.")
    result = message.distance_result_field
    return Nearest(
        path=parse_field_path(message.vector_field.field_path),
        vector=vector,
        measure=_MEASURES[message.distance_measure],
        limit=message.limit.value,
        threshold=threshold,
        result_path=parse_field_path(result) if result else None,
    )


def nearest(documents: Iterable[StoredDocument], wanted: Nearest) -> list[tuple[StoredDocument, float]]:
    """The documents whose vectors are the nearest, and their distances; only vectors of the same dimension count.

    Raises:
        Refused: FAILED_PRECONDITION, the cosine of a vector without a direction.
    """
    distance = _DISTANCES[wanted.measure]
    found = []
    for document in documents:
        value = values.field(document.fields, wanted.path)
        vector = None if value is None else _vector(value)
        if vector is not None and len(vector) == len(wanted.vector):
            found.append((document, distance(wanted.vector, vector)))
    if wanted.measure == DOT_PRODUCT:  # grows with similarity
        kept = [pair for pair in found if wanted.threshold is None or pair[1] >= wanted.threshold]
        return heapq.nlargest(wanted.limit, kept, key=lambda pair: pair[1])
    kept = [pair for pair in found if wanted.threshold is None or pair[1] <= wanted.threshold]
    return heapq.nsmallest(wanted.limit, kept, key=lambda pair: pair[1])


def with_distance(message: Message, path: FieldPath | None, distance: float) -> Message:
    """A result with the distance in the field at ``path``, if there is one."""
    if path is None:
        return message
    copy = Document()
    copy.CopyFrom(message)
    set_field(copy.fields, path, Value(double_value=distance))
    return copy


def _vector(value: Message) -> Vector | None:
    """The numbers of a vector; None if the value is something else."""
    if value.WhichOneof("value_type") != "map_value" or not is_vector(value):
        return None
    elements = value.map_value.fields["value"].array_value.values
    return tuple(
        element.double_value if element.WhichOneof("value_type") == "double_value" else float(element.integer_value)
        for element in elements
    )


def _dot(left: Vector, right: Vector) -> float:
    return math.fsum(map(float.__mul__, left, right))


def _cosine(left: Vector, right: Vector) -> float:
    lengths = math.hypot(*left) * math.hypot(*right)
    if not lengths:
        raise failed_precondition("Cannot compute cosine distance against a vector with a magnitude of zero.")
    return 1 - _dot(left, right) / lengths


DOT_PRODUCT = "DOT_PRODUCT"
_MEASURES = {1: "EUCLIDEAN", 2: "COSINE", 3: DOT_PRODUCT}
_DISTANCES: dict[str, Callable[[Vector, Vector], float]] = {
    "EUCLIDEAN": math.dist,
    "COSINE": _cosine,
    DOT_PRODUCT: _dot,
}
