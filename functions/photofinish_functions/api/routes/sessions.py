"""Open share links, sign in pages, and end their sessions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint

from photofinish.domain.access import ApiKey, Reading, Scope
from photofinish.wiring import App
from photofinish_functions.access.callers import session_token
from photofinish_functions.access.cookies import delete_session_cookie, set_session_cookie, takes_cookie
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.permissions import claimed_by
from photofinish_functions.access.refusals import CrossSite, Denied, Unauthorized
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded, note_refusal, open_to_sign_in, principal
from photofinish_functions.api.schemas import new_blueprint
from photofinish_functions.api.sharing import (
    CurrentSession,
    OpenedShare,
    OpenShareInput,
    SharedWith,
    SignInInput,
    StartedSession,
    card_of,
    downloads_of,
)

_SECTION = "sessions", "Sessions of pages: of visitors with a share link, and of organisers."


def signing_in(services: App) -> APIBlueprint:
    """The routes that need no key."""
    api = new_blueprint(*_SECTION, needs_key=False, name="signing_in")

    @api.post(
        "/shares/open",
        responses={200: OpenedShare},
        description="The session lasts a week at most, and ends with the link. It may do what `may` says in this "
        "album, and nothing else.",
    )
    @open_to_sign_in("open_share")
    @fails_with("unknown_share", "pin_required", "wrong_pin", "rate_limited", "unavailable")
    def open_share(body: OpenShareInput) -> Response:
        """Open a share link, and start a session of its visitor."""
        gate: Gate = g.gate
        try:
            visitor = gate.open_share(request, body.token, body.pin)
        except Denied as refusal:
            note_refusal(refusal)
            raise
        share, caller = visitor.share, visitor.principal
        g.principal, g.audit_album = caller, share.album
        audit(target=share.share_id)
        token, session = gate.sessions.start(share)
        card = card_of(services, share.album)
        opened = OpenedShare(
            album=share.album,
            title=card.title,
            held_on=card.held_on,
            may=share.may,
            downloads=downloads_of(services, caller, share.album),
            expires_at=share.expires_at,
            session_token=token.text,
            session_expires_at=session.expires_at,
        )
        answer = Response(opened.model_dump_json(), mimetype="application/json")
        if takes_cookie(request):
            set_session_cookie(answer, request, token, expires_at=session.expires_at, strict=False)
        return answer

    @api.post(
        "/sessions",
        responses={200: StartedSession},
        description="For pages of this host: the session is in an HttpOnly cookie. It may do what the key or the user "
        "may do, but for using vectors, for 12 hours with a key and an hour with an ID token. It ends with the key.",
    )
    @open_to_sign_in("start_session")
    @fails_with("unauthorized", "cross_site", "invalid_value", "rate_limited", "unavailable")
    def start_session(body: SignInInput) -> Response:
        """Sign in a page with an API key, or with the ID token of a user."""
        gate: Gate = g.gate
        if not takes_cookie(request):
            raise CrossSite
        try:
            caller = gate.holder_or_user(request, body.api_key or body.id_token or "")
        except Unauthorized as refusal:
            note_refusal(refusal)
            raise
        token, session = gate.sessions.start(caller)
        if isinstance(caller, ApiKey):
            g.principal, scope, albums = caller.principal, caller.scope, caller.albums
        else:
            g.principal = claimed_by(caller)
            scope, albums = g.principal.scope, g.principal.albums
        started = StartedSession(
            scope=scope, albums=None if albums is None else sorted(albums), expires_at=session.expires_at
        )
        answer = Response(started.model_dump_json(), mimetype="application/json")
        set_session_cookie(answer, request, token, expires_at=session.expires_at, strict=True)
        return answer

    return api


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint(*_SECTION)

    @api.get("/sessions", responses={200: CurrentSession})
    @guarded(Scope.SEARCH, "show_session", reading=Reading.FIND_ME, any_album=True)
    def show_session() -> dict[str, Any]:
        """Show who the caller is, and until when."""
        gate, caller = g.gate, principal()
        token = session_token(request)
        session = None if token is None else gate.sessions.session(token)
        share = services.shares.get(caller.id) if caller.kind == "share" else None
        return CurrentSession(
            kind=caller.kind,
            scope=caller.scope,
            albums=None if caller.albums is None else sorted(caller.albums),
            share=None
            if share is None
            else SharedWith.from_object(share, downloads=downloads_of(services, caller, share.album)),
            expires_at=None if session is None else session.expires_at,
        ).model_dump(mode="json")

    @api.delete("/sessions", responses={204: None})
    @guarded(Scope.SEARCH, "end_session", reading=Reading.FIND_ME, any_album=True)
    def end_session() -> Response:
        """End the session, and delete its cookie. A key or an ID token stays as it is."""
        if (token := session_token(request)) is not None:
            g.gate.sessions.end(token)
        answer = Response(status=HTTPStatus.NO_CONTENT)
        delete_session_cookie(answer, request)
        return answer

    return api
