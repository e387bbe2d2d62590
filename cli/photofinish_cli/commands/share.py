"""`photofinish share`: links that let people find themselves in an album."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish.domain.album_card import AlbumCard, Downloads
from photofinish.domain.shares import MAX_DAYS
from photofinish.errors import NotFound, RejectedInput
from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import console, print_json, print_tables, printable, remark, reported_errors, say, table
from photofinish_cli.times import local_time

_PIN_DIGITS = 6
_SIZES = {Downloads.NONE: "no photos", Downloads.WEB: "photos of web size"}


def _last_day(text: str) -> str:
    """A day, or a number of days from today."""
    today = datetime.now(UTC).date()
    try:
        day = today + timedelta(days=int(text)) if text.isdigit() else date.fromisoformat(text)
        is_near = (day - today).days <= MAX_DAYS
    except OverflowError:  # beyond the calendar
        is_near = False
    except ValueError:
        raise typer.BadParameter(
            f"{text[:40]!r} is no day: write YYYY-MM-DD, or a number of days up to {MAX_DAYS}"
        ) from None
    if not is_near:
        raise typer.BadParameter(f"{text[:40]!r} is too far away: the last day may be {MAX_DAYS} days from today")
    return day.isoformat()


def share(
    album: Album,
    label: Annotated[str | None, typer.Option("--label", help="Where the link is given; for you.")] = None,
    expires: Annotated[
        Any,
        typer.Option(
            "--expires",
            parser=_last_day,
            metavar="DAY",
            help=f"Last day of the link, or in how many days that is, up to {MAX_DAYS}; without it, in 90 days.",
        ),
    ] = None,
    browse: Annotated[bool, typer.Option("--browse", help="Show visitors all photos, not only their own.")] = False,
    downloads: Annotated[
        Downloads, typer.Option("--downloads", help="What visitors may download, if the album's card allows it.")
    ] = Downloads.WEB,
    pin: Annotated[bool, typer.Option("--pin", help=f"Ask visitors for a PIN of {_PIN_DIGITS} digits.")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the QR code into this file, to print.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="The same as a PNG picture.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the album's links instead.")] = False,
    revoke: Annotated[
        str | None, typer.Option("--revoke", metavar="ID", help="Revoke a link instead, by its id of --list.")
    ] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Make a link to an album, and print it with its QR code. It cannot be shown again.

    Examples:

      photofinish share spring-10k --label "poster at the finish" --expires 2026-12-31

      photofinish share spring-10k --browse --downloads original --pin

      photofinish share spring-10k --list
    """
    with reported_errors():
        if list_all and revoke:
            raise RejectedInput("which", "give either --list or --revoke")
        use_deployment(state)
        if list_all:
            _list(album, as_json=json)
        elif revoke:
            api_client.in_album("DELETE", album, f"/shares/{revoke}")
            say(f"revoked: {revoke} opens nothing from now on")
        else:
            body: dict[str, Any] = {"label": label, "expires_on": expires, "downloads": downloads.value}
            body |= {"may": "browse" if browse else "find", "pin": _new_pin() if pin else None}
            allowed = _allowed_by_card(album)
            made = api_client.in_album("POST", album, "/shares", json=body)
            _print_share(made, body["pin"], svg, png, as_json=json)
            _warn_of_card(downloads, allowed)


def print_link(url: str) -> None:
    """Print a link and its QR code; the code only where a person looks."""
    from photofinish.application.sharing import qr_text

    screen = console()  # also with --quiet: it cannot be shown again
    if screen.is_terminal:
        screen.print(qr_text(url), highlight=False, markup=False)
    screen.print(url, soft_wrap=True, highlight=False)


def _print_share(made: dict[str, Any], pin: str | None, svg: Path | None, png: Path | None, *, as_json: bool) -> None:
    url = str(made["url"])
    if svg is not None:
        svg.write_text(made["qr_svg"], encoding="utf-8")
    if png is not None:
        from photofinish.application.sharing import qr_png

        png.write_bytes(qr_png(url))
    if as_json:
        print_json(made | {"pin": pin})
        return
    print_link(url)
    if pin is not None:
        console().print(f"PIN {pin}", highlight=False)
    until = local_time(made["expires_at"])
    remark(f"until {until}; the link cannot be shown again. To revoke it: --revoke {made['share_id']}")


def _allowed_by_card(album: str) -> Downloads:
    try:
        return Downloads(api_client.in_album("GET", album, "")["visitors_may_download"])
    except NotFound:  # it has neither photos nor a card yet, or there is no such album, which the next answer says
        return AlbumCard().downloads


def _warn_of_card(wanted: Downloads, allowed: Downloads) -> None:
    """Say so where the album's card gives visitors less than the link would."""
    if allowed.within(wanted) is not wanted:
        remark(
            f"visitors may download {_SIZES[allowed]}: the album's card allows no more. To allow it, set the album's "
            f"downloads to {wanted.value}, in the settings of the console"
        )


def _list(album: str, *, as_json: bool) -> None:
    found = api_client.in_album("GET", album, "/shares")
    if as_json:
        print_json(found)
        return
    shown = table("share", "may", "downloads", "PIN", "state", "label", whole=["share"])
    for one in found["shares"]:
        row = (one["share_id"], one["may"], one["downloads"], "yes" if one["has_pin"] else "no", _state_of(one))
        shown.add_row(*map(printable, (*row, one["label"] or "")))
    print_tables(shown, empty="no links")


def _state_of(one: dict[str, Any]) -> str:
    if one["revoked_at"] is not None:
        return f"revoked {local_time(one['revoked_at'])}"
    has_ended = datetime.fromisoformat(one["expires_at"]) <= datetime.now(UTC)
    return f"{'expired' if has_ended else 'until'} {local_time(one['expires_at'])}"


def _new_pin() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))
