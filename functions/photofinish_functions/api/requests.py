"""Reading of bodies: in memory, never to disk, and not beyond the route's limit."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import IO, Any

from flask import Request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.formparser import FormDataParser
from werkzeug.wsgi import LimitedStream

MAX_FIELD_BYTES = 2 * 2**20  # a query in a JSON part may have embeddings
MAX_PARTS = 40
_LARGEST_EXACT = 2**53
_MAX_DIGITS = 400  # more than the largest float has
_MAX_KEY_CHARS = 60


class InMemoryRequest(Request):
    """A request whose files are never written to disk; Flask's own writes large ones to temporary files."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The JSON object of the body. Unlike Flask's, it always raises for anything else."""
        del force, silent
        if self.mimetype != "application/json":
            raise UnsupportedMediaType("Send the body as application/json.")
        content = self.get_data(cache=cache)
        if self._is_cut_off:
            raise RequestEntityTooLarge
        return parse_json_object(content, "the body")

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except ValueError:
            if self._is_cut_off:
                raise RequestEntityTooLarge from None
            raise BadRequest(
                "The body is not valid multipart/form-data: its boundary is missing, or its end was cut off."
            ) from None

    def make_form_data_parser(self) -> FormDataParser:
        return FormDataParser(
            stream_factory=self._in_memory,
            max_form_memory_size=MAX_FIELD_BYTES,
            max_content_length=self.max_content_length,
            max_form_parts=MAX_PARTS,
            silent=False,
            cls=self.parameter_storage_class,
        )

    @property
    def _is_cut_off(self) -> bool:
        """Whether the body exceeded its limit: werkzeug truncates a body of unknown length there, without an error."""
        stream = self.stream
        return self.content_length is None and isinstance(stream, LimitedStream) and stream.is_exhausted

    @staticmethod
    def _in_memory(*_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


class StrictJson(DefaultJSONProvider):
    """Compact JSON in the order of the models' fields; raises for NaN and infinity, which JSON does not have."""

    sort_keys = False
    compact = True

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, allow_nan=False, **kwargs)


def parse_json_object(text: bytes | str, what: str) -> dict[str, Any]:
    """Parse a JSON object; `what` names it in messages.

    Raises:
        BadRequest: `text` is not a JSON object.
    """
    try:
        found = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_number,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise BadRequest(f"The JSON of {what} is nested too deeply.") from None
    except _NotAccepted as problem:
        raise BadRequest(f"The JSON of {what} {problem}.") from None
    except ValueError as error:
        position = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadRequest(f"{what[0].upper()}{what[1:]} is not valid JSON{position}.") from None
    if not isinstance(found, dict):
        raise BadRequest(f"{what[0].upper()}{what[1:]} must be a JSON object.")
    return found


def _number(text: str) -> float | int:
    """JSON has only one kind of number: 13.0 is the integer 13."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _LARGEST_EXACT else number


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _NotAccepted("has an integer of too many digits")
    return int(digits)


def _refuse_constant(name: str) -> float:
    raise _NotAccepted(f"has {name}, which is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A parser that takes the first and one that takes the last would see different requests."""
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _NotAccepted(f"has the key {twice[:_MAX_KEY_CHARS]!r} twice in one object")
    return found


class _NotAccepted(Exception):
    """JSON that parsers read differently; the message goes on from "The JSON of the body"."""
