"""A whole local cloud from one description: Postgres, Firestore, Pub/Sub, Storage, Cloud Run Jobs and functions."""

from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.stack.run import environment, is_running, pieces, run_stack, start_detached, stop
from photofinish_emulators.stack.spec import (
    Bucket,
    Command,
    DeadLetter,
    Function,
    Job,
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
    "Bucket",
    "CannotServe",
    "Command",
    "DeadLetter",
    "Event",
    "Function",
    "Job",
    "PieceStatus",
    "RetryPolicy",
    "Schedule",
    "StackFailed",
    "StackSpec",
    "Subscription",
    "Topic",
    "environment",
    "is_running",
    "pieces",
    "run_stack",
    "start_detached",
    "stop",
]
