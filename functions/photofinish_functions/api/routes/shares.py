"""An album's card and its share links."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import request
from flask_openapi3.blueprint import APIBlueprint

from photofinish.application.sharing import create_share as make_share
from photofinish.application.sharing import qr_svg, share_url
from photofinish.domain.access import Scope
from photofinish.wiring import App
from photofinish_functions.api.albums import check_album
from photofinish_functions.api.document import server_of
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.idempotency import keep_without
from photofinish_functions.api.schemas import AlbumPath, new_blueprint
from photofinish_functions.api.sharing import (
    AlbumCardAnswer,
    AlbumCardBody,
    NewShare,
    ShareInput,
    ShareJson,
    SharePath,
    SharesAnswer,
    card_fields,
)
from photofinish_functions.refused import Refused


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("sharing", "Give people links to an album.")

    @api.put(
        "/albums/<album>",
        responses={200: AlbumCardAnswer},
        description="The album need not have photos yet: it is listed from now on. After a 503, Firestore may not have "
        "the card yet: send the request again.",
    )
    @guarded(Scope.ADMIN, "set_album_card", makes_album=True)
    @fails_with("invalid_value")
    def set_album_card(path: AlbumPath, body: AlbumCardBody) -> dict[str, Any]:
        """Create an album, or replace its card: title, day, watermark, downloads."""
        card = body.card()
        services.album_cards.set_card(path.album, card)
        services.album_documents.write(path.album, card)
        return AlbumCardAnswer(album=path.album, **card_fields(card)).model_dump(mode="json")

    @api.post("/albums/<album>/shares", responses={201: NewShare})
    @guarded(Scope.ADMIN, "create_share")
    @fails_with("invalid_value")
    def create_share(path: AlbumPath, body: ShareInput) -> tuple[dict[str, Any], int]:
        """Make a link that lets anyone who has it find their photos. The link is in this answer and in no other."""
        check_album(services, path.album)
        now = datetime.now(UTC)
        share, token = make_share(
            services.shares,
            path.album,
            label=body.label,
            may=body.may,
            downloads=body.downloads,
            pin=body.pin,
            expires_at=body.ends_at(now),
            now=now,
        )
        keep_without("url", "qr_svg")
        audit(target=share.share_id)
        url = share_url(server_of(request), token)
        answer = NewShare.from_object(share, url=url, qr_svg=qr_svg(url))
        return answer.model_dump(mode="json"), HTTPStatus.CREATED

    @api.get("/albums/<album>/shares", responses={200: SharesAnswer})
    @guarded(Scope.ADMIN, "list_shares")
    def list_shares(path: AlbumPath) -> dict[str, Any]:
        """List the album's share links, without what would open them."""
        shares = [ShareJson.from_object(share) for share in services.shares.of_album(path.album)]
        if not shares:
            check_album(services, path.album)
        audit(count=len(shares))
        return SharesAnswer(shares=shares).model_dump(mode="json")

    @api.delete(
        "/albums/<album>/shares/<share_id>",
        responses={204: None},
        description="The link and the sessions of its visitors end within 5 seconds.",
    )
    @guarded(Scope.ADMIN, "revoke_share")
    def revoke_share(path: SharePath) -> tuple[str, int]:
        """Revoke a share link. It stays listed; revoking it again changes nothing."""
        audit(target=path.share_id)
        if not services.shares.revoke(path.album, path.share_id):
            raise Refused(404, "unknown_share_link", "This album has no such share link.")
        return "", HTTPStatus.NO_CONTENT

    return api
