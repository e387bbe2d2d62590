"""Ports for servers that tests start, reserved until this process ends."""

from __future__ import annotations

import atexit
from contextlib import ExitStack

from photofinish_emulators.stack.ports import hold

_held = ExitStack()
atexit.register(_held.close)


def free_port() -> int:
    port: int = _held.enter_context(hold(0)).getsockname()[1]
    return port
