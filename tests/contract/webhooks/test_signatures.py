"""Signatures by the Standard Webhooks specification: its test vector, and its official libraries as receivers."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from photofinish.application.webhooks.signing import ed25519_header, public_key_of
from photofinish.domain.secret_versions import SecretVersions
from photofinish.domain.webhook import SecretVersion
from photofinish.domain.webhook_signature import WebhookSecret, ed25519_seed_of, key_id_of, secret_of, signature_header
from photofinish.errors import Misconfigured

KEYS = SecretVersions.parse("a" * 32 + "," + "b" * 32)
CLIENTS = Path(__file__).parents[2] / "clients"
needs_node = pytest.mark.skipif(
    not (CLIENTS / "node_modules/standardwebhooks").is_dir(),
    reason="standardwebhooks is not installed: run `npm ci` in tests/clients",
)


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


@needs_node
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


# Made by another sender of the specification, Svix (`whsk_`: the private key and, behind it, the public one).
OTHERS_SECRET_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
OTHERS_SIGNATURE = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="


def test_an_asymmetric_vector_of_another_sender() -> None:
    pair = base64.b64decode(OTHERS_SECRET_KEY.removeprefix("whsk_"))
    made = ed25519_header("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [pair[:32]])
    assert made == OTHERS_SIGNATURE


@given(st.uuids(), st.binary(max_size=99))
def test_an_asymmetric_signature_is_verified_by_its_public_key_alone(message_id: object, body: bytes) -> None:
    old, new, other = (version(name) for name in ("old", "new", "other"))
    signed = ed25519_headers(str(message_id), body, old, new)
    for signer in (old, new):
        assert is_verified(public_key_of(signer, KEYS), signed, body)
        assert not is_verified(public_key_of(signer, KEYS), signed, body + b" ")
        assert not is_verified(public_key_of(signer, KEYS), signed | {"webhook-timestamp": "1"}, body)
    assert not is_verified(public_key_of(other, KEYS), signed, body)


@needs_node
def test_another_program_verifies_an_asymmetric_signature() -> None:
    old, new, other = (version(name) for name in ("old", "new", "other"))
    body = json.dumps({"type": "photofinish.photo.done", "data": {"folder": "Ziel ☃"}}, ensure_ascii=False)
    signed = ed25519_headers("msg_1", body.encode(), old, new)
    good = [{"secret": public_key_of(one, KEYS), "headers": signed, "body": body} for one in (old, new)]
    bad = [
        {"secret": public_key_of(other, KEYS), "headers": signed, "body": body},
        {"secret": public_key_of(new, KEYS), "headers": signed, "body": body + " "},
        {"secret": public_key_of(new, KEYS), "headers": ed25519_headers("msg_1", body.encode(), new, age_s=3600)}
        | {"body": body},
    ]
    answers = verified_by_node(good + bad)
    assert [answer.get("event") for answer in answers] == [json.loads(body)] * 2 + [None] * 3


def test_the_key_pair_is_derived_apart_from_the_secret() -> None:
    one = version("1")
    assert ed25519_seed_of(one, KEYS) != secret_of(one, KEYS).value, "showing one kind says nothing about the other"
    assert public_key_of(one, KEYS) == public_key_of(one, KEYS) != public_key_of(version("2"), KEYS)
    assert len(base64.b64decode(public_key_of(one, KEYS).removeprefix("whpk_"))) == 32


def ed25519_headers(message_id: str, body: bytes, *versions: SecretVersion, age_s: int = 0) -> dict[str, str]:
    plain = headers(message_id, body, age_s=age_s)
    seeds = [ed25519_seed_of(one, KEYS) for one in versions]
    return plain | {"webhook-signature": ed25519_header(message_id, int(plain["webhook-timestamp"]), body, seeds)}


def is_verified(public_key: str, message: dict[str, str], body: bytes) -> bool:
    """As the specification says it: any `v1a` signature of `id.timestamp.body` by the key."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = b".".join([message["webhook-id"].encode(), message["webhook-timestamp"].encode(), body])
    for kind, _, signature in (text.partition(",") for text in message["webhook-signature"].split(" ")):
        assert kind == "v1a"
        try:
            key.verify(base64.b64decode(signature), signed)
        except InvalidSignature:
            continue
        return True
    return False


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
