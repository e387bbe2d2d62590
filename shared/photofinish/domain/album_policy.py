"""The policy of an album: on which legal basis, whose faces are indexed, what is redacted, and how long it is kept."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

MAX_PURPOSE_CHARS = 200


class LegalBasis(StrEnum):
    """Why the faces of an album may be processed. Only recorded; it decides nothing."""

    UNDECLARED = "undeclared"
    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


class Indexing(StrEnum):
    """Whose faces are indexed. Those of opted-out people never are, whatever the policy."""

    EVERYONE = "everyone"
    OPT_OUT = "opt_out"
    """All faces except those of people who opted out: as EVERYONE, but opting out is offered to the people."""
    ENROLLED_ONLY = "enrolled_only"
    """Only faces of enrolled people with a valid consent record for the album's purpose."""


class Redact(StrEnum):
    """Whose faces are redacted in renditions for other callers."""

    NONE = "none"
    EVERYONE = "everyone"
    WITHOUT_CONSENT = "without_consent"


class RedactionStyle(StrEnum):
    """How a face is redacted."""

    BLUR = "blur"
    PIXELATE = "pixelate"
    SOLID = "solid"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumPolicy:
    """The policy of one album. The defaults are those of an album without a policy of its own."""

    legal_basis: LegalBasis = LegalBasis.UNDECLARED
    indexing: Indexing = Indexing.EVERYONE
    redact: Redact = Redact.NONE
    redaction_style: RedactionStyle = RedactionStyle.BLUR
    keep_originals: bool = True
    """False: only the results of an analysis stay, the photo itself is deleted."""
    purpose: str = ""
    """What the faces are processed for, such as `finding your race photos`; consent is given to a purpose."""
    ends_on: date | None = None
    """The last day on which the album is kept; None: no end."""

    def __post_init__(self) -> None:
        if not is_purpose(self.purpose):
            raise ValueError(f"a purpose has up to {MAX_PURPOSE_CHARS} printable characters in one line")


def is_purpose(text: str) -> bool:
    """Whether `text` can be a purpose: up to 200 characters, none of them a control character; empty: undeclared."""
    return len(text) <= MAX_PURPOSE_CHARS and not any(
        unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for character in text
    )
