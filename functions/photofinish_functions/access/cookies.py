"""The cookie of a page's session, and the refusal of other sites' requests that bring it along."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from flask import Response
from werkzeug.sansio.request import Request

from photofinish.domain.sessions import SessionToken

COOKIE = "__Host-photofinish"
LOOPBACK_COOKIE = "photofinish"
"""Over http on this machine: browsers take a `__Host-` cookie over https only."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def session_of_cookie(request: Request) -> SessionToken | None:
    """Return the session that the request's cookie names; None without one."""
    text = request.cookies.get(COOKIE)
    if text is None and _is_plain_loopback(request):
        text = request.cookies.get(LOOPBACK_COOKIE)
    return None if text is None else SessionToken.parse(text)


def is_cross_site_change(request: Request) -> bool:
    """Whether the request may change something and is not known to come from a page of this host."""
    return request.method not in _SAFE_METHODS and not is_same_origin(request)


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this host sent the request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() == request.host.lower()


def takes_cookie(request: Request) -> bool:
    """Whether an answer may set the cookie: not for pages of other hosts, which would sign visitors in unasked."""
    from_browser = "Sec-Fetch-Site" in request.headers or "Origin" in request.headers
    return is_same_origin(request) or not from_browser


def set_session_cookie(
    answer: Response, request: Request, token: SessionToken, *, expires_at: datetime, strict: bool
) -> None:
    """Set the cookie. `strict`: links on other sites do not bring it along either, which a shared link needs."""
    plain = _is_plain_loopback(request)
    answer.set_cookie(
        LOOPBACK_COOKIE if plain else COOKIE,
        token.text,
        expires=expires_at,
        path="/",
        secure=not plain,
        httponly=True,
        samesite="Strict" if strict else "Lax",
    )


def delete_session_cookie(answer: Response, request: Request) -> None:
    """Make the browser forget the cookie."""
    plain = _is_plain_loopback(request)
    name = LOOPBACK_COOKIE if plain else COOKIE
    answer.delete_cookie(name, path="/", secure=not plain, httponly=True, samesite="Lax")


def _is_plain_loopback(request: Request) -> bool:
    return request.scheme == "http" and urlsplit(f"//{request.host}").hostname in _LOOPBACK
