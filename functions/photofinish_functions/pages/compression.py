"""Compressed answers, for browsers that take them."""

from __future__ import annotations

import gzip

from flask import Request, Response


def compress(answer: Response, request: Request, packed: bytes | None = None) -> Response:
    """Send `answer` as gzip where the browser takes it; `packed` is its content compressed, if that is known.

    For answers without secrets only: the size of an answer that repeats what an attacker chose tells about the rest.
    """
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings.best_match(("gzip",)) is not None:
        answer.data = packed or gzip.compress(answer.data, mtime=0)
        answer.content_encoding = "gzip"
    return answer
