"""Turns the description of a local cloud into its pieces, in their order, with their ports and environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from photofinish_emulators.common.processes import base_environment
from photofinish_emulators.postgres import READY_LINE, STOP_SIGNAL, Postgres, as_user, ensure_database, system_user
from photofinish_emulators.stack.ports import kept_ports, take_ports
from photofinish_emulators.stack.process import Piece, ReadyExit, ReadyLine, ReadyPort
from photofinish_emulators.stack.spec import Function, StackSpec
from photofinish_emulators.storage import STORAGE_TOPIC, Notification, Storage

# Our servers, and the variable that tells clients the address of each. One that is set already names another server,
# which is used instead.
VARIABLES = {
    "postgres": "DATABASE_URL",
    "firestore": "FIRESTORE_EMULATOR_HOST",
    "pubsub": "PUBSUB_EMULATOR_HOST",
    "storage": "STORAGE_EMULATOR_HOST",
    "run-jobs": "RUN_EMULATOR_HOST",
}
PROVISION = "provision"
NOTIFICATIONS = "notifications"
COMMAND_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything that is decided before anything starts."""

    pieces: tuple[Piece, ...]
    environment: dict[str, str]  # with which clients, functions and jobs find the stack
    function_urls: dict[str, str]


def lay_out(spec: StackSpec, state_dir: Path, environ: Mapping[str, str], held: ExitStack) -> Layout:
    """Decide what to start, and reserve its ports in ``held``, which must stay open while anything runs.

    ``environ`` is the caller's environment: where one of `VARIABLES` in it names another server, that one is used.
    Variables that name this stack itself, from an earlier start, are ignored.

    Raises:
        CannotServe: a port of this stack is taken.
    """
    own = _addresses(spec, state_dir, kept_ports(state_dir))
    servers = [name for name in VARIABLES if name != "postgres" or spec.postgres_database is not None]
    external = {
        name: environ[VARIABLES[name]]
        for name in servers
        if environ.get(VARIABLES[name]) and environ[VARIABLES[name]] != own.get(name)
    }
    ours = [name for name in servers if name not in external]
    ports = take_ports(state_dir, [*ours, *(function.name for function in spec.functions)], held)
    postgres = Postgres(directory=state_dir / "postgres", port=ports.get("postgres", 0))
    if "postgres" in ours:
        postgres.prepare()  # makes the password that its address contains
    addresses = _addresses(spec, state_dir, ports) | external
    environment = {VARIABLES[name]: addresses[name] for name in servers} | {"GOOGLE_CLOUD_PROJECT": spec.project}
    inherited = base_environment() | {"PYTHONUNBUFFERED": "1"}
    everywhere = inherited | environment | dict(spec.env)

    pieces = [Piece(name=name, argv=None, address=_without_login(address)) for name, address in external.items()]
    if "postgres" in ours:
        pieces.append(_postgres(postgres, addresses["postgres"], inherited))
    if "firestore" in ours:
        indexes = () if spec.firestore_indexes is None else ("--indexes", str(spec.firestore_indexes))
        pieces.append(_server("firestore", state_dir, ports, inherited, *indexes))
    last_commands = _append_commands(spec, pieces, everywhere)
    pieces += [_function(function, ports[function.name], everywhere) for function in spec.functions]
    functions = tuple(function.name for function in spec.functions)
    if "pubsub" in ours:
        # As soon as it runs, it pushes messages that were not acknowledged: the functions must be ready before.
        pieces.append(_server("pubsub", state_dir, ports, inherited, after=(*last_commands, *functions)))
    if "storage" in ours:
        # It sends each notification only once: the receivers must be ready before.
        if len(_bucket_topics(spec)) > 1:
            pieces.append(_notifications(spec, inherited | environment))
        pieces.append(_storage(spec, state_dir, ports, inherited | environment))
    if "run-jobs" in ours:
        # As soon as it runs, it continues interrupted tasks.
        quotas = ("--gpu-quota", str(spec.gpu_quota), "--starts-per-minute", str(spec.job_starts_per_minute))
        pieces.append(_server("run-jobs", state_dir, ports, inherited, *quotas, after=last_commands))
    provision = (sys.executable, "-m", "photofinish_emulators.stack.provision", str(state_dir))
    needed = (*(name for name in servers if name != "postgres"), *functions)
    pieces.append(Piece(name=PROVISION, argv=provision, env=inherited | environment, after=needed))
    return Layout(
        pieces=tuple(pieces),
        environment=environment,
        function_urls={name: f"http://127.0.0.1:{ports[name]}" for name in functions},
    )


def _addresses(spec: StackSpec, state_dir: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """The addresses of our servers that have a port."""
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items() if name in VARIABLES}
    if "storage" in addresses:
        addresses["storage"] = f"http://{addresses['storage']}"
    if "postgres" in addresses:
        postgres = Postgres(directory=state_dir / "postgres", port=ports["postgres"])
        has_password = (postgres.directory / "password").exists() and spec.postgres_database is not None
        addresses["postgres"] = postgres.url(spec.postgres_database or "") if has_password else ""
    return addresses


def _server(
    name: str,
    state_dir: Path,
    ports: Mapping[str, int],
    env: dict[str, str],
    *options: str,
    after: tuple[str, ...] = (),
) -> Piece:
    """One of this package's own servers."""
    argv = (sys.executable, "-m", "photofinish_emulators", name, "--port", str(ports[name]))
    return Piece(
        name=name,
        argv=(*argv, "--state-dir", str(state_dir / name), *options),
        ready=ReadyLine(text="ready 127.0.0.1:"),
        after=after,
        env=env,
        cwd=state_dir,
        address=f"127.0.0.1:{ports[name]}",
    )


def _postgres(postgres: Postgres, url: str, env: dict[str, str]) -> Piece:
    return Piece(
        name="postgres",
        argv=tuple(postgres.command()),
        ready=ReadyLine(text=READY_LINE),
        env=env,
        cwd=postgres.data,
        address=f"127.0.0.1:{postgres.port}",
        run_as=as_user(system_user()),
        prepare=postgres.prepare,
        once_ready=partial(ensure_database, url),
        stop_signal=STOP_SIGNAL,
    )


def _notifications(spec: StackSpec, env: dict[str, str]) -> Piece:
    options = [option for pair in _bucket_topics(spec).items() for option in ("--bucket-topic", "=".join(pair))]
    argv = (sys.executable, "-m", "photofinish_emulators", NOTIFICATIONS, "--project", spec.project, *options)
    return Piece(name=NOTIFICATIONS, argv=argv, ready=ReadyLine(text="ready to forward"), after=("pubsub",), env=env)


def _storage(spec: StackSpec, state_dir: Path, ports: Mapping[str, int], env: dict[str, str]) -> Piece:
    topics = _bucket_topics(spec)
    notification = None
    if len(topics) == 1:
        [(bucket, topic)] = topics.items()
        notification = Notification(project=spec.project, bucket=bucket, topic=topic)
    elif topics:
        notification = Notification(project=spec.project, bucket=None, topic=STORAGE_TOPIC)
    storage = Storage(directory=state_dir / "storage", port=ports["storage"], notification=notification)
    return Piece(
        name="storage",
        argv=tuple(storage.command()),
        ready=ReadyPort(port=storage.port),
        after=("pubsub", NOTIFICATIONS) if len(topics) > 1 else ("pubsub",),
        env=env,
        cwd=state_dir,
        address=storage.url,
    )


def _bucket_topics(spec: StackSpec) -> dict[str, str]:
    """Bucket → topic that receives notifications about its objects."""
    return {bucket.name: bucket.notify for bucket in spec.buckets if bucket.notify is not None}


def _append_commands(spec: StackSpec, pieces: list[Piece], env: dict[str, str]) -> tuple[str, ...]:
    """Append the ``after_postgres`` commands, one after the other; return the names that later pieces wait for."""
    last = tuple(piece.name for piece in pieces)
    for command in spec.after_postgres:
        pieces.append(
            Piece(
                name=command.name,
                argv=command.argv,
                ready=ReadyExit(),
                after=last,
                env=env | dict(command.env),
                cwd=Path.cwd(),
                ready_timeout_s=COMMAND_TIMEOUT_S,
            )
        )
        last = (command.name,)
    return last


def _function(function: Function, port: int, env: dict[str, str]) -> Piece:
    argv = [sys.executable, "-m", "functions_framework"]
    if function.gunicorn_config is not None:
        argv = [sys.executable, "-m", "gunicorn", "--config", function.gunicorn_config]
    own = {
        "K_SERVICE": function.name,
        "FUNCTION_TARGET": function.target,
        "FUNCTION_SOURCE": str(function.source),
        "FUNCTION_SIGNATURE_TYPE": function.signature,
        "GUNICORN_LOG_LEVEL": "warning",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    return Piece(
        name=function.name,
        argv=tuple(argv),
        ready=ReadyPort(port=port),
        env=env | own | dict(function.env),
        cwd=function.source.parent,
        address=f"http://127.0.0.1:{port}",
    )


def _without_login(address: str) -> str:
    """The address without user and password, to be shown."""
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rsplit('@', 1)[-1]}"
