"""Our own parsers under atheris, which looks for input that takes new ways through them (`make fuzz`).

python tests/fuzz/parsers.py NAME -max_total_time=30        one of support.fuzz_targets.TARGETS
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["photofinish", "photofinish_functions"]):
    from support.fuzz_targets import TARGETS, check


def main() -> None:
    name = sys.argv.pop(1).replace("_", " ")
    with tempfile.TemporaryDirectory() as corpus:
        for number, valid in enumerate(TARGETS[name].valid):
            (Path(corpus) / str(number)).write_bytes(valid)
        atheris.Setup([*sys.argv, corpus], lambda data: check(name, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
