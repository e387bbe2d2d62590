"""Ports of a local cloud: chosen once, kept in its state directory, so that addresses outlive restarts."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from photofinish_emulators.common.state_dir import CannotServe

# Below the range from which systems take ports of outgoing connections: one of those could occupy ours for a while.
RANGE = range(15_000, 30_000)
FILE = "ports.json"


def kept_ports(state_dir: Path) -> dict[str, int]:
    """The ports chosen so far, by name of the piece; none when there is no local cloud yet."""
    file = state_dir / FILE
    if not file.exists():
        return {}
    ports: dict[str, int] = json.loads(file.read_text())
    return ports


def take_ports(state_dir: Path, names: Iterable[str]) -> dict[str, int]:
    """A port for each of ``names``: the one kept, or a free one, which is kept from now on.

    Raises:
        CannotServe: somebody else listens on a kept port.
    """
    ports = kept_ports(state_dir)
    names = list(names)
    for name in names:
        if name in ports:
            if not is_free(ports[name]):
                raise CannotServe(
                    f"port {ports[name]}, the one of {name} in this local cloud, is taken by {holder(ports[name])}: "
                    f"stop that, or delete {state_dir / FILE} to have other ports chosen"
                )
        else:
            ports[name] = _free_port(set(ports.values()))
    draft = state_dir / f"{FILE}.new"
    draft.write_text(json.dumps(ports, indent=2))
    draft.rename(state_dir / FILE)
    return {name: ports[name] for name in names}


def is_free(port: int) -> bool:
    """Whether nobody listens on 127.0.0.1:``port``."""
    with socket.socket() as probe:
        # As the servers do: the connections of a server that has just ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


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


def _free_port(taken: set[int]) -> int:
    candidates = random.sample(RANGE, 200)
    for port in candidates:
        if port not in taken and is_free(port):
            return port
    raise CannotServe(f"no free port among 200 tried from {RANGE.start} to {RANGE.stop}")
