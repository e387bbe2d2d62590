"""Signatures by the Standard Webhooks specification: its test vector, and its official libraries as receivers."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.webhook import SecretVersion
from photofinish.domain.webhook_signature import WebhookSecret, key_id_of, secret_of, signature_header
from photofinish.errors import Misconfigured

KEYS = SecretVersions.parse("a" * 32 + "," + "b" * 32)
CLIENTS = Path(__file__).parents[2] / "clients"


def version(name: str, key: bytes = KEYS.current) -> SecretVersion:
    return SecretVersion(secret_id=name, key_id=key_id_of(key), created_at=datetime.now(UTC))


def headers(message_id: str, body: bytes, *secrets: WebhookSecret, age_s: int = 0) -> dict[str, str]:
    timestamp_s = int(datetime.now(UTC).timestamp()) - age_s
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature_header(message_id, timestamp_s, body, secrets),
    }


def test_the_vector_of_the_specification() -> None:
    secret = WebhookSecret(base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    assert secret.text == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = signature_header("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret])
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.uuids(), st.dictionaries(st.text(), st.integers()))
def test_the_python_library_accepts_what_we_sign(message_id: object, event: dict[str, int]) -> None:
    body = json.dumps(event, ensure_ascii=False).encode(errors="replace")
    old, new, other = (secret_of(version(name), KEYS) for name in ("old", "new", "other"))
    signed = headers(str(message_id), body, old, new)
    for secret in (old, new):
        assert Webhook(secret.text).verify(body, signed) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(other.text).verify(body, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(new.text).verify(body + b" ", signed)


@pytest.mark.skipif(
    not (CLIENTS / "node_modules/standardwebhooks").is_dir(),
    reason="standardwebhooks is not installed: run `npm ci` in tests/clients",
)
def test_the_javascript_library_accepts_what_we_sign() -> None:
    old, new, other = (secret_of(version(name), KEYS) for name in ("old", "new", "other"))
    body = json.dumps({"type": "photofinish.photo.done", "data": {"folder": "Ziel ☃"}}, ensure_ascii=False)
    signed = headers("msg_1", body.encode(), old, new)
    late = headers("msg_1", body.encode(), new, age_s=3600)
    good = [{"secret": secret.text, "headers": signed, "body": body} for secret in (old, new)]
    bad = [
        {"secret": other.text, "headers": signed, "body": body},
        {"secret": new.text, "headers": signed, "body": body + " "},
        {"secret": new.text, "headers": late, "body": body},
    ]
    answers = verified_by_node(good + bad)
    assert [answer.get("event") for answer in answers] == [json.loads(body)] * 2 + [None] * 3
    assert all("error" in answer for answer in answers[2:])


def verified_by_node(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    done = subprocess.run(
        ["node", "verify_webhook.mjs"], cwd=CLIENTS, input=lines, capture_output=True, text=True, timeout=60, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_secrets_are_derived_and_differ() -> None:
    first, again, second = (secret_of(version(name), KEYS) for name in ("1", "1", "2"))
    assert first == again != second
    assert len(first.value) == 32
    assert secret_of(version("1", KEYS.accepted[1]), KEYS) != first, "of the key before"
    rotated = SecretVersions.parse("c" * 32 + "," + "a" * 32)
    assert secret_of(version("1"), rotated) == first, "a new key leaves the secrets of the old one as they are"


def test_a_key_that_was_removed_is_named_without_its_value() -> None:
    with pytest.raises(Misconfigured, match="PHOTOFINISH_WEBHOOK_KEY") as refused:
        secret_of(version("1"), SecretVersions.parse("c" * 32))
    assert "aaaa" not in str(refused.value)


def test_secrets_are_in_no_repr() -> None:
    secret = secret_of(version("1"), KEYS)
    assert secret.text[6:] not in repr(secret)
    assert repr(secret.value) not in repr(secret)
