"""The RPCs that the installed client libraries call."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path


def services(library: str) -> dict[str, set[str]]:
    """The RPCs of each service that the installed client library calls over gRPC."""
    spec = find_spec(library)
    assert spec is not None
    assert spec.origin is not None
    metadata = json.loads((Path(spec.origin).parent / "gapic_metadata.json").read_text())
    return {name: set(service["clients"]["grpc"]["rpcs"]) for name, service in metadata["services"].items()}
