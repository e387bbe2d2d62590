"""Receipts: canonical, without personal data, and found out if a single byte was changed."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.receipts import (
    SigningKey,
    key_id_of,
    parse_public_keys,
    public_key_pem,
    verify,
)
from photofinish.domain.receipt import InvalidReceipt, Receipt, parse_receipt, receipt_document
from photofinish.errors import Misconfigured, NotFound
from photofinish_functions.api.example_values import RECEIPT, RECEIPT_KEY

KEY = SigningKey(bytes(range(32)))
OTHER_KEY = SigningKey(bytes(32))
TRUSTED = {KEY.key_id: KEY.public_key}
STARTED = datetime(2026, 5, 2, 9, tzinfo=UTC)
UNSIGNED = Receipt(
    erasure_id="0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f",
    target_kind="person",
    target_digest="ab" * 32,
    reason="request",
    started_at=STARTED,
    finished_at=STARTED + timedelta(seconds=3, microseconds=7),
    removed={"postgres": {"faces": 12, "people": 1}, "firestore": {"documents": 1}, "photo_bucket": {}},
    software_version="0.1.0",
    key_id=KEY.key_id,
)
SIGNED = KEY.sign(UNSIGNED)
DOCUMENT = SIGNED.document()
_codes = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


@given(
    removed=st.dictionaries(_codes, st.dictionaries(_codes, st.integers(0, 2**63), max_size=4), max_size=4),
    took=st.timedeltas(timedelta(), timedelta(days=9)),
)
def test_a_signed_receipt_is_read_back_and_verified(removed: dict[str, dict[str, int]], took: timedelta) -> None:
    signed = KEY.sign(replace(UNSIGNED, removed=removed, finished_at=STARTED + took))
    assert verify(signed.document(), TRUSTED) == signed == parse_receipt(signed.document())


def test_a_change_of_any_single_byte_is_found() -> None:
    for position in range(len(DOCUMENT)):
        changed = bytearray(DOCUMENT)
        changed[position] ^= 1 << position % 8
        with pytest.raises((InvalidReceipt, NotFound)):
            verify(bytes(changed), TRUSTED)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.rstrip(b"\n"),
        lambda text: text + b"\n",
        lambda text: json.dumps(json.loads(text), indent=2).encode(),
        lambda text: text.replace(b'"request"', b'"\\u0072equest"'),
        lambda text: text.replace(b'{"alg', b'{"album":"anna","alg'),
        lambda text: text.replace(b'"faces":12', b'"faces":11,"faces":12'),
        lambda text: text.decode().encode("utf-16"),
        lambda text: b"[" * 60_000,
        lambda text: b"null",
        lambda text: b"",
        lambda text: text * 200,
    ],
)
def test_any_other_spelling_is_no_receipt(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidReceipt):
        verify(change(DOCUMENT), TRUSTED)


def test_a_receipt_signed_by_another_key_is_refused() -> None:
    forged = OTHER_KEY.sign(UNSIGNED).document()  # names the trusted key
    with pytest.raises(InvalidReceipt, match="signature does not fit"):
        verify(forged, TRUSTED)
    with pytest.raises(NotFound, match=f"the key {OTHER_KEY.key_id}, which was not given; given: {KEY.key_id}"):
        verify(OTHER_KEY.sign(replace(UNSIGNED, key_id=OTHER_KEY.key_id)).document(), TRUSTED)


def test_receipts_of_an_earlier_key_stay_valid() -> None:
    both = parse_public_keys((public_key_pem(OTHER_KEY.public_key) + public_key_pem(KEY.public_key)).encode())
    assert both == {key.key_id: key.public_key for key in (KEY, OTHER_KEY)}
    assert verify(DOCUMENT, both) == SIGNED


@pytest.mark.parametrize(
    "field",
    [
        {"target_kind": "Anna Smith"},
        {"target_digest": "anna"},
        {"reason": "asked by anna@example.org"},
        {"software_version": "0.1 for Anna"},
        {"erasure_id": "spring-10k"},
        {"key_id": "anna"},
        {"removed": {"postgres": {"anna@example.org": 1}}},
        {"removed": {"spring-10k": {"faces": 1}}},
        {"removed": {"postgres": {"faces": -1}}},
        {"removed": {"postgres": {"faces": True}}},
    ],
)
def test_a_receipt_has_no_place_for_personal_data(field: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"has not the form|is no number"):
        replace(UNSIGNED, **field)  # type: ignore[arg-type]


def test_the_secret_is_read_and_never_shown() -> None:
    text = base64.b64encode(bytes(range(32))).decode()
    key = SigningKey.parse(f" {text}\n")
    assert (key.key_id, key.public_key) == (KEY.key_id, KEY.public_key)
    assert key_id_of(key.public_key) == key.key_id
    assert text not in repr(key)
    for wrong in ("unset", "", text[:-8], "é" * 44, text * 2):
        with pytest.raises(Misconfigured, match="32 random bytes in Base64") as raised:
            SigningKey.parse(wrong)
        assert not wrong or wrong not in str(raised.value)


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        (b"", "no public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be read"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no public key"),
    ],
)
def test_a_file_without_keys_says_so(pem: bytes, problem: str) -> None:
    with pytest.raises(Misconfigured, match=problem):
        parse_public_keys(pem)


def test_the_documented_example_is_a_valid_receipt() -> None:
    keys = parse_public_keys(RECEIPT_KEY["public_key_pem"].encode())
    assert verify(receipt_document(RECEIPT), keys).key_id == RECEIPT_KEY["key_id"]


def test_openssl_verifies_it_too(tmp_path: Path) -> None:
    """docs/receipts.md shows these commands, for those who do not want to trust our own program."""
    for name, content in (
        ("signed", SIGNED.signed_bytes()),
        ("signature", SIGNED.signature),
        ("key.pem", public_key_pem(KEY.public_key).encode()),
    ):
        (tmp_path / name).write_bytes(content)
    fields = json.loads(DOCUMENT)
    fields.pop("signature")
    assert json.dumps(fields, separators=(",", ":"), sort_keys=True).encode() == SIGNED.signed_bytes()
    command = "openssl pkeyutl -verify -rawin -pubin -inkey key.pem -in signed -sigfile signature"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully"), done.stderr
