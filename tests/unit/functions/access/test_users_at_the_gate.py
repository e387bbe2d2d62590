"""Firebase ID tokens, checked with the public keys of a real HTTP server in Google's place."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.domain.access import Principal, Scope
from photofinish.errors import Unavailable
from photofinish_functions.access.firebase_tokens import FirebaseTokens
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.refusals import Forbidden, NotVisible, RateLimited, Unauthorized
from support.access import admit, http_request, settings
from support.firebase_keys import PROJECT, UID, KeyServer, claims, serving


@pytest.fixture(scope="module")
def google() -> Iterator[KeyServer]:
    with serving() as made:
        made.add("one")
        yield made


def gate_of(store: PgAccessStore, google: KeyServer, **variables: str) -> Gate:
    return Gate(
        store,
        settings(PHOTOFINISH_FIREBASE_PROJECT=PROJECT, PHOTOFINISH_FIREBASE_KEYS_URL=google.url, **variables),
        keep_s=0,
    )


@pytest.fixture
def gate(store: PgAccessStore, google: KeyServer) -> Gate:
    return gate_of(store, google)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_signed_in_user_searches_albums_that_are_open_and_knows_of_no_others(
    gate: Gate, store: PgAccessStore, google: KeyServer
) -> None:
    token = bearer(google.token("one"))
    with pytest.raises(NotVisible):
        admit(gate, Scope.SEARCH, "race", token)
    store.set_users_may_search("race", True)
    assert admit(gate, Scope.SEARCH, "race", token) == Principal("user", UID, Scope.SEARCH, frozenset({"race"}))
    for scope in (Scope.WRITE, Scope.ADMIN):
        with pytest.raises(Forbidden):
            admit(gate, scope, "race", token)
        with pytest.raises(NotVisible):
            admit(gate, scope, "wedding", token)
    with pytest.raises(Forbidden):
        admit(gate, Scope.SEARCH, None, token)
    store.set_users_may_search("race", False)
    with pytest.raises(NotVisible):
        admit(gate, Scope.SEARCH, "race", token)


def test_custom_claims_grant_more(gate: Gate, store: PgAccessStore, google: KeyServer) -> None:
    store.set_users_may_search("open", True)
    photographer = bearer(google.token("one", photofinish={"scope": "write", "albums": ["race"]}))
    assert admit(gate, Scope.WRITE, "race", photographer).scope is Scope.WRITE
    assert admit(gate, Scope.SEARCH, "open", photographer).scope is Scope.SEARCH
    with pytest.raises(Forbidden):
        admit(gate, Scope.ADMIN, "race", photographer)
    with pytest.raises(Forbidden):
        admit(gate, Scope.WRITE, "open", photographer)
    with pytest.raises(NotVisible):
        admit(gate, Scope.SEARCH, "wedding", photographer)
    organiser = bearer(google.token("one", photofinish={"scope": "admin", "albums": "*"}))
    assert admit(gate, Scope.ADMIN, None, organiser) == Principal("user", UID, Scope.ADMIN, None)


@pytest.mark.parametrize(
    "claim",
    [
        {},
        {"scope": "search"},
        {"scope": "root", "albums": "*"},
        {"scope": "search", "albums": "race"},
        {"scope": "search", "albums": [1]},
        {"scope": "search", "albums": ["a/b"]},
        {"scope": ["admin"], "albums": "*"},
        {"scope": None, "albums": None},
        "admin",
        ["admin"],
        True,
    ],
)
def test_a_custom_claim_that_is_none_grants_nothing(
    gate: Gate, store: PgAccessStore, google: KeyServer, claim: Any
) -> None:
    store.set_users_may_search("race", True)
    with pytest.raises(Unauthorized):
        admit(gate, Scope.SEARCH, "race", bearer(google.token("one", photofinish=claim)))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 0},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"iat": None},
        {"auth_time": int(time.time()) + 3600},
        {"auth_time": "yesterday"},
        {"auth_time": None},
        {"aud": "another-project"},
        {"aud": ["another-project", PROJECT]},
        {"aud": None},
        {"iss": "https://securetoken.google.com/another-project"},
        {"iss": f"https://accounts.google.com/{PROJECT}"},
        {"iss": None},
        {"sub": ""},
        {"sub": "x" * 129},
        {"sub": 7},
        {"sub": None},
    ],
)
def test_a_token_for_somebody_else_or_another_time_is_refused(
    gate: Gate, store: PgAccessStore, google: KeyServer, changes: dict[str, Any]
) -> None:
    store.set_users_may_search("race", True)
    assert admit(gate, Scope.SEARCH, "race", bearer(google.token("one")))
    with pytest.raises(Unauthorized):
        admit(gate, Scope.SEARCH, "race", bearer(google.token("one", **changes)))


def test_a_token_that_google_did_not_sign_is_refused(gate: Gate, store: PgAccessStore, google: KeyServer) -> None:
    store.set_users_may_search("race", True)
    good = google.token("one")
    header, payload, signature = good.split(".")
    public = google.private["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = google.public()[0]
    forged = {
        "no algorithm": jwt.encode(claims(), None, algorithm="none", headers={"kid": "one"}),  # type: ignore[arg-type]
        "the public key as a shared secret": hs256(claims(), public),
        "the modulus as a shared secret": hs256(claims(), jwk["n"].encode()),
        "another key": jwt.encode(claims(), stranger, algorithm="RS256", headers={"kid": "one"}),
        "a key of its own in the header": jwt.encode(
            claims(), stranger, algorithm="RS256", headers={"kid": "one", "jwk": jwk, "jku": "http://127.0.0.1:9/"}
        ),
        "RS512": jwt.encode(claims(), google.private["one"], algorithm="RS512", headers={"kid": "one"}),
        "no key id": jwt.encode(claims(), google.private["one"], algorithm="RS256"),
        "another payload": f"{header}.{google.token('one', sub='somebody').split('.')[1]}.{signature}",
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "nonsense": "a.b.c",
    }
    assert [how for how, token in forged.items() if is_admitted(gate, token)] == []
    assert admit(gate, Scope.SEARCH, "race", bearer(good))


def is_admitted(gate: Gate, token: str) -> bool:
    try:
        admit(gate, Scope.SEARCH, "race", bearer(token))
    except Unauthorized:
        return False
    return True


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def hs256(payload: dict[str, Any], secret: bytes) -> str:
    """Signed by hand: PyJWT itself refuses to take a public key for a secret."""
    head = json.dumps({"alg": "HS256", "typ": "JWT", "kid": "one"}).encode()
    text = f"{part(head)}.{part(json.dumps(payload).encode())}"
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["RS256", "one"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64"]), inner),
    max_leaves=5,
)


@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, JSON, st.binary(max_size=300))
def test_whatever_is_in_a_token_that_nobody_signed_it_is_refused(
    google: KeyServer, header: Any, payload: Any, signature: bytes
) -> None:
    tokens = FirebaseTokens(PROJECT, google.url)
    token = ".".join((part(json.dumps(header).encode()), part(json.dumps(payload).encode()), part(signature)))
    with pytest.raises(Unauthorized):
        tokens.user_of(token)


def test_keys_are_fetched_once_and_again_for_a_new_one(google: KeyServer) -> None:
    with serving() as rotating:
        rotating.add("old")
        tokens = FirebaseTokens(PROJECT, rotating.url, refetch_interval_s=0)
        assert rotating.asked == 0
        for _ in range(3):
            assert tokens.user_of(rotating.token("old")).uid == UID
        assert rotating.asked == 1
        rotating.add("new")
        assert tokens.user_of(rotating.token("new")).uid == UID
        assert rotating.asked == 2
        retired = rotating.token("old")
        del rotating.private["old"]
        rotating.add("newest")
        assert tokens.user_of(rotating.token("newest")).uid == UID
        with pytest.raises(Unauthorized):
            tokens.user_of(retired)


def test_unknown_key_ids_do_not_make_us_ask_google_each_time(google: KeyServer) -> None:
    with serving() as asked:
        asked.add("one")
        tokens = FirebaseTokens(PROJECT, asked.url)
        assert tokens.user_of(asked.token("one"))
        for number in range(20):
            with pytest.raises(Unauthorized):
                tokens.user_of(
                    jwt.encode(claims(), asked.private["one"], algorithm="RS256", headers={"kid": f"no {number}"})
                )
        assert asked.asked == 1


def test_known_keys_serve_while_google_does_not_answer_and_others_may_try_again() -> None:
    with serving() as gone:
        gone.add("one")
        tokens = FirebaseTokens(PROJECT, gone.url, refetch_interval_s=0)
        never_asked = FirebaseTokens(PROJECT, gone.url)
        token = gone.token("one")
        assert tokens.user_of(token)
    assert tokens.user_of(token)
    with pytest.raises(Unavailable):
        never_asked.user_of(token)


def test_without_a_project_no_user_token_is_taken(store: PgAccessStore, google: KeyServer) -> None:
    store.set_users_may_search("race", True)
    with pytest.raises(Unauthorized):
        admit(Gate(store, settings()), Scope.SEARCH, "race", bearer(google.token("one")))


def test_a_signed_in_user_is_listed_the_open_albums_and_those_of_their_claims(
    gate: Gate, store: PgAccessStore, google: KeyServer
) -> None:
    def listed(**claim: Any) -> Principal:
        with http_request(headers=bearer(google.token("one", **claim))) as made:
            return gate.admit_anywhere(made, Scope.SEARCH)

    assert listed() == Principal("user", UID, Scope.SEARCH, frozenset())
    for album in ("open", "shut"):
        store.set_users_may_search(album, True)
    store.set_users_may_search("shut", False)
    assert listed().albums == frozenset({"open"})
    photographer = listed(photofinish={"scope": "write", "albums": ["race"]})
    assert photographer == Principal("user", UID, Scope.SEARCH, frozenset({"open", "race"}))
    assert listed(photofinish={"scope": "admin", "albums": "*"}).albums is None
    with http_request(headers=bearer(google.token("one"))) as made, pytest.raises(Forbidden):
        gate.admit_anywhere(made, Scope.WRITE)


def test_each_user_has_a_rate(store: PgAccessStore, google: KeyServer) -> None:
    gate = gate_of(store, google, PHOTOFINISH_USER_RATE="0.001/2")
    store.set_users_may_search("race", True)
    for _ in range(2):
        admit(gate, Scope.SEARCH, "race", bearer(google.token("one")))
    with pytest.raises(RateLimited):
        admit(gate, Scope.SEARCH, "race", bearer(google.token("one")))
    assert admit(gate, Scope.SEARCH, "race", bearer(google.token("one", sub="somebody else")))
