"""`photofinish subscriptions`: who is told of new photos of theirs, without their addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from photofinish_cli import api_client
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import print_json, print_tables, printable, remark, reported_errors, say, table
from photofinish_cli.times import local_time

_MAX_PAGE = 200
Id = Annotated[
    str, typer.Argument(metavar="SUBSCRIPTION", help="Id of the subscription, as `subscriptions list` shows it.")
]

app = typer.Typer(
    name="subscriptions",
    help="Tell runners of new photos of theirs: count, list and end that. No command shows an address.",
    no_args_is_help=True,
)


@app.command("list")
def list_subscriptions(
    album: Album,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of subscriptions.")] = 50,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """List the subscriptions that this key made; runners end theirs by the link in each message.

    Examples:

      photofinish subscriptions list spring-10k

      photofinish subscriptions list spring-10k --json | jq -r '.subscriptions[].subscription_id'
    """
    with reported_errors():
        use_deployment(state)
        found = _list(album, limit)
    if json:
        print_json(found)
        return
    _print(found["subscriptions"], empty="none made by this key; `subscriptions count` counts those of all")
    if found["has_more"]:
        remark(f"the first {limit}; --limit shows more")
    if not found["channels"]:
        remark("no channel is on: docs/notifications.md says how to set one up")


@app.command("count")
def count_subscriptions(album: Album, json: Json = False, state: StateDir = None) -> None:
    """Count an album's subscriptions, of runners and apps alike.

    Example: photofinish subscriptions count spring-10k
    """
    with reported_errors():
        use_deployment(state)
        found = api_client.in_album("GET", album, "/subscription-counts")
    if json:
        print_json(found)
        return
    shown = table("channel", "subscriptions", "", right=["subscriptions"])
    for one in found["counts"]:
        shown.add_row(one["channel"], str(one["subscriptions"]), "" if one["is_confirmed"] else "not confirmed")
    print_tables(shown, empty="no subscriptions")


@app.command("show")
def show_subscription(album: Album, subscription: Id, json: Json = False, state: StateDir = None) -> None:
    """Show one subscription: what it waits for, by which channel, and until when.

    Example: photofinish subscriptions show spring-10k 2f6b0c1d-9e8a-4f7b-8c3d-5a4b3c2d1e0f
    """
    with reported_errors():
        use_deployment(state)
        found = api_client.in_album("GET", album, f"/subscriptions/{subscription}")
    if json:
        print_json(found)
        return
    _print([found], empty="")


@app.command("end")
def end_subscription(album: Album, subscription: Id, json: Json = False, state: StateDir = None) -> None:
    """End a subscription; what was kept for it is deleted, and no message follows.

    Example: photofinish subscriptions end spring-10k 2f6b0c1d-9e8a-4f7b-8c3d-5a4b3c2d1e0f
    """
    with reported_errors():
        use_deployment(state)
        api_client.in_album("DELETE", album, f"/subscriptions/{subscription}")
    if json:
        print_json({"ended": subscription})
        return
    say(f"ended: {printable(subscription)}")


def _list(album: str, limit: int) -> dict[str, Any]:
    """The first `limit` subscriptions, of as many pages as that takes."""
    query: dict[str, Any] = {"limit": min(limit, _MAX_PAGE)}
    found: list[dict[str, Any]] = []
    while True:
        page = api_client.in_album("GET", album, "/subscriptions", params=query)
        found += page["subscriptions"]
        if page["next_cursor"] is None or len(found) >= limit:
            has_more = page["next_cursor"] is not None or len(found) > limit
            return {"channels": page["channels"], "subscriptions": found[:limit], "has_more": has_more}
        query["cursor"] = page["next_cursor"]


def _print(subscriptions: list[dict[str, Any]], *, empty: str) -> None:
    shown = table("subscription", "channel", "photos of", "language", "since", "state", whole=["subscription"])
    for one in subscriptions:
        row = (one["subscription_id"], one["channel"], _wanted(one), one["language"], local_time(one["created_at"]))
        shown.add_row(*map(printable, (*row, _state_of(one))))
    print_tables(shown, empty=empty)


def _wanted(one: dict[str, Any]) -> str:
    """Whose photos are told: the API keeps no selfie, only how many there were."""
    selfies = one["selfies"]
    parts = [
        f"number {one['bib']}" if one["bib"] is not None else "",
        f"{selfies} selfie{'s' if selfies > 1 else ''}" if selfies else "",
        f"person {one['person_id']}" if one["person_id"] is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _state_of(one: dict[str, Any]) -> str:
    if one["confirmed_at"] is None:
        return "asked to confirm"
    has_ended = datetime.fromisoformat(one["ends_at"]) <= datetime.now(UTC)
    return f"{'ended' if has_ended else 'until'} {local_time(one['ends_at'])}"
