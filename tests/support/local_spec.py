"""What the local cloud is made of, for tests that compare it with something else."""

from __future__ import annotations

import pytest

from photofinish_cli.local_deployment import local_deployment
from photofinish_emulators.stack import StackSpec


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> StackSpec:
    return local_deployment(tmp_path_factory.mktemp("local-cloud"))
