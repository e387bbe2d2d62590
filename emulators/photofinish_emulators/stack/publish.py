"""Publishes one message: ``python -m photofinish_emulators.stack.publish PROJECT TOPIC BODY``."""

from __future__ import annotations

import sys

from google.cloud.pubsub_v1 import PublisherClient

TIMEOUT_S = 60.0


def main(project: str, topic: str, body: str) -> None:
    publisher = PublisherClient()
    publisher.publish(f"projects/{project}/topics/{topic}", body.encode()).result(timeout=TIMEOUT_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
