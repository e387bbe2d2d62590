"""Ports of a local cloud: chosen once, kept in its state directory, so that addresses outlive restarts.

Between choosing a port and the server listening there lie seconds, in which another local cloud, or an outgoing
connection, could take it. So each port is held while the cloud runs: by a socket that is bound and never listens. Linux
gives a port held like this to nobody who asks for any free one, but lets a server that asks for it by its number, with
SO_REUSEADDR as they all do, listen there.
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

# Below the range from which systems take ports of outgoing connections: one of those could occupy ours for a while.
RANGE = range(15_000, 30_000)
FILE = "ports.json"
HOST = "127.0.0.1"
TRIES = 200


def kept_ports(state_dir: Path) -> dict[str, int]:
    """The ports chosen so far, by name of the piece; none when there is no local cloud yet."""
    file = state_dir / FILE
    if not file.exists():
        return {}
    ports: dict[str, int] = json.loads(file.read_text())
    return ports


def take_ports(state_dir: Path, names: Iterable[str], held: ExitStack) -> dict[str, int]:
    """A port for each of ``names``: the one kept, or a free one, which is kept from now on. ``held`` holds them.

    Raises:
        CannotServe: somebody else listens on a kept port.
    """
    ports = kept_ports(state_dir)
    names = list(names)
    for name in names:
        if name in ports:
            holding = _hold_again(ports[name])
            if holding is None:
                raise CannotServe(
                    f"port {ports[name]}, the one of {name} in this local cloud, is taken by {holder(ports[name])}: "
                    f"stop that, or delete {state_dir / FILE} to have other ports chosen"
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
    """Hold 127.0.0.1:``port`` (0: any that is free) until the socket is closed.

    Raises:
        OSError: somebody listens there, holds it, or did until a moment ago.
    """
    holding = socket.socket()
    try:
        holding.bind((HOST, port))
        # Only now: asking for it before would share the port with others who hold it.
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except OSError:
        holding.close()
        raise
    return holding


def holder(port: int) -> str:
    """Who listens on ``port``, in words."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"process {connection.pid} ({' '.join(psutil.Process(connection.pid).cmdline())[:100]})"
    except psutil.Error:  # of another user, or ended meanwhile
        return "another process"
    return "another process"


def _hold_any(kept: set[int]) -> socket.socket:
    for port in random.sample(RANGE, TRIES):
        if port not in kept:
            with suppress(OSError):
                return hold(port)
    raise CannotServe(f"no free port among {TRIES} tried from {RANGE.start} to {RANGE.stop}")


def _hold_again(port: int) -> socket.socket | None:
    """Hold a port of our own from an earlier run, whose last connections may still linger; None: somebody listens."""
    holding = socket.socket()
    holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holding.bind((HOST, port))
    except OSError:
        holding.close()
        return None
    return holding
