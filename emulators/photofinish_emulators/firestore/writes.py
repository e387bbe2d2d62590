"""Applies one write to one document: preconditions, masks, transforms. Pure functions, no storage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet
from google.protobuf.wrappers_pb2 import StringValue

from photofinish_emulators.common.rpc_errors import already_exists, failed_precondition, invalid, not_found
from photofinish_emulators.firestore import limits
from photofinish_emulators.firestore.paths import (
    DOCUMENT_ID,
    FieldPath,
    Name,
    document_name,
    format_field_path,
    parse_field_path,
)
from photofinish_emulators.firestore.protos import (
    Document,
    Fields,
    Message,
    Precondition,
    Value,
    Write,
    check_time,
    micros,
    timestamp,
)
from photofinish_emulators.firestore.values import (
    NULL_VALUE,
    delete_field,
    encode,
    field,
    set_field,
    to_microseconds,
)

_MAX_INT = 2**63 - 1
_MIN_INT = -(2**63)
_VERIFY_FIELD = 5  # `string verify = 5` of Write: the web SDKs send it, but it is not in the published protos
_LENGTH_DELIMITED = 2
_NUMBERS = ("integer_value", "double_value")


@dataclass(frozen=True, slots=True)
class WriteOperation:
    """A checked write of one document."""

    name: Name
    precondition: Message
    fields: Fields | None = None
    """What to store; None deletes the document, unless ``only_verify``."""
    mask: tuple[FieldPath, ...] | None = None
    """The fields that the write changes; None replaces the document."""
    transforms: tuple[tuple[FieldPath, Message], ...] = ()
    only_verify: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """The result of a write."""

    fields: Fields | None
    """None: the document does not exist afterwards."""
    transform_results: tuple[Message, ...] = ()


def parse_write(write: Message, database: str) -> WriteOperation:
    """Check a ``google.firestore.v1.Write``.

    Raises:
        Refused: INVALID_ARGUMENT, with the reason.
    """
    kind = write.WhichOneof("operation")
    if kind in ("update", "transform"):
        write = _in_microseconds(write)
    if kind == "update":
        mask = _parse_mask(write.update_mask) if write.HasField("update_mask") else None
        transforms = _parse_transforms(write.update_transforms)
        return WriteOperation(
            document_name(write.update.name, database), write.current_document, write.update.fields, mask, transforms
        )
    if kind == "delete":
        return WriteOperation(document_name(write.delete, database), write.current_document)
    if kind == "transform":
        if not write.transform.field_transforms:
            raise invalid("A transform must have at least one field transform.")
        transforms = _parse_transforms(write.transform.field_transforms)
        name = document_name(write.transform.document, database)
        return WriteOperation(name, write.current_document, Document().fields, (), transforms)
    unknown_fields: Any = UnknownFieldSet(write)
    for unknown in unknown_fields:
        if unknown.field_number == _VERIFY_FIELD and unknown.wire_type == _LENGTH_DELIMITED:
            name = document_name(unknown.data.decode(), database)
            return WriteOperation(name, write.current_document, only_verify=True)
    raise invalid("A write must have an operation: update, delete or transform.")


def set_verify(write: Message, name: str) -> None:
    """Make ``verify`` the operation of ``write``; it only checks the precondition of the document with this name."""
    encoded = StringValue(value=name).SerializeToString()  # the tag of its only field, then length and name
    write.MergeFromString(bytes([_VERIFY_FIELD << 3 | _LENGTH_DELIMITED]) + encoded[1:])


def _in_microseconds(write: Message) -> Message:
    """A copy of ``write`` whose timestamps are cut to microseconds."""
    copy = Write()
    copy.CopyFrom(write)
    for name in copy.update.fields if copy.HasField("update") else ():
        to_microseconds(copy.update.fields[name])
    for transform in (*copy.update_transforms, *copy.transform.field_transforms):
        for array in (transform.append_missing_elements, transform.remove_all_from_array):
            for element in array.values:
                to_microseconds(element)
    return copy


def _parse_mask(mask: Message) -> tuple[FieldPath, ...]:
    """The paths of a mask; those below another path of it add nothing to what the write changes."""
    paths = tuple(map(parse_field_path, mask.field_paths))
    if len(set(paths)) < len(paths):
        raise invalid("A field path appears twice in a mask.")
    if any(path[0] == DOCUMENT_ID for path in paths):
        raise invalid(f"A mask cannot contain {DOCUMENT_ID}.")
    known = set(paths)
    return tuple(path for path in paths if not any(path[:length] in known for length in range(1, len(path))))


def _parse_transforms(transforms: list[Message]) -> tuple[tuple[FieldPath, Message], ...]:
    parsed = tuple((parse_field_path(transform.field_path), transform) for transform in transforms)
    for path, transform in parsed:
        kind = transform.WhichOneof("transform_type")
        if kind is None:
            raise invalid(f"The transform of field {format_field_path(path)} has no type.")
        if kind == "set_to_server_value" and transform.set_to_server_value != 1:
            raise invalid(f"The transform of field {format_field_path(path)} has an unknown server value.")
        if kind in _NUMERIC and getattr(transform, kind).WhichOneof("value_type") not in _NUMBERS:
            raise invalid(f"The {kind} of field {format_field_path(path)} must be an integer or a double.")
    return parsed


def check_precondition(
    name: Name, precondition: Message, exists: bool, update_us: int, now_us: int, *, deleted_before: bool = False
) -> None:
    """Refuse the write when ``precondition`` does not hold.

    ``deleted_before`` says that an earlier write of the same commit deletes the document: to demand that it exists is
    then a mistake of the request, whatever is stored (the SDKs' tests of transactions on the real service expect
    INVALID_ARGUMENT: firebase-js-sdk, packages/firestore/test/integration/api/transactions.test.ts).

    Raises:
        Refused: NOT_FOUND, ALREADY_EXISTS or FAILED_PRECONDITION; INVALID_ARGUMENT for a time in the future.
    """
    kind = precondition.WhichOneof("condition_type")
    if kind is None:
        return
    if kind == "exists":
        if precondition.exists and not exists and deleted_before:
            raise invalid(
                f"A write requires that a document exists that an earlier write of the commit deletes: {name}"
            )
        if precondition.exists and not exists:
            raise not_found(f"No document to update: {name}")
        if exists and not precondition.exists:
            raise already_exists(f"Document already exists: {name}")
    elif check_time(precondition.update_time) > now_us:
        raise invalid("The update_time of a precondition cannot be in the future.")
    elif not exists:
        raise failed_precondition(f"No document to update: {name}; the precondition requires its update time.")
    elif micros(precondition.update_time) != update_us:
        raise failed_precondition(
            f"the stored version ({update_us}) does not match the required base version "
            f"({micros(precondition.update_time)}): {name}"
        )


def apply_write(operation: WriteOperation, current: Fields | None, time_us: int) -> Effect:
    """Apply a write to a document with the fields ``current`` (None: it does not exist).

    ``time_us`` is the commit time, which server timestamps have in milliseconds. Neither ``current`` nor the
    operation's own fields are changed; the result may share them.

    Raises:
        Refused: the result breaks a limit.
    """
    if operation.only_verify:
        return Effect(current)
    if operation.fields is None:
        return Effect(None)
    if operation.mask is None and not operation.transforms:
        limits.check_document(operation.name, operation.fields)
        return Effect(operation.fields)
    result = Document()
    if operation.mask is None:
        _merge(result.fields, operation.fields)
    else:
        if current is not None:
            _merge(result.fields, current)
        for path in operation.mask:
            value = field(operation.fields, path)
            if value is None:
                delete_field(result.fields, path)
            else:
                set_field(result.fields, path, value)
    results = tuple(_transform(result.fields, path, transform, time_us) for path, transform in operation.transforms)
    limits.check_document(operation.name, result.fields)
    return Effect(result.fields, results)


def _merge(target: Fields, source: Fields) -> None:
    for name in source:
        target[name].CopyFrom(source[name])


def _transform(fields: Fields, path: FieldPath, transform: Message, time_us: int) -> Message:
    kind = transform.WhichOneof("transform_type")
    current = field(fields, path)
    if kind == "set_to_server_value":
        result = Value(timestamp_value=timestamp(time_us - time_us % 1000))
    elif kind in _NUMERIC:
        operand = getattr(transform, kind)
        is_number = current is not None and current.WhichOneof("value_type") in _NUMBERS
        result = _NUMERIC[kind](current, operand) if is_number else operand
    elif kind == "append_missing_elements":
        set_field(fields, path, _append_missing(current, transform.append_missing_elements.values))
        return NULL_VALUE
    else:
        set_field(fields, path, _remove_all(current, transform.remove_all_from_array.values))
        return NULL_VALUE
    set_field(fields, path, result)
    return result


def _number(value: Message) -> int | float:
    number: int | float = (
        value.integer_value if value.WhichOneof("value_type") == "integer_value" else value.double_value
    )
    return number


def _increment(current: Message, operand: Message) -> Message:
    total = _number(current) + _number(operand)
    if isinstance(total, int):
        return Value(integer_value=max(_MIN_INT, min(_MAX_INT, total)))
    return Value(double_value=total)


def _maximum(current: Message, operand: Message) -> Message:
    if _is_nan(current) or _is_nan(operand):
        return Value(double_value=float("nan"))
    return operand if encode(operand) > encode(current) else current


def _minimum(current: Message, operand: Message) -> Message:
    if _is_nan(current) or _is_nan(operand):
        return Value(double_value=float("nan"))
    return operand if encode(operand) < encode(current) else current


def _is_nan(value: Message) -> bool:
    number = _number(value)
    return number != number


_NUMERIC: dict[str, Callable[[Message, Message], Message]] = {
    "increment": _increment,
    "maximum": _maximum,
    "minimum": _minimum,
}


def _elements(current: Message | None) -> list[Message]:
    is_array = current is not None and current.WhichOneof("value_type") == "array_value"
    return list(current.array_value.values) if is_array and current is not None else []


def _append_missing(current: Message | None, additions: list[Message]) -> Message:
    result = Value()
    result.array_value.SetInParent()
    values = result.array_value.values
    present = set()
    for element in _elements(current):
        present.add(encode(element))
        values.add().CopyFrom(element)
    for element in additions:
        if encode(element) not in present:
            present.add(encode(element))
            values.add().CopyFrom(element)
    return result


def _remove_all(current: Message | None, removals: list[Message]) -> Message:
    result = Value()
    result.array_value.SetInParent()
    gone = {encode(element) for element in removals}
    for element in _elements(current):
        if encode(element) not in gone:
            result.array_value.values.add().CopyFrom(element)
    return result


def exists_precondition(exists: bool) -> Message:
    """The precondition that the document exists, or that it does not."""
    return Precondition(exists=exists)
