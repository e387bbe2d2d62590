"""Texts of EXIF."""

from __future__ import annotations


def exif_text(value: object) -> str:
    """Decode an EXIF text, without characters that are not printable; empty for anything that is no text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value.split("\0")[0] if character.isprintable()).strip()
