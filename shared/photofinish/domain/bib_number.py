"""The normal form of a bib number: digits, with up to two capital letters before or after them (`1234`, `A123`)."""

from __future__ import annotations

import re

MAX_LETTERS = 2
_NORMAL = re.compile(rf"[A-Z]{{0,{MAX_LETTERS}}}[0-9]+|[0-9]+[A-Z]{{1,{MAX_LETTERS}}}")


def normal_number(text: str) -> str:
    """Write a number as it is stored and compared: capital letters, no spaces or dashes. `a-123` becomes `A123`."""
    return "".join(character for character in text if character not in " -").upper()


def is_bib_number(text: str) -> bool:
    """Whether `text` is a bib number in its normal form."""
    return _NORMAL.fullmatch(text) is not None


def digits_of(number: str) -> str:
    """The digits of a number in its normal form."""
    return "".join(character for character in number if character in "0123456789")
