"""Fixtures and switches that every test may use; fixtures of one concern live in tests/support/."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
