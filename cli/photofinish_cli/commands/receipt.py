"""`photofinish receipt`: show, save and verify the receipts of erasures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from photofinish.domain.receipt import MAX_DOCUMENT_BYTES, Receipt, parse_receipt
from photofinish.errors import Misconfigured
from photofinish_cli import api_client
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import print_json, print_tables, printable, remark, reported_errors, say, table

app = typer.Typer(
    name="receipt",
    help="Show, save and verify the signed receipts of erasures.",
    no_args_is_help=True,
)

Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Also write the receipt as a page to print.", dir_okay=False),
]


@app.command("show")
def show_receipt(
    erasure_id: Annotated[str, typer.Argument(help="Id of the erasure, as `photofinish erase` prints it.")],
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write the signed document, for `receipt verify`.", dir_okay=False),
    ] = None,
    html: Html = None,
    json: Annotated[bool, typer.Option("--json", help="Print the signed document itself.")] = False,
    state: StateDir = None,
) -> None:
    """Show what an erasure removed where. A receipt contains no personal data, so it can be kept and handed out.

    Examples:

      photofinish receipt show 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f

      photofinish receipt show 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f --save receipt.json --html receipt.html
    """
    with reported_errors():
        use_deployment(state)
        document = api_client.receipt(erasure_id)
        receipt = parse_receipt(document)
        if save is not None:
            _write(save, document)
        if html is not None:
            _write(html, _page(receipt))
    if json:
        sys.stdout.buffer.write(document)
        sys.stdout.buffer.flush()
        return
    _print_receipt(receipt)


@app.command("verify")
def verify_receipt(
    file: Annotated[Path, typer.Argument(help="The document, as `receipt show --save` or the API gave it.")],
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key",
            metavar="FILE",
            help="Public keys (PEM) that you trust; with them nothing is contacted. Without: those of the deployment.",
            dir_okay=False,
        ),
    ] = None,
    html: Html = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Check that a receipt is exactly as it was signed. Exit code 0: it is; 1: it is not, or its key is unknown.

    Examples:

      photofinish receipt keys --pem > keys.pem

      photofinish receipt verify receipt.json --public-key keys.pem
    """
    with reported_errors():
        from photofinish.application.receipts import parse_public_keys, verify

        document = _read(file, MAX_DOCUMENT_BYTES + 1)
        if public_key is not None:
            trusted = parse_public_keys(_read(public_key))
        else:
            use_deployment(state)
            trusted = parse_public_keys(_all_keys_pem().encode())
        receipt = verify(document, trusted)
        if html is not None:
            _write(html, _page(receipt))
    if json:
        print_json({"valid": True, "erasure_id": receipt.erasure_id, "key_id": receipt.key_id})
        return
    _print_receipt(receipt)
    say(f"valid: signed by the key {receipt.key_id}, and unchanged since", style="green")


@app.command("keys")
def list_keys(
    pem: Annotated[bool, typer.Option("--pem", help="Print the public keys themselves, for `receipt verify`.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """List the public keys that receipts are or were signed with, the latest first.

    Hand them out by another way than the receipts: an attacker who can change both can forge a receipt.

    Example: photofinish receipt keys --pem > keys.pem
    """
    with reported_errors():
        use_deployment(state)
        if pem:
            sys.stdout.write(_all_keys_pem())
            return
        keys = api_client.receipt_keys()
    if json:
        print_json(keys)
        return
    rows = table("key", "first used (UTC)", whole=["key"])
    for key in keys:
        rows.add_row(key["key_id"], key["first_used_at"][:19].replace("T", " "))
    print_tables(rows, empty="no receipt was issued yet")


def _all_keys_pem() -> str:
    return "".join(key["public_key_pem"] for key in api_client.receipt_keys())


def _print_receipt(receipt: Receipt) -> None:
    facts = table("receipt", "", whole=[""])
    for name, value in facts_of(receipt):
        facts.add_row(name, value)
    removed = table("removed from", "what", "count", right=["count"], grouped=["removed from"])
    for store, kinds in sorted(receipt.removed.items()):
        for kind, count in sorted(kinds.items()):
            removed.add_row(_words(store), _words(kind), str(count))
    print_tables(facts, removed)


def facts_of(receipt: Receipt) -> list[tuple[str, str]]:
    """What a receipt says besides its counts, as names and values."""
    return [
        ("erasure", receipt.erasure_id),
        ("what", receipt.target_kind),
        ("target digest", receipt.target_digest),
        ("why", _words(receipt.reason)),
        ("started", f"{receipt.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("finished", f"{receipt.finished_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("software", f"photofinish {receipt.software_version}"),
        ("signed by key", receipt.key_id),
    ]


def _words(code: str) -> str:
    return code.replace("_", " ")


def _page(receipt: Receipt) -> bytes:
    # Imported here: most runs of the command print no page.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(loader=PackageLoader("photofinish_cli"), autoescape=True, undefined=StrictUndefined)
    pages.filters["words"] = _words
    page = pages.get_template("receipt.html.j2").render(
        facts=facts_of(receipt),
        removed={store: dict(sorted(kinds.items())) for store, kinds in sorted(receipt.removed.items())},
        document=receipt.document().decode("ascii"),
    )
    return page.encode()


def _read(file: Path, limit: int = -1) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(limit)
    except OSError as error:
        raise Misconfigured(f"{printable(str(file))} cannot be read: {error.strerror}.") from None


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Misconfigured(f"{printable(str(file))} cannot be written: {error.strerror}.") from None
    remark(f"written to {printable(str(file))}")
