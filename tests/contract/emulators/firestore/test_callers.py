"""Who sends a request, from its `Authorization` header."""

from __future__ import annotations

import pytest

from photofinish_emulators.common.rpc_errors import Refused
from photofinish_emulators.firestore.callers import ADMINISTRATOR, ANONYMOUS, caller
from support.firebase_keys import KeyServer, unsigned_token


@pytest.mark.parametrize("authorization", ["Bearer owner", "bearer owner", "Bearer ya29.a0AfH6SM"])
def test_administrators(authorization: str) -> None:
    assert caller(authorization) == ADMINISTRATOR


@pytest.mark.parametrize("authorization", [None, ""])
def test_without_a_header_a_user_has_not_signed_in(authorization: str | None) -> None:
    assert caller(authorization) == ANONYMOUS
    assert ANONYMOUS.auth is None


def test_a_token_is_a_user_signed_or_not() -> None:
    keys = KeyServer()
    keys.server.server_close()
    keys.add("k")
    for token in (unsigned_token("ada", admin=True), keys.token("k", sub="ada", admin=True)):
        found = caller(f"Bearer {token}")
        assert not found.is_administrator
        assert found.auth is not None
        assert found.auth["uid"] == "ada"
        assert found.auth["token"]["admin"] is True, "custom claims"


@pytest.mark.parametrize(
    "authorization", ["owner", "Basic b3duZXI6", "Bearer", "Bearer ", "Bearer Owner", "Bearer a.b.c"]
)
def test_other_headers_are_refused(authorization: str) -> None:
    with pytest.raises(Refused, match="invalid authentication credentials") as refused:
        caller(authorization)
    assert refused.value.code.name == "UNAUTHENTICATED"
