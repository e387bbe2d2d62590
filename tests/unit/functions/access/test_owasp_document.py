"""docs/owasp.md names tests that exist, for all ten points."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "docs/owasp.md").read_text(encoding="utf-8")


def test_every_point_names_tests_that_exist() -> None:
    points = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    assert [point.split()[0] for point in points[:10]] == [f"API{number}" for number in range(1, 11)]
    for point in points[:10]:
        named = re.findall(r"^- `(tests/[\w/]+\.py)::(test_\w+)`$", point, flags=re.MULTILINE)
        assert named, f"{point.splitlines()[0]} names no test"
        for file, test in named:
            source = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^ *def {test}\(", source, flags=re.MULTILINE), f"{file} has no {test}"
