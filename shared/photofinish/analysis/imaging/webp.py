"""The RIFF container of WebP files."""

from __future__ import annotations

from photofinish.analysis.imaging.files import FileToDecode, metadata_damaged

_HEADER_BYTES = 8


def examined(content: bytes) -> FileToDecode:
    """Mend a length in the header that goes beyond the end of the file; the decoder notices missing pixels."""
    available = len(content) - _HEADER_BYTES
    if int.from_bytes(content[4:8], "little") <= available:
        return FileToDecode(content)
    # RIFF's lengths are even.
    mended = content[:4] + (available & ~1).to_bytes(4, "little") + content[_HEADER_BYTES:]
    return FileToDecode(mended, warnings=(metadata_damaged("length beyond the end of the file"),), is_short=True)
