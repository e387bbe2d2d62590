"""A whole local cloud from one description: Postgres, Firestore, Pub/Sub, Storage, Cloud Run Jobs and functions."""

from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.stack.run import (
    account_environment,
    account_names,
    environment,
    failure,
    is_running,
    pieces,
    run_stack,
    start_detached,
    stop,
)
from photofinish_emulators.stack.spec import (
    Access,
    Bucket,
    Command,
    DeadLetter,
    Function,
    Job,
    Notification,
    RetryPolicy,
    Schedule,
    StackSpec,
    Subscription,
    Topic,
)
from photofinish_emulators.stack.state import PieceStatus
from photofinish_emulators.stack.supervisor import STACK, Event, StackFailed

__all__ = [
    "STACK",
    "Access",
    "Bucket",
    "CannotServe",
    "Command",
    "DeadLetter",
    "Event",
    "Function",
    "Job",
    "Notification",
    "PieceStatus",
    "RetryPolicy",
    "Schedule",
    "StackFailed",
    "StackSpec",
    "Subscription",
    "Topic",
    "account_environment",
    "account_names",
    "environment",
    "failure",
    "is_running",
    "pieces",
    "run_stack",
    "start_detached",
    "stop",
]
