"""Hashes of 64 bits in columns of type bigint, which is signed."""

from __future__ import annotations

_SIGN, _ALL = 1 << 63, 1 << 64


def as_bigint(hash_: int) -> int:
    """Return the number with the same 64 bits that a bigint can be."""
    return hash_ - _ALL if hash_ >= _SIGN else hash_


def from_bigint(stored: int) -> int:
    """Return what :func:`as_bigint` stored."""
    return stored % _ALL
