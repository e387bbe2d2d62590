"""A function that only some accounts may invoke checks the token of every request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from google.auth import jwt
from werkzeug.test import Client

from photofinish_emulators.pubsub.oidc import KEY_SET, TokenIssuer
from photofinish_emulators.stack.invoker import RequireInvoker, Start

URL = "http://127.0.0.1:8080"
PUSHER, OTHER = "push-x@p.iam.gserviceaccount.com", "push-y@p.iam.gserviceaccount.com"


def application(_environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"called"]


@pytest.fixture
def tokens(tmp_path: Path) -> TokenIssuer:
    return TokenIssuer(tmp_path)


def status(folder: Path, **headers: str) -> int:
    guarded = RequireInvoker(application, folder / KEY_SET, URL, frozenset({PUSHER}))
    return Client(guarded).post("/", headers=headers).status_code


def forged(tokens: TokenIssuer, **claims: object) -> str:
    """A token of the right key with other claims."""
    good = jwt.decode(tokens.token(PUSHER, URL), verify=False)
    encoded: bytes = jwt.encode(tokens._load_signer(), good | claims)
    return encoded.decode()


def test_a_token_of_an_invoker_is_let_through(tmp_path: Path, tokens: TokenIssuer) -> None:
    assert status(tmp_path, Authorization=f"Bearer {tokens.token(PUSHER, URL)}") == 200


def test_a_token_of_another_account_is_forbidden(tmp_path: Path, tokens: TokenIssuer) -> None:
    assert status(tmp_path, Authorization=f"Bearer {tokens.token(OTHER, URL)}") == 403


def test_without_a_token_or_a_key_set_it_is_unauthorized(tmp_path: Path) -> None:
    assert status(tmp_path) == 401
    assert status(tmp_path, Authorization="Bearer x.y.z") == 401


def test_what_is_wrong_in_a_token(tmp_path: Path, tokens: TokenIssuer) -> None:
    other_key = TokenIssuer(tmp_path / "other")
    (tmp_path / "other").mkdir()
    for token in (
        tokens.token(PUSHER, URL + "/other"),
        other_key.token(PUSHER, URL),
        forged(tokens, iss="https://example.com"),
        forged(tokens, email_verified=False),
        forged(tokens, iat=1, exp=2),
        tokens.token(PUSHER, URL)[:-4] + "AAAA",
    ):
        assert status(tmp_path, Authorization=f"Bearer {token}") == 401
    assert status(tmp_path, Authorization=f"Basic {tokens.token(PUSHER, URL)}") == 401
