"""Who may call a route, how much of a body it takes, and what the audit remembers of it.

Every route says so by :func:`guarded` or :func:`open_to_all`; an app with a route that says neither does not start.
Nothing of a request is read before its sender was admitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, current_app, g, request

from photofinish.domain.access import Principal, Scope
from photofinish.domain.photo import is_album_name
from photofinish_functions.access.refusals import Denied
from photofinish_functions.api.request_ids import request_id
from photofinish_functions.request_bodies import MAX_REQUEST_BYTES

if TYPE_CHECKING:
    from photofinish_functions.access.gate import Gate

MAX_JSON_BYTES = 2**20
MAX_PICTURES_BYTES = MAX_REQUEST_BYTES

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a route demands; `scope` None: nothing."""

    scope: Scope | None
    action: str
    cost: int
    pictures_cost: int | None
    any_album: bool
    max_json_bytes: int


def guarded(
    scope: Scope,
    action: str,
    *,
    cost: int = 1,
    pictures_cost: int | None = None,
    any_album: bool = False,
    max_json_bytes: int = MAX_JSON_BYTES,
) -> Callable[[View], View]:
    """A route for principals with `scope` in the album of its path; without one in all albums, or some (`any_album`).

    `action` is what the audit calls it. `cost` counts against the rate limit; `pictures_cost` does where pictures are
    sent (multipart/form-data), which only a route that gives it takes.
    """
    return _with(
        Guard(
            scope=scope,
            action=action,
            cost=cost,
            pictures_cost=pictures_cost,
            any_album=any_album,
            max_json_bytes=max_json_bytes,
        )
    )


def open_to_all(action: str) -> Callable[[View], View]:
    """A route that takes no key, and so tells nothing of anybody."""
    return _with(
        Guard(scope=None, action=action, cost=0, pictures_cost=None, any_album=False, max_json_bytes=MAX_JSON_BYTES)
    )


def principal() -> Principal:
    """Who sent the request that is being answered."""
    found: Principal = g.principal
    return found


def audit(*, target: str | None = None, count: int | None = None) -> None:
    """What the audit entry of this request adds: what it was about, and how many were found or changed."""
    g.audit_target, g.audit_count = target, count


def guard_routes(app: Flask, gate: Callable[[], Gate]) -> None:
    """Admit before, record after every request of `app`; call it once all routes are there."""
    unguarded = [name for name, view in app.view_functions.items() if not hasattr(view, "guard")]
    assert not unguarded, f"routes without a guard: {unguarded}"

    @app.before_request
    def admit() -> None:
        if request.endpoint is None or request.method == "OPTIONS":
            return  # answered without a view
        guard = _guard()
        request.max_content_length, cost = guard.max_json_bytes, guard.cost
        if guard.pictures_cost is not None and request.mimetype == "multipart/form-data":
            request.max_content_length, cost = MAX_PICTURES_BYTES, guard.pictures_cost
        if guard.scope is None:
            return
        try:
            if guard.any_album:
                g.principal = gate().admit_anywhere(request, guard.scope, cost=cost)
            else:
                g.principal = gate().admit(request, guard.scope, _album(), cost=cost)
        except Denied as refusal:
            g.refusal = refusal
            raise

    @app.after_request
    def record(answer: Response) -> Response:
        # Taken once: the answer to a failure in here comes by as well.
        who, refusal = g.pop("principal", None), g.pop("refusal", None)
        if who is None and refusal is None:
            return answer
        named, outcome = _album(), g.get("outcome", str(answer.status_code))
        album = named if named is not None and is_album_name(named) else None
        # Where this fails its error is the answer: nothing is told that no audit entry tells of.
        if refusal is not None:
            gate().record_refusal(refusal, _guard().action, album=album, outcome=outcome, request_id=request_id())
        else:
            gate().record(
                who,
                _guard().action,
                album=album,
                target=g.get("audit_target"),
                outcome=outcome,
                request_id=request_id(),
                count=g.get("audit_count"),
            )
        return answer


def _with(guard: Guard) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.guard = guard  # type: ignore[attr-defined]
        return view

    return decorate


def _guard() -> Guard:
    assert request.endpoint is not None
    guard: Guard = vars(current_app.view_functions[request.endpoint])["guard"]
    return guard


def _album() -> str | None:
    return (request.view_args or {}).get("album")
