"""Links in messages to subscribers: they confirm an address or end a subscription, without sign-in.

Programs that scan e-mail fetch links, so a GET only asks, with a button; a POST does it. The POST of a mail program
(`List-Unsubscribe=One-Click`, RFC 8058) is the same.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

from flask import Response, render_template_string
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.application.notifying.wording import WORDING
from photofinish.domain.subscription import EndReason, Language, Subscription
from photofinish.domain.subscription_link import LinkAction, SubscriptionLink, read_link
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import open_to_link_holders
from photofinish_functions.api.schemas import Parameters, new_blueprint
from photofinish_functions.refused import Refused

_STYLE = (
    ":root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;"
    "padding:0 1.25rem}button{font:inherit;padding:.75rem 1.25rem;border-radius:.5rem;border:1px solid;cursor:pointer}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="{{ language }}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>{{ text }}</title><style>{{ style | safe }}</style></head>
<body><main><h1>{{ text }}</h1>{% if button %}<form method="post"><button>{{ button }}</button></form>{% endif %}
</main></body>
</html>
"""
_HTML = {
    "description": "A page for people.",
    "content": {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>…"}},
}


class LinkPath(Parameters):
    link: str = Field(description="The last part of a link in a message.")


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("subscription-links", "Links in messages to subscribers. They need no key.", needs_key=False)

    @api.get("/subscription-links/<link>", responses={200: _HTML})
    @open_to_link_holders("show_subscription_link")
    @fails_with("unknown_link", "unavailable")
    def show_subscription_link(path: LinkPath) -> Response:
        """Ask whether to confirm or to end; this changes nothing."""
        link = _read(services, path)
        found = services.subscriptions.find(link.subscription_id)
        if found is None:
            return _page(None, WORDING[Language.ENGLISH].not_there)
        said = WORDING[found.language]
        if link.action is LinkAction.END:
            return _page(found, said.ends_page, said.ends_button)
        if found.confirmed_at is not None:
            return _page(found, said.confirmed)
        return _page(found, said.confirms_page, said.confirms_button)

    @api.post("/subscription-links/<link>", responses={200: _HTML})
    @open_to_link_holders("follow_subscription_link")
    @fails_with("unknown_link", "unavailable")
    def follow_subscription_link(path: LinkPath) -> Response:
        """Confirm or end, as the link says; twice equals once. The body is not read."""
        link, now = _read(services, path), datetime.now(UTC)
        if link.action is LinkAction.CONFIRM:
            confirmed = services.subscriptions.confirm(link.subscription_id, now=now)
            if confirmed is None:
                return _page(None, WORDING[Language.ENGLISH].not_there)
            services.webhook_messages.nudge()
            return _page(confirmed, WORDING[confirmed.language].confirmed)
        found = services.subscriptions.find(link.subscription_id)
        services.subscriptions.end(link.subscription_id, EndReason.REQUESTED, now=now)
        return _page(None, WORDING[Language.ENGLISH if found is None else found.language].ended)

    return api


def _read(services: App, path: LinkPath) -> SubscriptionLink:
    link = read_link(path.link, services.webhook_settings.webhook_key)
    if link is None:
        raise Refused(404, "unknown_link", "This link is not complete: open it from the message again.")
    return link


def _page(about: Subscription | None, text: str, button: str | None = None) -> Response:
    language = Language.ENGLISH if about is None else about.language
    filled = text.format(album="" if about is None else about.album)
    answer = Response(
        render_template_string(_PAGE, language=language.value, text=filled, button=button, style=_STYLE),
        mimetype="text/html",
    )
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer
