"""``python -m photofinish_emulators SERVER``: runs one server of the local cloud in this process."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from photofinish_emulators.common.logs import log_json
from photofinish_emulators.common.state_dir import CannotServe

# Each module has a function `command`, whose parameters are the options, and which serves until SIGTERM.
SERVERS = {
    "pubsub": "photofinish_emulators.pubsub.server",
    "firestore": "photofinish_emulators.firestore.server",
    "run-jobs": "photofinish_emulators.run_jobs.server",
    "notifications": "photofinish_emulators.storage_notifications",
    "storage": "photofinish_emulators.storage_access.server",
}


class OneServer(TyperGroup):
    """A command group that imports only the module of the requested server: all client libraries take 100 MB."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        return list(SERVERS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        if cmd_name not in SERVERS:
            return None
        # gRPC's core logs plain text, not JSON, and its errors are reported elsewhere.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        module = importlib.import_module(SERVERS[cmd_name])
        single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        single.command(cmd_name, help=module.__doc__)(module.command)
        return typer.main.get_command(single)


app = typer.Typer(
    cls=OneServer,
    help="Durable local servers for the official Google Cloud clients.",
    epilog="Example: python -m photofinish_emulators pubsub --state-dir ./state/pubsub --port 8085",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main(log_level: str = typer.Option("INFO", help="DEBUG, INFO, WARNING or ERROR.")) -> None:
    log_json(log_level)


if __name__ == "__main__":
    try:
        app(prog_name="python -m photofinish_emulators")
    except CannotServe as error:
        print(error, file=sys.stderr)
        sys.exit(2)
