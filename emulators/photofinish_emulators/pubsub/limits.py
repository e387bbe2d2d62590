"""Names, labels and ranges that the service checks, with the words of its errors.

Limits: https://docs.cloud.google.com/pubsub/quotas, names: https://docs.cloud.google.com/pubsub/docs/pubsub-basics,
labels: https://docs.cloud.google.com/pubsub/docs/labels. Words marked *recorded* are those of the real service, from
recordings in https://github.com/t-k/fireemu (crates/fireemu-adapter-pubsub); the others are ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from google.protobuf.duration_pb2 import Duration

from photofinish_emulators.common.rpc_errors import Refused, invalid

MAX_LABELS, MAX_LABEL_CHARACTERS = 64, 63

_NAME = re.compile(r"projects/(?P<project>[^/]+)/(?P<kind>[a-z]+)/(?P<id>[A-Za-z][A-Za-z0-9\-_.~+%]{2,254})")
_PROJECT = re.compile(r"projects/[^/]+")


def check_name(name: str, kind: str) -> None:
    """Check a resource name; ``kind`` is ``topics``, ``subscriptions``, ``snapshots`` or ``schemas``.

    Raises:
        Refused: INVALID_ARGUMENT, as all functions here.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["kind"] != kind or match["id"].lower().startswith("goog"):
        raise _invalid_name(name)


def check_project(name: str) -> None:
    if _PROJECT.fullmatch(name) is None:
        raise _invalid_name(name)


def project_of(name: str) -> str:
    return name.split("/")[1]


def _invalid_name(name: str) -> Refused:  # recorded
    return invalid(
        f"Invalid resource name given (name={name}). Refer to"
        " https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information."
    )


def check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > MAX_LABELS:
        raise invalid(f"{len(labels)} labels are too many: at most {MAX_LABELS}.")
    for key, value in labels.items():
        first = key[:1]
        if not key or not _is_letter(first):
            raise _invalid_label(
                f'key "{key}" does not conform to regular expression "[\\p{{Ll}}\\p{{Lo}}]'
                f'[\\p{{Ll}}\\p{{Lo}}\\p{{N}}_-]{{0,62}}"; first character "{first}" is not a non-uppercased letter'
                " (Unicode character class Ll or Lo)"
            )
        for what, text in (("key", key), ("value", value)):
            if len(text) > MAX_LABEL_CHARACTERS or not all(map(_is_allowed, text)):
                raise _invalid_label(
                    f'{what} "{text}" must have at most {MAX_LABEL_CHARACTERS} characters, and only lower-case letters,'
                    " digits, _ and -"
                )


def _is_letter(character: str) -> bool:
    return unicodedata.category(character) in ("Ll", "Lo")


def _is_allowed(character: str) -> bool:
    return character in "_-" or _is_letter(character) or unicodedata.category(character).startswith("N")


def _invalid_label(problem: str) -> Refused:  # recorded: the form, and the text about a key's first character
    return invalid(
        "You have passed an invalid argument to the service (argument=Invalid labels: Invalid field"
        f' "labels"; {problem}).'
    )


def seconds(duration: Duration) -> float:
    return float(duration.seconds + duration.nanos / 1e9)


def check_range(what: str, value: float, low: float, high: float | None, unit: str = "") -> None:
    """``unit`` ``s`` shows the values as durations. The forms are recorded."""

    def shown(number: float) -> str:
        return duration_text(number) if unit == "s" else f"{number:g}"

    if low <= value and (high is None or value <= high):
        return
    passed = f"You passed {shown(value)} in the request, but the"
    if high is None:
        raise invalid(f"The value for {what} is too small. {passed} minimum value is {shown(low)}.")
    raise invalid(
        f"The value for {what} is out of bounds. {passed} value must be between {shown(low)} and {shown(high)}."
    )


def duration_text(seconds: float) -> str:
    """As the service shows durations: 9m59s, 744h, 0.5s."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{number:.9g}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if number]
    return sign + ("".join(parts) or "0s")
