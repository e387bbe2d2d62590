"""The description of a local cloud, independent of any product, and its JSON form."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Env = Mapping[str, str]
# Pieces other than functions and commands; their logs and ports have these names.
OWN_PIECES = (
    "postgres",
    "firestore",
    "pubsub",
    "storage",
    "fake-gcs-server",
    "notifications",
    "run-jobs",
    "provision",
    "supervisor",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification configuration of a bucket."""

    topic: str
    events: tuple[str, ...] = ()  # their types, such as OBJECT_FINALIZE; empty: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    name: str
    notifications: tuple[Notification, ...] = ()
    versioned: bool = False  # notifications say OBJECT_ARCHIVE instead of OBJECT_DELETE; no versions are kept here


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    minimum_backoff_s: float = 10
    maximum_backoff_s: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    topic: str
    max_delivery_attempts: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A pull subscription, or with ``push_to`` a push subscription."""

    name: str
    topic: str
    push_to: str | None = None  # name of a function
    push_account: str = ""  # with `StackSpec.access`: the service account whose token each push carries
    push_format: Literal["cloudevent", "wrapped"] = "cloudevent"  # as Eventarc sends it, or Pub/Sub's JSON envelope
    ack_deadline_s: int = 10
    retry: RetryPolicy | None = None
    dead_letter: DeadLetter | None = None
    filter: str = ""
    ordered: bool = False
    exactly_once: bool = False  # pull only
    retention_s: int = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function under functions-framework."""

    name: str
    source: Path  # the Python file that contains the target
    target: str
    signature: Literal["http", "cloudevent"] = "http"
    gunicorn_config: str | None = None  # serve it with `gunicorn --config` and this, not functions-framework's server
    ready_path: str | None = None  # answers 200 once it can work; None: it is ready once its port accepts connections
    env: Env = field(default_factory=dict)
    addresses: Env = field(default_factory=dict)  # variables that get the addresses of these other functions
    service_account: str = ""
    secrets: tuple[str, ...] = ()  # what it must be permitted to read before it starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A Cloud Run job whose tasks are local processes of ``command`` and ``args``."""

    name: str
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: Env = field(default_factory=dict)
    task_count: int = 1
    parallelism: int = 0  # 0 means all at once
    task_timeout_s: int = 600
    max_retries: int = 3
    gpus: int = 0
    container: str = ""  # its name; that of the job if empty
    limits: Env = field(default_factory=dict)  # of a task, sidecars included: `cpu`, `memory`; counted, not enforced
    service_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Calls a function or publishes to a topic every ``interval_s``, but never while its last call still runs."""

    name: str
    interval_s: float
    function: str | None = None
    topic: str | None = None
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Runs to its end once at every start."""

    name: str
    argv: tuple[str, ...]
    env: Env = field(default_factory=dict)
    service_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may do what. With it, servers refuse calls that the caller's service account lacks a permission for."""

    grants: Mapping[str, Mapping[str, Sequence[str]]]  # account → resource as in `common.iam` → permissions there
    storage_agent: str  # the accounts of Google's services
    scheduler_agent: str
    database_users: Mapping[str, Sequence[str]] = field(default_factory=dict)  # account → its roles in the database
    others: tuple[str, ...] = ()  # accounts that get ports although nothing here runs as them


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSpec:
    """A whole local cloud. Functions, commands and our own servers must have different names."""

    project: str
    location: str = "local"
    buckets: tuple[Bucket, ...] = ()
    topics: tuple[Topic, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    functions: tuple[Function, ...] = ()
    jobs: tuple[Job, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    firestore_indexes: Path | None = None  # firestore.indexes.json, as deployed
    firestore_rules: Path | None = None  # firestore.rules, as deployed: what users may do
    page_origins: tuple[str, ...] = ()  # of web pages that may use Firestore and Storage, besides those of localhost
    postgres_database: str | None = None  # None: no Postgres
    postgres_max_connections: int | None = None  # None: Postgres' default
    after_postgres: tuple[Command, ...] = ()  # such as migrations: in order, before anything that uses the database
    env: Env = field(default_factory=dict)  # for every function, job and command
    gpu_quota: int | None = None  # of all executions; None means no limit
    cpu_quota: float | None = None
    memory_quota_gib: float | None = None
    access: Access | None = None  # None: every process may do everything
    job_starts_per_minute: int | None = None  # None means no limit

    def __post_init__(self) -> None:
        """Raise ValueError for a name that is used twice or refers to nothing."""
        topics = _unique("topic", self.topics)
        functions = _unique("function or command", (*self.functions, *self.after_postgres))
        for name in functions.intersection(OWN_PIECES):
            raise ValueError(f"a function or command cannot be called {name!r}: it is a name of the local cloud itself")
        for kind, items in (
            ("bucket", self.buckets),
            ("subscription", self.subscriptions),
            ("job", self.jobs),
            ("schedule", self.schedules),
        ):
            _unique(kind, items)
        for command in self.after_postgres:
            functions.discard(command.name)
        if self.after_postgres and self.postgres_database is None:
            raise ValueError("`after_postgres` without `postgres_database`")
        for bucket in self.buckets:
            for notification in bucket.notifications:
                _check_reference(f"bucket {bucket.name}", "topic", notification.topic, topics)
        for subscription in self.subscriptions:
            where = f"subscription {subscription.name}"
            _check_reference(where, "topic", subscription.topic, topics)
            _check_reference(where, "function", subscription.push_to, functions)
            if subscription.dead_letter:
                _check_reference(where, "topic", subscription.dead_letter.topic, topics)
        for schedule in self.schedules:
            where = f"schedule {schedule.name}"
            if (schedule.function is None) == (schedule.topic is None):
                raise ValueError(f"{where}: give either a function or a topic")
            _check_reference(where, "function", schedule.function, functions)
            _check_reference(where, "topic", schedule.topic, topics)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), default=str, indent=2)

    @classmethod
    def from_json(cls, text: str) -> StackSpec:
        """The inverse of :meth:`to_json`."""
        return _read(cls, json.loads(text))


def _unique(kind: str, items: Iterable[Any]) -> set[str]:
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            raise ValueError(f"{kind} {item.name!r} is defined twice")
        seen.add(item.name)
    return seen


def _check_reference(where: str, kind: str, name: str | None, defined: set[str]) -> None:
    if name is not None and name not in defined:
        raise ValueError(f"{where}: no {kind} {name!r} is defined; there are {', '.join(sorted(defined)) or 'none'}")


def _read(kind: type[T], data: Any) -> T:
    """Convert parsed JSON to the annotated type ``kind``."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _read(hints[name], value) for name, value in data.items()})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return typing.cast(T, tuple(_read(arguments[0], item) for item in data))
    if origin in (types.UnionType, typing.Union):
        return typing.cast(T, None if data is None else _read(arguments[0], data))
    return typing.cast(T, Path(data)) if kind is Path else data
