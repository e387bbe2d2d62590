"""How many examples a property is tried with: few in `make test`, many more in `make test-properties`."""

from __future__ import annotations

import os


def examples(usual: int) -> int:
    """Return the number for `max_examples`: `usual`, times EXAMPLES_TIMES where that is set."""
    return usual * int(os.environ.get("EXAMPLES_TIMES", "1"))
