"""Upload enrolment pictures, and wait until the deployment has looked at them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests

from photofinish.errors import Unavailable
from photofinish_cli import api_client

_TIMEOUT_S = 60.0
_POLL_S = 0.5
_SETTLE_TIMEOUT_S = 120.0


def upload_picture(target: dict[str, Any], picture: Path) -> None:
    """Send a picture to one of the addresses that the API gave; raises Unavailable."""
    try:
        answer = requests.request(
            target["method"], target["url"], headers=target["headers"], data=picture.read_bytes(), timeout=_TIMEOUT_S
        )
    except requests.exceptions.RequestException as error:
        raise Unavailable(f"{picture} could not be uploaded: {type(error).__name__}") from None
    if not answer.ok:
        raise Unavailable(f"{picture} could not be uploaded: HTTP {answer.status_code}")


def settled_person(album: str, person_id: str) -> dict[str, Any]:
    """The person, once every picture was looked at; raises Unavailable where that takes too long."""
    deadline = time.monotonic() + _SETTLE_TIMEOUT_S
    while True:
        detail = api_client.in_album("GET", album, f"/people/{person_id}")
        if all(upload["status"] != "waiting" for upload in detail["uploads"]):
            return detail
        if time.monotonic() > deadline:
            raise Unavailable(f"the pictures wait longer than {_SETTLE_TIMEOUT_S:.0f} s to be looked at")
        time.sleep(_POLL_S)
