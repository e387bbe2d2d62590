"""Who may call a route, how large its body may be, and what is audited.

Every route is declared :func:`guarded`, :func:`open_to_link_holders` or :func:`open_to_all`; an app with a route that
is none of these does not start. The body of a request is read only after its caller was admitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, current_app, g, request

from photofinish.domain.access import Principal, RateLimit, Reading, Scope
from photofinish.domain.photo import album_name, is_album_name
from photofinish_functions.access.probing import FaceSearch, Probing
from photofinish_functions.access.refusals import (
    AlbumNameNotAllowed,
    Denied,
    NotVisible,
    Unauthorized,
    VectorsNotAllowed,
)
from photofinish_functions.api.request_ids import request_id
from photofinish_functions.request_bodies import MAX_REQUEST_BYTES

if TYPE_CHECKING:
    from photofinish_functions.access.gate import Gate

MAX_JSON_BYTES = 2**20
MAX_SIGN_IN_BYTES = 2**14
MAX_PICTURES_BYTES = MAX_REQUEST_BYTES

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a route requires of its caller; nothing where `scope` is None."""

    scope: Scope | None
    reading: Reading
    action: str
    cost: int
    pictures_cost: int | None
    any_album: bool
    max_json_bytes: int
    vectors: bool
    by_faces: bool
    signs_in: bool = False
    makes_album: bool = False

    @property
    def changes(self) -> bool:
        """Whether a POST changes something: those that need no more than SEARCH only compute their answer."""
        return self.scope is not None and self.scope is not Scope.SEARCH


def guarded(
    scope: Scope,
    action: str,
    *,
    cost: int = 1,
    pictures_cost: int | None = None,
    reading: Reading = Reading.ALL,
    any_album: bool = False,
    max_json_bytes: int = MAX_JSON_BYTES,
    vectors: bool = False,
    by_faces: bool = False,
    makes_album: bool = False,
) -> Callable[[View], View]:
    """Require `scope` in the album of the path; without one in the path in all albums, or in any (`any_album`).

    `reading` is the least that the caller must be allowed to read; a view for callers below ALL leaves out what they
    may not. `action` is the audit's name for the route. A request counts as `cost` requests against the rate
    limit, or as `pictures_cost` if it contains pictures (multipart/form-data); without a `pictures_cost` the route
    takes none. `vectors`: the caller must also have the right to use embeddings as numbers.
    `by_faces`: the view may search by faces in the album of the path, see :func:`face_search`. `makes_album`: the album
    of the path need not exist yet, so callers who see all albums are told that a name is not allowed.
    """
    return _with(
        Guard(
            scope=scope,
            reading=reading,
            action=action,
            cost=cost,
            pictures_cost=pictures_cost,
            any_album=any_album,
            max_json_bytes=max_json_bytes,
            vectors=vectors,
            by_faces=by_faces,
            makes_album=makes_album,
        )
    )


def open_to_all(action: str) -> Callable[[View], View]:
    """Require no key. Such a route must not reveal anything about albums or people."""
    return _with(
        Guard(
            scope=None,
            reading=Reading.ALL,
            action=action,
            cost=0,
            pictures_cost=None,
            any_album=False,
            max_json_bytes=MAX_JSON_BYTES,
            vectors=False,
            by_faces=False,
        )
    )


def open_to_sign_in(action: str) -> Callable[[View], View]:
    """Require no key, because the body has a credential: the view checks it before anything else.

    Requests are limited per network before the body is read. The view sets `g.principal` once it knows the caller.
    """
    return _with(
        Guard(
            scope=None,
            reading=Reading.ALL,
            action=action,
            cost=1,
            pictures_cost=None,
            any_album=False,
            max_json_bytes=MAX_SIGN_IN_BYTES,
            vectors=False,
            by_faces=False,
            signs_in=True,
        )
    )


def open_to_link_holders(action: str) -> Callable[[View], View]:
    """Require no key, because the path has a signed link: the view checks it before anything else."""
    return open_to_all(action)


def current_guard() -> Guard:
    """What the route of the current request requires."""
    assert request.endpoint is not None
    guard: Guard = vars(current_app.view_functions[request.endpoint])["guard"]
    return guard


def principal() -> Principal:
    """Return the principal of the current request."""
    found: Principal = g.principal
    return found


def spend(budget: str, limit: RateLimit) -> None:
    """Take one from a budget that the current request's caller has besides its rate; RateLimited if it is empty."""
    g.gate.spend(principal(), budget, limit)


def note_refusal(refusal: Denied | Unauthorized) -> None:
    """Have the refusal of a sign-in audited, of which the view knows the principal, or that there is none."""
    known = refusal.principal if isinstance(refusal, Denied) else None
    if known is None:
        g.gate.record_failure(request_id=request_id(), network=g.gate.network_of(request))
        return
    g.refusal = refusal
    if known.albums is not None and len(known.albums) == 1:
        [g.audit_album] = known.albums


def require_vectors() -> None:
    """Raise VectorsNotAllowed unless the current request's caller may use embeddings as numbers."""
    if not principal().may_use_vectors:
        raise VectorsNotAllowed(principal())


def face_search(album: str) -> FaceSearch:
    """Return the current request as a search by faces in `album`, for a view that is guarded `by_faces`."""
    return FaceSearch(principal=principal(), album=album, request_id=request_id(), used_s=g.probing_used_s)


def probing() -> Probing:
    """Return what charges the callers of searches by faces."""
    found: Probing = g.gate.probing
    return found


def audit(*, target: str | None = None, count: int | None = None) -> None:
    """Add to the current request's audit entry: the id it was about, and how many things were found or changed."""
    g.audit_target, g.audit_count = target, count


def guard_routes(app: Flask, gate: Callable[[], Gate]) -> None:
    """Admit every request of `app` before its view, and audit it afterwards; call this after all routes are added."""
    unguarded = [name for name, view in app.view_functions.items() if not hasattr(view, "guard")]
    assert not unguarded, f"routes without a guard: {unguarded}"

    @app.before_request
    def admit() -> None:
        if request.endpoint is None or request.method == "OPTIONS":
            return  # no view answers it
        guard = current_guard()
        request.max_content_length, cost = guard.max_json_bytes, guard.cost
        if guard.pictures_cost is not None and request.mimetype == "multipart/form-data":
            request.max_content_length, cost = MAX_PICTURES_BYTES, guard.pictures_cost
        if guard.signs_in:
            g.gate = gate()
            g.gate.admit_sign_in(request)
        if guard.scope is None:
            return
        g.gate = gate()
        try:
            if guard.any_album:
                g.principal = gate().admit_anywhere(request, guard.scope, cost=cost, reading=guard.reading)
            elif guard.by_faces and (album := _album()) is not None:
                g.principal, g.probing_used_s = gate().admit_face_search(
                    request, guard.scope, album, cost=cost, reading=guard.reading
                )
            else:
                g.principal = gate().admit(request, guard.scope, _album(), cost=cost, reading=guard.reading)
            if guard.vectors:
                require_vectors()
        except Unauthorized:
            gate().record_failure(request_id=request_id(), network=gate().network_of(request))
            raise
        except Denied as refusal:
            g.refusal = _of_new_album(refusal, guard)
            raise g.refusal from None

    @app.after_request
    def record(answer: Response) -> Response:
        # Popped, because the answer to a failure in this function passes through here again.
        caller, refusal = g.pop("principal", None), g.pop("refusal", None)
        if caller is None and refusal is None:
            return answer
        named, outcome = g.get("audit_album") or _album(), g.get("outcome", str(answer.status_code))
        album = named if named is not None and is_album_name(named) else None
        # No answer without an audit entry: if this fails, its error is the answer.
        if refusal is not None:
            gate().record_refusal(
                refusal,
                current_guard().action,
                album=album,
                outcome=outcome,
                request_id=request_id(),
                network=gate().network_of(request),
            )
        else:
            gate().record(
                caller,
                current_guard().action,
                album=album,
                target=g.get("audit_target"),
                outcome=outcome,
                request_id=request_id(),
                count=g.get("audit_count"),
                network=gate().network_of(request),
            )
        return answer


def _of_new_album(refusal: Denied, guard: Guard) -> Denied:
    """The refusal of a request; callers who may make any album learn why there is none of the name in the path."""
    caller, album = refusal.principal, _album()
    is_misnamed = album is not None and not is_album_name(album)
    if not (guard.makes_album and is_misnamed and isinstance(refusal, NotVisible)):
        return refusal
    may_make_any = caller is not None and guard.scope is not None and caller.may(guard.scope, None)
    return AlbumNameNotAllowed(caller) if may_make_any else refusal


def _with(guard: Guard) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.guard = guard  # type: ignore[attr-defined]
        return view

    return decorate


def _album() -> str | None:
    album = (request.view_args or {}).get("album")
    return None if album is None else album_name(album)
