"""``python -m photofinish_emulators.stack STATE_DIR``: runs the stack described on standard input, as JSON."""

from __future__ import annotations

import sys
from pathlib import Path

from photofinish_emulators.common.logs import log_json
from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.stack.run import CANNOT_SERVE, run_stack
from photofinish_emulators.stack.spec import StackSpec
from photofinish_emulators.stack.supervisor import StackFailed


def main(state_dir: Path) -> None:
    log_json("WARNING")
    try:
        run_stack(StackSpec.from_json(sys.stdin.read()), state_dir)
    except CannotServe as error:
        print(error, file=sys.stderr)
        sys.exit(CANNOT_SERVE)
    except StackFailed as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
