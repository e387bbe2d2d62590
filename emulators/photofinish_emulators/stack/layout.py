"""Turns the description of a local cloud into its pieces, in their order, with their ports and environment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from photofinish_emulators.common.processes import base_environment
from photofinish_emulators.postgres import (
    READY_LINE,
    STOP_SIGNAL,
    DatabaseUser,
    Postgres,
    as_user,
    ensure_database,
    ensure_users,
    system_user,
)
from photofinish_emulators.pubsub.oidc import KEY_SET
from photofinish_emulators.stack import invoker
from photofinish_emulators.stack.accounts import accounts_of
from photofinish_emulators.stack.ports import kept_ports, take_ports
from photofinish_emulators.stack.process import Piece, ReadyAnswer, ReadyExit, ReadyLine, ReadyPort
from photofinish_emulators.stack.spec import Bucket, Function, StackSpec
from photofinish_emulators.storage import Storage

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
FAKE_GCS = "fake-gcs-server"
"""What `storage` passes requests on to."""
COMMAND_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything that is decided before anything starts."""

    pieces: tuple[Piece, ...]
    environment: dict[str, str]  # with which clients, functions and jobs find the stack
    account_environments: dict[str, dict[str, str]]  # the same for each service account
    function_urls: dict[str, str]


def lay_out(spec: StackSpec, state_dir: Path, environ: Mapping[str, str], held: ExitStack) -> Layout:
    """Decide what to start, and reserve its ports in ``held``, which must stay open while anything runs.

    ``environ`` is the caller's environment: where one of `VARIABLES` in it names another server, that one is used.
    Variables that name this stack itself, from an earlier start, are ignored.

    Raises:
        CannotServe: a port of this stack is taken, or an account may not read a secret of its function.
    """
    accounts = accounts_of(spec, state_dir)
    if accounts is not None:
        accounts.check_secrets(spec.functions)
        accounts.write_policy()
    own = _addresses(spec, state_dir, kept_ports(state_dir))
    servers = [name for name in VARIABLES if name != "postgres" or spec.postgres_database is not None]
    external = {
        name: environ[VARIABLES[name]]
        for name in servers
        if environ.get(VARIABLES[name]) and environ[VARIABLES[name]] != own.get(name)
    }
    ours = [name for name in servers if name not in external]
    account_ports = accounts.port_names(ours) if accounts is not None else []
    behind = [FAKE_GCS] if "storage" in ours else []
    ports = take_ports(state_dir, [*ours, *behind, *(each.name for each in spec.functions), *account_ports], held)
    postgres = Postgres(
        directory=state_dir / "postgres", port=ports.get("postgres", 0), max_connections=spec.postgres_max_connections
    )
    if "postgres" in ours:
        postgres.prepare()  # makes the password that its address contains
    addresses = _addresses(spec, state_dir, ports) | external
    environment = {VARIABLES[name]: addresses[name] for name in servers} | {"GOOGLE_CLOUD_PROJECT": spec.project}
    inherited = base_environment() | {"PYTHONUNBUFFERED": "1"}
    users = accounts.database_users(postgres.password) if accounts is not None and "postgres" in ours else {}
    own_environments = {}
    for account in accounts.names if accounts is not None else ():
        assert accounts is not None
        own_addresses = accounts.environment(account, addresses, ports)
        if account in users:
            user = users[account]
            own_addresses["postgres"] = postgres.url(spec.postgres_database or "", user.name, user.password)
        own_environments[account] = environment | {VARIABLES[name]: own_addresses[name] for name in servers}

    def run_as(account: str) -> dict[str, str]:
        return inherited | own_environments.get(account, environment)

    def serving(server: str) -> list[str]:
        return [] if accounts is None else accounts.options(server, ports)

    origins = [f"--origin={origin}" for origin in spec.page_origins]
    storage_agent = spec.access.storage_agent if spec.access is not None else ""
    pieces = [Piece(name=name, argv=None, address=_without_login(address)) for name, address in external.items()]
    if "postgres" in ours:
        pieces.append(_postgres(postgres, addresses["postgres"], inherited, tuple(users.values())))
    if "firestore" in ours:
        indexes = () if spec.firestore_indexes is None else ("--indexes", str(spec.firestore_indexes))
        rules = () if spec.firestore_rules is None else ("--rules", str(spec.firestore_rules))
        pieces.append(
            _server("firestore", state_dir, ports, inherited, *indexes, *rules, *origins, *serving("firestore"))
        )
    last_commands = _append_commands(spec, pieces, run_as)
    pushed = {subscription.push_to for subscription in spec.subscriptions if subscription.push_account}
    for function in spec.functions:
        env = run_as(function.service_account) | dict(spec.env) | _urls(function.addresses, ports)
        invokers = accounts.invokers(function.name) if accounts is not None and function.name in pushed else None
        if invokers is not None:
            env |= {invoker.KEYS: str(state_dir / "pubsub" / KEY_SET), invoker.INVOKERS: ",".join(invokers)}
        pieces.append(_function(function, ports[function.name], env, authenticated=invokers is not None))
    functions = tuple(function.name for function in spec.functions)
    if "pubsub" in ours:
        # As soon as it runs, it pushes messages that were not acknowledged: the functions must be ready before.
        after = (*last_commands, *functions)
        pieces.append(_server("pubsub", state_dir, ports, inherited, *serving("pubsub"), after=after))
    if "storage" in ours:
        # It sends each notification only once: the receivers must be ready before.
        if _notifying(spec):
            pieces.append(_notifications(spec, addresses["storage"], run_as(storage_agent)))
        behind_it = _fake_gcs(spec, state_dir, ports)
        pieces.append(_fake_gcs_piece(spec, behind_it, state_dir, run_as(storage_agent)))
        pieces.append(_storage(behind_it, ports["storage"], [*origins, *serving("storage")], inherited))
    if "run-jobs" in ours:
        # As soon as it runs, it continues interrupted tasks.
        limits = {
            "--gpu-quota": spec.gpu_quota,
            "--cpu-quota": spec.cpu_quota,
            "--memory-quota-gib": spec.memory_quota_gib,
            "--starts-per-minute": spec.job_starts_per_minute,
        }
        quotas = [f"{option}={limit}" for option, limit in limits.items() if limit is not None]
        pieces.append(
            _server("run-jobs", state_dir, ports, inherited, *quotas, *serving("run-jobs"), after=last_commands)
        )
    provision = (sys.executable, "-m", "photofinish_emulators.stack.provision", str(state_dir))
    needed = (*(name for name in servers if name != "postgres"), *functions)
    pieces.append(Piece(name=PROVISION, argv=provision, env=inherited | environment, after=needed))
    return Layout(
        pieces=tuple(pieces),
        environment=environment,
        account_environments=own_environments,
        function_urls=_urls({name: name for name in functions}, ports),
    )


def _urls(functions: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    """The address of each function, by the key that names it."""
    return {key: f"http://127.0.0.1:{ports[name]}" for key, name in functions.items()}


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


def _postgres(postgres: Postgres, url: str, env: dict[str, str], users: tuple[DatabaseUser, ...]) -> Piece:
    def once_ready() -> None:
        ensure_database(url)
        if users:
            ensure_users(url, users)

    return Piece(
        name="postgres",
        argv=tuple(postgres.command()),
        ready=ReadyLine(text=READY_LINE),
        env=env,
        cwd=postgres.data,
        address=f"127.0.0.1:{postgres.port}",
        run_as=as_user(system_user()),
        prepare=postgres.prepare,
        once_ready=once_ready,
        stop_signal=STOP_SIGNAL,
    )


def _notifications(spec: StackSpec, storage: str, env: dict[str, str]) -> Piece:
    argv = [sys.executable, "-m", "photofinish_emulators", NOTIFICATIONS, "--project", spec.project]
    argv.append(f"--storage={storage}")
    for bucket in _notifying(spec):
        argv += [f"--notify={bucket.name}={each.topic}={','.join(each.events)}" for each in bucket.notifications]
        if bucket.versioned:
            argv.append(f"--versioned={bucket.name}")
    ready = ReadyLine(text="ready to forward")
    return Piece(name=NOTIFICATIONS, argv=tuple(argv), ready=ready, after=("pubsub",), env=env)


def _fake_gcs(spec: StackSpec, state_dir: Path, ports: Mapping[str, int]) -> Storage:
    return Storage(
        directory=state_dir / "storage",
        port=ports[FAKE_GCS],
        notify_project=spec.project if _notifying(spec) else None,
        tls=state_dir / "storage-tls",
    )


def _fake_gcs_piece(spec: StackSpec, storage: Storage, state_dir: Path, env: dict[str, str]) -> Piece:
    return Piece(
        name=FAKE_GCS,
        argv=tuple(storage.command()),
        ready=ReadyPort(port=storage.port),
        after=("pubsub", NOTIFICATIONS) if _notifying(spec) else ("pubsub",),
        env=env,
        cwd=state_dir,
        prepare=storage.prepare,
        address=storage.url,
    )


def _storage(behind: Storage, port: int, options: list[str], env: dict[str, str]) -> Piece:
    argv = [sys.executable, "-m", "photofinish_emulators", "storage", "--port", str(port), "--upstream", behind.url]
    return Piece(
        name="storage",
        argv=(*argv, "--certificate", str(behind.certificate), *options),
        ready=ReadyLine(text="ready 127.0.0.1:"),
        after=(FAKE_GCS,),
        env=env,
        address=f"http://127.0.0.1:{port}",
    )


def _notifying(spec: StackSpec) -> list[Bucket]:
    return [bucket for bucket in spec.buckets if bucket.notifications]


def _append_commands(spec: StackSpec, pieces: list[Piece], run_as: Callable[[str], dict[str, str]]) -> tuple[str, ...]:
    """Append the ``after_postgres`` commands, one after the other; return the names that later pieces wait for."""
    last = tuple(piece.name for piece in pieces)
    for command in spec.after_postgres:
        pieces.append(
            Piece(
                name=command.name,
                argv=command.argv,
                ready=ReadyExit(),
                after=last,
                env=run_as(command.service_account) | dict(spec.env) | dict(command.env),
                cwd=Path.cwd(),
                ready_timeout_s=COMMAND_TIMEOUT_S,
            )
        )
        last = (command.name,)
    return last


def _function(function: Function, port: int, env: dict[str, str], *, authenticated: bool) -> Piece:
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "functions_framework"]
    if function.gunicorn_config is not None:
        argv = [sys.executable, "-m", "gunicorn", "--config", function.gunicorn_config]
    elif authenticated:
        argv = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "8"]
    if authenticated:
        argv.append(f"{invoker.__name__}:app")
        env |= {invoker.AUDIENCE: url}
    own = {
        "K_SERVICE": function.name,
        "FUNCTION_TARGET": function.target,
        "FUNCTION_SOURCE": str(function.source),
        "FUNCTION_SIGNATURE_TYPE": function.signature,
        "GUNICORN_LOG_LEVEL": "warning",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    # Behind `invoker` nothing answers without a token; a worker that cannot load it ends gunicorn.
    asked = None if authenticated else function.ready_path
    return Piece(
        name=function.name,
        argv=tuple(argv),
        ready=ReadyPort(port=port) if asked is None else ReadyAnswer(port=port, path=asked),
        env=env | own | dict(function.env),
        cwd=function.source.parent,
        address=url,
    )


def _without_login(address: str) -> str:
    """The address without user and password, to be shown."""
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rsplit('@', 1)[-1]}"
