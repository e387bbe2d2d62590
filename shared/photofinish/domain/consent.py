"""Consent of a person to one purpose: what is recorded of it, and which record counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from photofinish.domain.album_policy import is_purpose
from photofinish.errors import RejectedInput

MAX_TEXT_CHARS = 200


class ConsentAction(StrEnum):
    """What a person said about a purpose."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStatement:
    """What a person, or the guardian of a minor, said about one purpose, when and how.

    Raises:
        RejectedInput: `consent_incomplete`, with the field that is missing or wrong.
    """

    action: ConsentAction
    purpose: str
    at: datetime
    """When the person said it, with a time zone; not when it was recorded."""
    method: str
    """How, such as `web form` or `paper`."""
    text_version: str = ""
    """Which version of the text was shown; required where consent is given."""
    is_minor: bool = False
    guardian: str | None = None
    """Who consents for a minor; required where consent is given for one."""

    def __post_init__(self) -> None:
        if not self.purpose or not is_purpose(self.purpose):
            raise _incomplete(
                "purpose", "name what the consent is for, in one line, or set the purpose of the album's policy"
            )
        if not _is_line(self.method):
            raise _incomplete("method", "say how it was said, such as `web form`")
        if self.at.tzinfo is None:
            raise _incomplete("at", "give the time with its zone")
        if self.action is ConsentAction.GIVEN and not _is_line(self.text_version):
            raise _incomplete("text_version", "name the version of the text that the person agreed to")
        if self.is_minor and self.action is ConsentAction.GIVEN and not _is_line(self.guardian or ""):
            raise _incomplete("guardian", "name the guardian who consents for a minor")
        if self.guardian is not None and not (self.is_minor and _is_line(self.guardian)):
            raise _incomplete("guardian", "a guardian, in one line, is recorded for minors only")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """One line of a person's consent history, which is only ever added to."""

    consent_id: str
    """Lower-case 8-4-4-4-12 hexadecimal."""
    person_id: str
    statement: ConsentStatement
    recorded_at: datetime
    recorded_by: str
    """The principal that recorded it."""


def counts(record: ConsentRecord, records: Iterable[ConsentRecord]) -> bool:
    """Whether `record`, one of a person's `records`, is the one that counts for its purpose."""
    return standing_consents(records)[record.statement.purpose] == record


def standing_consents(records: Iterable[ConsentRecord]) -> dict[str, ConsentRecord]:
    """Purpose → the record that counts: the latest statement, in whatever order the records were made.

    Of two statements of the same moment a withdrawal counts.
    """
    standing: dict[str, ConsentRecord] = {}
    for record in records:
        counts = standing.get(record.statement.purpose)
        if counts is None or _order(record) > _order(counts):
            standing[record.statement.purpose] = record
    return standing


def has_consent(records: Iterable[ConsentRecord], purpose: str) -> bool:
    """Whether the person consents to `purpose` now."""
    record = standing_consents(records).get(purpose)
    return record is not None and record.statement.action is ConsentAction.GIVEN


def _order(record: ConsentRecord) -> tuple[datetime, bool]:
    return record.statement.at, record.statement.action is ConsentAction.WITHDRAWN


def _is_line(text: str) -> bool:
    return 0 < len(text) <= MAX_TEXT_CHARS and not any(
        unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for character in text
    )


def _incomplete(field: str, what_to_do: str) -> RejectedInput:
    return RejectedInput("consent_incomplete", f"{field}: {what_to_do}.")
