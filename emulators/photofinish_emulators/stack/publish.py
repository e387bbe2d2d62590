"""Publishes messages for the schedules: ``python -m photofinish_emulators.stack.publish``.

Each line of its input is ``{"topic": full name, "body": text}``, and the line that answers it ``{"error": message or
null}``. It ends with its input, so also when the supervisor is killed.
"""

from __future__ import annotations

import json
import sys

from google.api_core.exceptions import GoogleAPICallError
from google.cloud.pubsub_v1 import PublisherClient

TIMEOUT_S = 60.0


def main() -> None:
    publisher = PublisherClient()
    for line in sys.stdin:
        request = json.loads(line)
        error = None
        try:
            publisher.publish(request["topic"], request["body"].encode()).result(timeout=TIMEOUT_S)
        except (GoogleAPICallError, TimeoutError) as caught:
            error = f"{type(caught).__name__}: {caught}"
        print(json.dumps({"error": error}), flush=True)


if __name__ == "__main__":
    main()
