"""Tell webhooks at once of what requests change, rather than by the schedule within a minute."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request

from photofinish.application.webhooks.relaying import relay_soon
from photofinish.domain.access import Scope
from photofinish.ports import WebhookMessages
from photofinish_functions.api.guarding import current_guard

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def tell_of_changes(app: Flask, messages: Callable[[], WebhookMessages]) -> None:
    """Nudge the relay after every request of `app` that may have recorded an event."""

    @app.after_request
    def tell(answer: Response) -> Response:
        is_done = request.endpoint is not None and answer.status_code < 400
        if is_done and request.method not in _READING and current_guard().scope in (Scope.WRITE, Scope.ADMIN):
            relay_soon(messages())
        return answer
