"""What pages say, in each language: one file of messages each, `messages/{language}.json`.

A file maps sections (`common`, `runner`, …) to keys to texts. A text may have values in braces (`{album}`); a key that
depends on a number has one text per plural category of its language (`photos#one`, `photos#other`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FOLDER = Path(__file__).parent / "messages"
DEFAULT = "en"
Section = Mapping[str, str]


@dataclass(frozen=True)
class Catalogue:
    """The messages of all languages."""

    languages: Mapping[str, Mapping[str, Section]]

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        return cls({path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))})

    def names(self) -> dict[str, str]:
        """Each language with its own name for itself."""
        return {language: sections["common"]["language"] for language, sections in self.languages.items()}

    def of(self, language: str, *sections: str) -> dict[str, str]:
        """The messages of these sections in one language, by key."""
        return {key: text for section in sections for key, text in self.languages[language][section].items()}
