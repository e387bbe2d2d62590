"""The card of an album: what people who look at its photos are told, and what they may download."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

MAX_TITLE_CHARS = 200
MAX_WATERMARK_CHARS = 60
_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})


class Downloads(StrEnum):
    """In which size photos may be downloaded; each includes those before it."""

    NONE = "none"
    WEB = "web"
    ORIGINAL = "original"

    def within(self, limit: Downloads) -> Downloads:
        """Return the smaller of both."""
        order = list(Downloads)
        return min(self, limit, key=order.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumCard:
    """The card of one album. The defaults are those of an album without a card."""

    title: str | None = None
    """None: the album's name."""
    held_on: date | None = None
    """The day of the race or party."""
    watermark: str | None = None
    """Text drawn into previews; None: no watermark."""
    downloads: Downloads = Downloads.WEB

    def __post_init__(self) -> None:
        for name, text, most in (
            ("title", self.title, MAX_TITLE_CHARS),
            ("watermark", self.watermark, MAX_WATERMARK_CHARS),
        ):
            if text is not None and not is_line(text, most):
                raise ValueError(f"{name}: 1 to {most} printable characters in one line")


def card_fields(album: str, card: AlbumCard) -> dict[str, Any]:
    """Return the fields of an album's document that its card decides, as JSON values."""
    return {
        "title": card.title or album,
        "held_on": None if card.held_on is None else card.held_on.isoformat(),
        "watermark": card.watermark,
        "downloads": card.downloads.value,
    }


def is_line(text: str, max_chars: int) -> bool:
    """Whether `text` is a line that can be shown: not blank, not longer, without control characters."""
    return (
        bool(text.strip())
        and len(text) <= max_chars
        and not any(unicodedata.category(character) in _NOT_IN_A_LINE for character in text)
    )
