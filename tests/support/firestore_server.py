"""A Firestore server process, for tests that use it through real clients."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from support.emulator_process import EmulatorProcess


class FirestoreServer(EmulatorProcess):
    def __init__(self, state_dir: Path, *, indexes: Path | None = None, rules: Path | None = None) -> None:
        files = {"--indexes": indexes, "--rules": rules}
        options = [[option, str(path)] for option, path in files.items() if path is not None]
        super().__init__("firestore", state_dir, list(itertools.chain(*options)))


@contextmanager
def emulator_environment(server: FirestoreServer) -> Iterator[None]:
    """Official clients made in the block connect to ``server``."""
    with mock.patch.dict(os.environ, {"FIRESTORE_EMULATOR_HOST": server.address}):
        yield
