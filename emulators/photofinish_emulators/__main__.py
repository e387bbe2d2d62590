"""``python -m photofinish_emulators SERVER``: one server of the local cloud in this process."""

from __future__ import annotations

import importlib

import typer

from photofinish_emulators.common.logs import log_json

# Each module has `command`, a typed function that serves until SIGTERM.
SERVERS = ("pubsub", "firestore", "run_jobs")

app = typer.Typer(
    help="Durable local servers for the official Google Cloud clients.",
    epilog="Example: python -m photofinish_emulators pubsub --state-dir ./state/pubsub --port 8085",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def main(log_level: str = typer.Option("INFO", help="DEBUG, INFO, WARNING or ERROR.")) -> None:
    log_json(log_level)


for name in SERVERS:
    server = importlib.import_module(f"photofinish_emulators.{name}.server")
    app.command(name.replace("_", "-"), help=server.__doc__)(server.command)

if __name__ == "__main__":
    app(prog_name="python -m photofinish_emulators")
