"""Make share links, and draw their QR codes."""

from __future__ import annotations

import io
import uuid
from datetime import datetime

import segno

from photofinish.domain.album_card import Downloads
from photofinish.domain.shares import PinHash, Share, ShareMay, ShareToken
from photofinish.ports import Shares

_PATH = "/s/"
_MODULE_PX = 8


def create_share(
    shares: Shares,
    album: str,
    *,
    label: str | None,
    may: ShareMay,
    downloads: Downloads,
    pin: str | None,
    expires_at: datetime,
    now: datetime,
) -> tuple[Share, ShareToken]:
    """Store a new share of `album`, and return its token, which is known only now.

    Raises:
        ValueError: the PIN is not 4 to 8 digits.
    """
    token = ShareToken.generate()
    share = Share(
        share_id=str(uuid.uuid4()),
        album=album,
        label=label,
        may=may,
        downloads=downloads,
        pin=None if pin is None else PinHash.of(pin),
        expires_at=expires_at,
        created_at=now,
    )
    shares.add(share, token.sha256)
    return share, token


def share_url(address: str, token: ShareToken) -> str:
    """Return the link; `address` is the public one of the API, without a slash at its end."""
    return f"{address}{_PATH}{token.text}"


def qr_svg(url: str) -> str:
    """Return the QR code of `url` as an SVG document, black on white with the margin that readers need."""
    drawn = io.BytesIO()
    _qr(url).save(drawn, kind="svg", scale=_MODULE_PX, light="#fff", svgclass=None, lineclass=None)
    return drawn.getvalue().decode()


def qr_png(url: str) -> bytes:
    """Return the QR code of `url` as a PNG file, to print."""
    drawn = io.BytesIO()
    _qr(url).save(drawn, kind="png", scale=_MODULE_PX * 2)
    return drawn.getvalue()


def qr_text(url: str) -> str:
    """Return the QR code of `url` in half-block characters, light on the dark ground of a terminal."""
    drawn = io.StringIO()
    _qr(url).terminal(drawn, compact=True)
    return drawn.getvalue()


def _qr(url: str) -> segno.QRCode:
    return segno.make_qr(url, error="m")  # medium correction: printed codes get scratched
