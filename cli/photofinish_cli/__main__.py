"""``python -m photofinish_cli``: the `photofinish` command."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command of this process's arguments, and end the process."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # Ctrl-C during the imports, which would be a traceback
    from photofinish_cli.main import run

    run()


if __name__ == "__main__":
    main()
