"""`photofinish retention`: the albums that will be erased because they end."""

from __future__ import annotations

from photofinish_cli import api_client
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import print_json, print_tables, printable, reported_errors, table
from photofinish_cli.times import days_ahead


def retention(json: Json = False, state: StateDir = None) -> None:
    """List the albums that will be erased because they end, the next one first. Nothing is changed.

    `photofinish policy ALBUM --ends-on DAY` sets or moves the end of an album.

    Examples:

      photofinish retention

      photofinish retention --json | jq -r '.[] | select(.days_left <= 14).album'
    """
    with reported_errors():
        use_deployment(state)
        albums = api_client.retention()
    if json:
        print_json(albums)
        return
    rows = table("album", "purpose", "last day", "erased on (UTC)", "", optional=["purpose"])
    for album in albums:
        due = album["days_left"] <= 0
        rows.add_row(
            printable(album["album"]),
            printable(album["purpose"]),
            album["ends_on"],
            album["erased_on"],
            days_ahead(album["days_left"]),
            style="yellow" if due else None,
        )
    print_tables(rows, empty="no album has an end: `photofinish policy ALBUM --ends-on DAY` sets one")
