"""Compressed answers, for those who take them."""

from __future__ import annotations

import gzip
from http import HTTPStatus

from flask import Flask, Request, Response, request

_LEVEL = 5
_WORTH_BYTES = 2000
_LISTS_OF_PHOTOS = frozenset({"photos.list_photos", "search.search", "search.search_bib"})


def compress(answer: Response, request: Request, packed: bytes | None = None) -> Response:
    """Send `answer` as gzip where the browser takes it; `packed` is its content compressed, if that is known.

    For answers that do not repeat what they were asked beside a secret: their size would tell about the secret.
    """
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings.best_match(("gzip",)) is not None:
        answer.data = packed or gzip.compress(answer.data, _LEVEL, mtime=0)
        answer.content_encoding = "gzip"
    return answer


def compress_lists(app: Flask) -> None:
    """Compress lists of photos, which are long: 200 photos are 380 kB of JSON, and a tenth of that compressed."""

    @app.after_request
    def compress_list(answer: Response) -> Response:
        if request.endpoint not in _LISTS_OF_PHOTOS or answer.status_code != HTTPStatus.OK or answer.is_streamed:
            return answer
        return answer if len(answer.data) < _WORTH_BYTES else compress(answer, request)
