"""What a principal may do where, and what every signed-in user may do without claims."""

from __future__ import annotations

import logging

from photofinish.domain.access import Principal, Reading, Scope
from photofinish.domain.photo import is_album_name
from photofinish.logs import fields
from photofinish_functions.access.firebase_tokens import SignedInUser
from photofinish_functions.access.refusals import Forbidden, NotVisible

log = logging.getLogger(__name__)


def claimed_by(user: SignedInUser) -> Principal:
    """Return the rights that the user's claims grant."""
    return user.granted or without_claims(user)


def without_claims(user: SignedInUser) -> Principal:
    """Return the principal of a user who sees no album."""
    return Principal("user", user.uid, Scope.SEARCH, frozenset(), reading=Reading.FIND_ME)


def permitted(principal: Principal, scope: Scope, album: str | None, reading: Reading = Reading.ALL) -> Principal:
    """Return `principal` if it has `scope` in `album`, or in all albums for None, and may read as much as `reading`.

    Raises:
        NotVisible: the principal may not see the album; the same for albums that do and do not exist.
        Forbidden: the principal may see the album, or no single album is named.
    """
    if album is not None and not (is_album_name(album) and principal.sees(album)):
        log.info("album not visible", extra=fields(principal=f"{principal.kind}:{principal.id}"))
        raise NotVisible(principal)
    if not principal.may(scope, album) or not principal.reading.includes(reading):
        log.info("forbidden", extra=fields(principal=f"{principal.kind}:{principal.id}", scope=scope.value))
        raise Forbidden(principal)
    return principal


def including(principal: Principal, scope: Scope) -> Principal:
    """Return `principal` if its scope includes `scope`; raise Forbidden otherwise."""
    if not principal.scope.includes(scope):
        log.info("forbidden", extra=fields(principal=f"{principal.kind}:{principal.id}", scope=scope.value))
        raise Forbidden(principal)
    return principal
