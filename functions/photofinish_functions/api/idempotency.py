"""Requests that may be repeated: the `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header).

A POST that changes something and names a key is answered once; a repetition with the same body gets the same status and
answer. POSTs with the scope `search` change nothing, so they need no key: theirs is ignored, and their answers, which
tell where people were, are never stored.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

from flask import Flask, Response, g, request

from photofinish.ports import AnswerClaim, KeptAnswer, KeptAnswers, NotClaimed
from photofinish_functions.api.errors import bad_request
from photofinish_functions.api.guarding import current_guard, principal
from photofinish_functions.api.patterns import PRINTABLE_ASCII
from photofinish_functions.refused import Refused

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
CODES = frozenset({"bad_request", "idempotency_key_reused", "request_in_progress"})
RETRY_AFTER_S = 5
MAX_KEY_CHARS = 255
_KEPT_HEADERS = ("Content-Type", "Location", "Retry-After")


def keep_without(*fields: str) -> None:
    """Keep the answer to the current request without the values of `fields`, which are shown only once."""
    g.shown_once = fields


def answer_once(app: Flask, answers: Callable[[], KeptAnswers]) -> None:
    """Answer requests of `app` with the answer that their key has; call this after the routes are guarded."""

    @app.before_request
    def claim() -> Response | None:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST" or request.endpoint is None or not current_guard().changes:
            return None
        if not re.fullmatch(PRINTABLE_ASCII, key) or len(key) > MAX_KEY_CHARS:
            raise bad_request(f"{HEADER}: must be 1 to {MAX_KEY_CHARS} ASCII characters without spaces.")
        match answers().claim(_request_digest(key), _body_digest(), album=(request.view_args or {}).get("album")):
            case AnswerClaim() as claimed:
                g.claim = claimed
                return None
            case KeptAnswer() as kept:
                return Response(kept.content, kept.status, dict(kept.headers) | {REPLAYED_HEADER: "true"})
            case NotClaimed.OTHER_BODY:
                raise Refused(
                    409,
                    "idempotency_key_reused",
                    f"This {HEADER} was sent with another body: use a new key for each request.",
                )
            case NotClaimed.IN_PROGRESS:
                raise Refused(
                    409,
                    "request_in_progress",
                    f"A request with this {HEADER} is being answered: repeat it in {RETRY_AFTER_S} s.",
                    {"Retry-After": str(RETRY_AFTER_S)},
                )

    @app.after_request
    def keep(answer: Response) -> Response:
        claimed: AnswerClaim | None = g.pop("claim", None)
        if claimed is None:
            return answer
        if answer.status_code >= 500 or answer.status_code == 429:
            answers().release(claimed)  # another try may do better
            return answer
        headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        content = answer.get_data(as_text=True)
        if shown_once := g.pop("shown_once", ()):
            content = json.dumps(json.loads(content) | dict.fromkeys(shown_once))
        kept = KeptAnswer(status=answer.status_code, headers=headers, content=content)
        answers().keep(claimed, kept)
        return answer


def _request_digest(key: str) -> bytes:
    caller = principal()
    parts = (caller.kind, caller.id, request.method, request.full_path, key)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


def _body_digest() -> bytes:
    """The SHA-256 of the body; the boundary of a form differs from request to request, so it does not count."""
    body = request.get_data(cache=True)
    if request.mimetype == "multipart/form-data":
        body = body.replace(request.mimetype_params.get("boundary", "\0").encode("latin-1", "replace"), b"")
    return hashlib.sha256(request.mimetype.encode() + b"\0" + body).digest()
