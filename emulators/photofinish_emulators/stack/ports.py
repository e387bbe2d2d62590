"""Ports of a local cloud: chosen once and kept in its state directory, so that addresses survive restarts.

A server listens on its port only seconds after the port was chosen, and until then another local cloud or an outgoing
connection could take it. So each port is reserved while the cloud runs, by a socket that is bound but never listens:
Linux does not give such a port to a program that requests any free port, but a server that requests it by number, with
SO_REUSEADDR as all of ours do, can listen on it.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from photofinish_emulators.common.state_dir import CannotServe

# Below the range that systems use for outgoing connections, which could occupy our ports for a while.
RANGE = range(15_000, 30_000)
FILE = "ports.json"
HOST = "127.0.0.1"
TRIES = 200


def kept_ports(state_dir: Path) -> dict[str, int]:
    """The ports chosen so far, by name of the piece; {} before the first start."""
    file = state_dir / FILE
    if not file.exists():
        return {}
    ports: dict[str, int] = json.loads(file.read_text())
    return ports


def take_ports(state_dir: Path, names: Iterable[str], held: ExitStack) -> dict[str, int]:
    """A port for each of ``names``: the kept one, or a free one, which is then kept. ``held`` reserves them.

    Raises:
        CannotServe: another process listens on a kept port.
    """
    ports = kept_ports(state_dir)
    names = list(names)
    for name in names:
        if name in ports:
            holding = _hold_again(ports[name])
            if holding is None:
                raise CannotServe(
                    f"port {ports[name]}, which {name} of this local cloud uses, is taken by {holder(ports[name])}: "
                    f"stop that process, or delete {state_dir / FILE} to choose other ports"
                )
        else:
            holding = _hold_any(set(ports.values()))
            ports[name] = holding.getsockname()[1]
        held.enter_context(holding)
    draft = state_dir / f"{FILE}.new"
    draft.write_text(json.dumps(ports, indent=2))
    draft.rename(state_dir / FILE)
    return {name: ports[name] for name in names}


def hold(port: int) -> socket.socket:
    """Reserve 127.0.0.1:``port`` (0: any free port) until the socket is closed.

    Raises:
        OSError: the port is in use or reserved, or was until a moment ago.
    """
    holding = socket.socket()
    try:
        holding.bind((HOST, port))
        # Only after binding: set before, it would allow sharing a port that others reserve.
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except OSError:
        holding.close()
        raise
    return holding


def holder(port: int) -> str:
    """Describe the process that listens on ``port``."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"process {connection.pid} ({' '.join(psutil.Process(connection.pid).cmdline())[:100]})"
    except psutil.Error:  # the process belongs to another user, or has ended
        return "another process"
    return "another process"


def _hold_any(kept: set[int]) -> socket.socket:
    for port in random.sample(RANGE, TRIES):
        if port not in kept:
            with suppress(OSError):
                return hold(port)
    raise CannotServe(f"no free port found in {TRIES} tries between {RANGE.start} and {RANGE.stop}")


def _hold_again(port: int) -> socket.socket | None:
    """Reserve a port of an earlier run, whose last connections may still linger; None if it is in use."""
    holding = socket.socket()
    holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holding.bind((HOST, port))
    except OSError:
        holding.close()
        return None
    return holding
