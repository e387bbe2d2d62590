"""`photofinish webhooks`: servers that are told what happens, and what was delivered to them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from photofinish.errors import RejectedInput, Unavailable
from photofinish_cli import api_client
from photofinish_cli.arguments import album_of
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import console, counted, print_json, printable, remark, reported_errors, say, table
from photofinish_cli.times import local_time, parse_since

Where = Annotated[
    str | None, typer.Option("--album", help="Of this album; without: those for all albums.", metavar="ALBUM")
]
Id = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Id of the webhook, as `webhooks list` shows it.")]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Only events of this type, such as photo.done; several times.")
]
TEST_TIMEOUT_S = 60.0
_POLL_S = 0.2

app = typer.Typer(name="webhooks", help="Send events to your servers.", no_args_is_help=True)


@app.command("list")
def list_webhooks(album: Where = None, json: Json = False, state: StateDir = None) -> None:
    """List webhooks, and whether they work.

    Example: photofinish webhooks list --album spring-10k
    """
    with reported_errors():
        use_deployment(state)
        found = _ask("GET", album)["webhooks"]
    if json:
        print_json({"webhooks": found})
        return
    shown = table("webhook", "url", "types", "state", "description", whole=["webhook"])
    for webhook in found:
        types = ", ".join(webhook["event_types"] or ["all"])
        row = (webhook["webhook_id"], webhook["url"], types, _state_of(webhook), webhook["description"])
        shown.add_row(*map(printable, row))
    console().print(shown)


@app.command("add")
def add_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent; begins with https://.")],
    album: Where = None,
    types: Types = None,
    folder: Annotated[str | None, typer.Option(help="Only events about photos of this folder.")] = None,
    camera: Annotated[str | None, typer.Option(help="Only events about photos of this camera.")] = None,
    bib: Annotated[str | None, typer.Option(help="Only events about photos with this number.")] = None,
    person: Annotated[str | None, typer.Option(help="Only events about this person, by id, and their photos.")] = None,
    description: Annotated[str, typer.Option(help="For people.")] = "",
    signature: Annotated[
        str, typer.Option(help="v1: a secret that both sides have. v1a: a key pair; print the public key.")
    ] = "v1",
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Add a webhook, and print its secret, which is shown only now, or its public key.

    Examples:

      photofinish webhooks add https://hooks.example.org/photos --album spring-10k --type photo.done

      photofinish webhooks add https://hooks.example.org/all --description "the results app" --signature v1a
    """
    chosen = {"folder": folder, "camera": camera, "bib": bib, "person_id": person}
    body = {"url": url, "event_types": types, "description": description, "filter": chosen, "signature": signature}
    with reported_errors():
        use_deployment(state)
        added = _ask("POST", album, json=body)
    _print_secret(added, json=json)


@app.command("change")
def change_webhook(
    webhook: Id,
    album: Where = None,
    url: Annotated[str | None, typer.Option(help="A new address.")] = None,
    types: Types = None,
    all_types: Annotated[bool, typer.Option("--all-types", help="Events of all types.")] = False,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Send events again, or no more.")] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Change a webhook; what is left out stays.

    Examples:

      photofinish webhooks change --enable 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b

      photofinish webhooks change --type photo.done --type photo.failed 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b
    """
    given = {"url": url, "event_types": types, "enabled": enabled, "description": description}
    body = {name: value for name, value in given.items() if value is not None}
    with reported_errors():
        if types and all_types:
            raise RejectedInput("which_types", "give either --type or --all-types")
        use_deployment(state)
        changed = _ask("PATCH", album, f"/{webhook}", json=body | ({"event_types": None} if all_types else {}))
    if json:
        print_json(changed)
        return
    say(f"changed: {changed['webhook_id']} is {_state_of(changed)}")


@app.command("rotate")
def rotate_secret(
    webhook: Id,
    album: Where = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Remove the old secret, when your server has the new.")
    ] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Replace the secret in two steps: until the second, messages are signed with both.

    Examples:

      photofinish webhooks rotate 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b

      photofinish webhooks rotate --finish 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b
    """
    with reported_errors():
        use_deployment(state)
        if not finish:
            _print_secret(_ask("POST", album, f"/{webhook}/secrets"), json=json)
            return
        old, *newer = _ask("GET", album, f"/{webhook}")["secrets"]
        if not newer:
            raise RejectedInput("last_secret", "the webhook has one secret: `rotate` without --finish adds the new one")
        _ask("DELETE", album, f"/{webhook}/secrets/{old['secret_id']}")
    if json:
        print_json({"removed": old["secret_id"]})
        return
    say(f"removed the secret of {local_time(old['created_at'])}")


@app.command("remove")
def remove_webhook(webhook: Id, album: Where = None, json: Json = False, state: StateDir = None) -> None:
    """Remove a webhook with its deliveries.

    Example: photofinish webhooks remove 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b
    """
    with reported_errors():
        use_deployment(state)
        _ask("DELETE", album, f"/{webhook}")
    if json:
        print_json({"removed": webhook})
        return
    say(f"removed: {printable(webhook)}")


@app.command("test")
def send_test(webhook: Id, album: Where = None, json: Json = False, state: StateDir = None) -> None:
    """Send a test event, wait, and show what came back. Exit code 1: the server did not accept it.

    Example: photofinish webhooks test 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b
    """
    with reported_errors():
        use_deployment(state)
        delivery = _ask("POST", album, f"/{webhook}/test")
        details = _ended(album, f"/{webhook}/deliveries/{delivery['delivery_id']}")
    if json:
        print_json(details)
    else:
        _print_details(details)
    if details["delivery"]["state"] != "delivered":
        raise typer.Exit(1)


@app.command("deliveries")
def list_deliveries(
    webhook: Id,
    album: Where = None,
    delivery: Annotated[int | None, typer.Option(help="Show this one, with what was sent and answered.")] = None,
    state_of: Annotated[
        str | None, typer.Option("--in-state", help="Only these: pending, delivered or failed.", metavar="STATE")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of deliveries.")] = 50,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """List the latest deliveries to a webhook, or show one.

    Examples:

      photofinish webhooks deliveries --in-state failed 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b

      photofinish webhooks deliveries --delivery 4711 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b
    """
    with reported_errors():
        use_deployment(state)
        if delivery is not None:
            details = _ask("GET", album, f"/{webhook}/deliveries/{delivery}")
        else:
            query = {"limit": limit} | ({} if state_of is None else {"state": state_of})
            details = _ask("GET", album, f"/{webhook}/deliveries", params=query)
    if json:
        print_json(details)
        return
    if delivery is not None:
        _print_details(details)
        return
    shown = table("delivery", "type", "state", "attempts", "since", "next attempt", right=["attempts"])
    for one in details["deliveries"]:
        times = (local_time(one["started_at"]), local_time(one["next_attempt_at"]))
        shown.add_row(str(one["delivery_id"]), one["type"], one["state"], str(one["attempts"]), *times)
    console().print(shown)


@app.command("replay")
def replay(
    webhook: Id,
    album: Where = None,
    delivery: Annotated[int | None, typer.Option(help="This delivery, by its id.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Events that happened since then: 2h, 2026-05-01 or 2026-05-01T10:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="With --since: events that happened before then.")] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Deliver again: one delivery, or all events of a time that the webhook wants, with the same ids.

    Examples:

      photofinish webhooks replay --delivery 4711 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b

      photofinish webhooks replay --since 2h 4d1e8b7a-2c5f-4e3d-9a6b-7c8d9e0f1a2b
    """
    with reported_errors():
        if (delivery is None) == (since is None):
            raise RejectedInput("what_to_replay", "say what: give either --delivery ID or --since TIME")
        use_deployment(state)
        if delivery is not None:
            _ask("POST", album, f"/{webhook}/deliveries/{delivery}/replay")
            count = 1
        else:
            count = _replay_range(album, webhook, since or "", until)
    if json:
        print_json({"deliveries": count})
        return
    say(f"{counted(count, 'delivery', 'deliveries')} begun anew")


def _replay_range(album: str | None, webhook: str, since: str, until: str | None) -> int:
    body: dict[str, Any] = {"occurred_from": _moment(since)}
    if until is not None:
        body["occurred_before"] = _moment(until)
    count = 0
    while True:
        page = _ask("POST", album, f"/{webhook}/replay", json=body)
        count += int(page["deliveries"])
        if page["next_cursor"] is None:
            return count
        body["cursor"] = page["next_cursor"]


def _moment(text: str) -> str:
    try:
        return parse_since(text, datetime.now(UTC)).isoformat()
    except ValueError as error:
        raise RejectedInput("invalid_time", str(error)) from None


def _ended(album: str | None, path: str) -> dict[str, Any]:
    """Wait until a delivery ends. Raises Unavailable."""
    deadline_s = time.monotonic() + TEST_TIMEOUT_S
    while (details := _ask("GET", album, path))["delivery"]["state"] == "pending":
        if time.monotonic() > deadline_s:
            raise Unavailable(
                f"the test was not sent within {TEST_TIMEOUT_S:g} s: is the function deliver-webhooks running?"
            )
        time.sleep(_POLL_S)
    return details


def _state_of(webhook: dict[str, Any]) -> str:
    if not webhook["enabled"]:
        return f"disabled ({webhook['disabled_reason']})"
    if webhook["failing_since"] is not None:
        return f"failing since {local_time(webhook['failing_since'])}"
    return "enabled"


def _print_secret(added: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(added)
        return
    screen = console()  # also with --quiet
    screen.print(added["webhook"]["webhook_id"], soft_wrap=True)
    if added["webhook"]["signature"] == "v1a":
        screen.print(added["webhook"]["secrets"][-1]["public_key"], soft_wrap=True)
        remark("your server verifies the messages with this public key (docs/webhooks.md)")
        return
    screen.print(added["secret"], soft_wrap=True)
    remark("the secret is shown only now; your server verifies the messages with it (docs/webhooks.md)")


def _print_details(details: dict[str, Any]) -> None:
    shown = table("attempt", "status", "ms", "answer", right=["ms"])
    for attempt in details["attempts"]:
        status = attempt["error"] if attempt["status"] is None else str(attempt["status"])
        shown.add_row(local_time(attempt["at"]), status, str(attempt["duration_ms"]), printable(attempt["answer"]))
    console().print(shown)
    say(f"{details['delivery']['state']}: {printable(details['body'])}")


def _ask(method: str, album: str | None, path: str = "", **request: Any) -> dict[str, Any]:
    if album is None:
        return api_client.of_all_albums(method, f"/webhooks{path}", **request)
    return api_client.in_album(method, album_of(album), f"/webhooks{path}", **request)
