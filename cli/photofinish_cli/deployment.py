"""How a command finds the deployment it works on: the environment's, or the local cloud's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from platformdirs import user_state_path

from photofinish.errors import Unavailable

if TYPE_CHECKING:
    from photofinish.wiring import App

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="State directory of the local cloud.",
        envvar="PHOTOFINISH_STATE_DIR",
        show_default="the user's state directory",
        file_okay=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def local_state_dir(state: Path | None) -> Path:
    """The state directory of the local cloud, absolute."""
    return (state or user_state_path("photofinish") / "local-cloud").absolute()


def use_deployment(state: Path | None) -> None:
    """Make the process's environment name a deployment, for the official clients as well as for our settings.

    Where the environment names one already (its bucket or its API, and no `--state` was given) it stays as it is; else
    it is the local cloud that runs on the state directory.

    Raises:
        Unavailable: neither is there.
    """
    if state is None and not {"PHOTOFINISH_PHOTO_BUCKET", "PHOTOFINISH_API_URL"}.isdisjoint(os.environ):
        return
    # The images of functions and jobs do not have the local cloud, and need none.
    from photofinish_cli.local_deployment import local_environment
    from photofinish_emulators import stack

    state_dir = local_state_dir(state)
    if not stack.is_running(state_dir):
        raise Unavailable(
            f"{not_running(state_dir)}, "
            "or set the environment of a deployment (`photofinish env` shows which variables)"
        )
    os.environ.update(local_environment(state_dir))


def not_running(state_dir: Path) -> str:
    """Say that no local cloud runs, and why the last one ended if it ended by itself."""
    from photofinish_emulators import stack

    reason = stack.failure(state_dir)
    ended = f" (the last one ended: {reason})" if reason else ""
    return f"no local cloud runs on {state_dir}{ended}: start it with `photofinish up --detach`"


def connect(state: Path | None) -> App:
    """The adapters of the deployment that `use_deployment` finds."""
    from photofinish.settings import Settings
    from photofinish.wiring import App

    use_deployment(state)
    return App(Settings.from_env())


def names_an_api() -> bool:
    """Whether the environment names an API and a key for it, as that of a local cloud does."""
    return {"PHOTOFINISH_API_URL", "PHOTOFINISH_API_KEY"} <= os.environ.keys()
