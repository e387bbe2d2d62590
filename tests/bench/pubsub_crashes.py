"""Kill the Pub/Sub server under load: ``python tests/bench/pubsub_crashes.py [KILLS]`` (100 unless told)."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.pubsub_crash import kill_under_load
from support.pubsub_server import PubsubServer


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, PubsubServer(Path(folder) / "state") as server:
        messages = kill_under_load(server, kills)
    print(f"{kills} kills, {messages} messages, none lost, none twice, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
