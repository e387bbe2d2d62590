"""Firebase ID tokens, verified with public keys from a local HTTP server instead of Google's."""

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
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.domain.access import AlbumAccess, Principal, Reading, Scope
from photofinish.errors import Unavailable
from photofinish_functions.access.firebase_tokens import FirebaseTokens
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.refusals import Forbidden, NotVisible, RateLimited, Unauthorized
from support.access import admit, http_request, settings
from support.examples import examples
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


def find_me(gate: Gate, album: str, headers: dict[str, str]) -> Principal:
    return admit(gate, Scope.SEARCH, album, headers, reading=Reading.FIND_ME)


def test_a_signed_in_user_sees_only_open_albums(gate: Gate, store: PgAccessStore, google: KeyServer) -> None:
    token = bearer(google.token("one"))
    with pytest.raises(NotVisible):
        admit(gate, Scope.SEARCH, "race", token)
    store.set_album_access("race", AlbumAccess(users_may_search=True))
    assert find_me(gate, "race", token) == Principal(
        "user", UID, Scope.SEARCH, frozenset({"race"}), reading=Reading.FIND_ME
    )
    for scope in (Scope.WRITE, Scope.ADMIN):
        with pytest.raises(Forbidden):
            admit(gate, scope, "race", token)
        with pytest.raises(NotVisible):
            admit(gate, scope, "wedding", token)
    with pytest.raises(Forbidden):
        admit(gate, Scope.SEARCH, None, token)
    store.set_album_access("race", AlbumAccess())
    with pytest.raises(NotVisible):
        admit(gate, Scope.SEARCH, "race", token)


def test_browsing_and_anonymous_users_are_allowed_by_album(gate: Gate, store: PgAccessStore, google: KeyServer) -> None:
    token = bearer(google.token("one"))
    anonymous = bearer(google.token("one", firebase={"sign_in_provider": "anonymous"}))
    of_all = {"scope": "admin", "albums": "*"}
    claimed = bearer(google.token("one", firebase={"sign_in_provider": "anonymous"}, photofinish=of_all))
    store.set_album_access("race", AlbumAccess(users_may_search=True, users_may_browse=True))
    assert admit(gate, Scope.SEARCH, "race", token, reading=Reading.BROWSE).reading is Reading.BROWSE
    with pytest.raises(Forbidden):
        admit(gate, Scope.SEARCH, "race", token)
    for headers in (anonymous, claimed, bearer(google.token("one", firebase={}, photofinish=of_all))):
        with pytest.raises(NotVisible):
            find_me(gate, "race", headers)
    store.set_album_access("race", AlbumAccess(users_may_search=True, anonymous_users=True))
    for headers in (anonymous, claimed):
        assert find_me(gate, "race", headers).reading is Reading.FIND_ME
        with pytest.raises(Forbidden):
            admit(gate, Scope.SEARCH, "race", headers, reading=Reading.BROWSE)


def test_custom_claims_grant_more(gate: Gate, store: PgAccessStore, google: KeyServer) -> None:
    store.set_album_access("open", AlbumAccess(users_may_search=True))
    photographer = bearer(google.token("one", photofinish={"scope": "write", "albums": ["race"]}))
    assert admit(gate, Scope.WRITE, "race", photographer).scope is Scope.WRITE
    assert find_me(gate, "open", photographer).reading is Reading.FIND_ME
    with pytest.raises(Forbidden):
        admit(gate, Scope.SEARCH, "open", photographer)
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
        {"scope": ["admin"], "albums": "*"},
        {"scope": None, "albums": None},
        "admin",
        ["admin"],
        True,
    ],
)
def test_a_malformed_custom_claim_is_refused(gate: Gate, store: PgAccessStore, google: KeyServer, claim: Any) -> None:
    store.set_album_access("race", AlbumAccess(users_may_search=True))
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
def test_a_token_for_another_project_or_time_is_refused(
    gate: Gate, store: PgAccessStore, google: KeyServer, changes: dict[str, Any]
) -> None:
    store.set_album_access("race", AlbumAccess(users_may_search=True))
    assert find_me(gate, "race", bearer(google.token("one")))
    with pytest.raises(Unauthorized):
        admit(gate, Scope.SEARCH, "race", bearer(google.token("one", **changes)))


def test_a_token_that_google_did_not_sign_is_refused(gate: Gate, store: PgAccessStore, google: KeyServer) -> None:
    store.set_album_access("race", AlbumAccess(users_may_search=True))
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
        "another payload": f"{header}.{google.token('one', sub='another-user').split('.')[1]}.{signature}",
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "nonsense": "a.b.c",
    }
    assert [how for how, token in forged.items() if is_admitted(gate, token)] == []
    assert find_me(gate, "race", bearer(good))


def is_admitted(gate: Gate, token: str) -> bool:
    try:
        find_me(gate, "race", bearer(token))
    except Unauthorized:
        return False
    return True


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def hs256(payload: dict[str, Any], secret: bytes) -> str:
    """Signed by hand, because PyJWT refuses to use a public key as a secret."""
    head = json.dumps({"alg": "HS256", "typ": "JWT", "kid": "one"}).encode()
    text = f"{part(head)}.{part(json.dumps(payload).encode())}"
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["RS256", "one"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64"]), inner),
    max_leaves=5,
)


@hypothesis_settings(max_examples=examples(200))
@given(JSON, JSON, st.binary(max_size=300))
def test_an_unsigned_token_is_refused_whatever_it_contains(
    google: KeyServer, header: Any, payload: Any, signature: bytes
) -> None:
    tokens = FirebaseTokens(PROJECT, google.url)
    token = ".".join((part(json.dumps(header).encode()), part(json.dumps(payload).encode()), part(signature)))
    with pytest.raises(Unauthorized):
        tokens.user_of(token)


def test_public_keys_are_fetched_once_and_again_for_a_new_key(google: KeyServer) -> None:
    with serving() as rotating:
        rotating.add("old")
        tokens = FirebaseTokens(PROJECT, rotating.url, refetch_interval_s=0)
        assert rotating.fetches == 0
        for _ in range(3):
            assert tokens.user_of(rotating.token("old")).uid == UID
        assert rotating.fetches == 1
        rotating.add("new")
        assert tokens.user_of(rotating.token("new")).uid == UID
        assert rotating.fetches == 2
        retired = rotating.token("old")
        del rotating.private["old"]
        rotating.add("newest")
        assert tokens.user_of(rotating.token("newest")).uid == UID
        with pytest.raises(Unauthorized):
            tokens.user_of(retired)


def test_unknown_key_ids_do_not_cause_a_request_to_google_each_time(google: KeyServer) -> None:
    with serving() as server:
        server.add("one")
        tokens = FirebaseTokens(PROJECT, server.url)
        assert tokens.user_of(server.token("one"))
        for number in range(20):
            with pytest.raises(Unauthorized):
                tokens.user_of(
                    jwt.encode(claims(), server.private["one"], algorithm="RS256", headers={"kid": f"no {number}"})
                )
        assert server.fetches == 1


def test_cached_public_keys_serve_while_google_is_down() -> None:
    with serving() as gone:
        gone.add("one")
        tokens = FirebaseTokens(PROJECT, gone.url, refetch_interval_s=0)
        without_cache = FirebaseTokens(PROJECT, gone.url)
        token = gone.token("one")
        assert tokens.user_of(token)
    assert tokens.user_of(token)
    with pytest.raises(Unavailable):
        without_cache.user_of(token)


def test_without_a_firebase_project_user_tokens_are_refused(store: PgAccessStore, google: KeyServer) -> None:
    store.set_album_access("race", AlbumAccess(users_may_search=True))
    with pytest.raises(Unauthorized):
        admit(Gate(store, settings()), Scope.SEARCH, "race", bearer(google.token("one")))


def test_a_signed_in_user_lists_open_albums_and_those_of_their_claims(
    gate: Gate, store: PgAccessStore, google: KeyServer
) -> None:
    def listed(**claim: Any) -> Principal:
        with http_request(headers=bearer(google.token("one", **claim))) as made:
            return gate.admit_anywhere(made, Scope.SEARCH)

    assert listed() == Principal("user", UID, Scope.SEARCH, frozenset(), reading=Reading.FIND_ME)
    for album in ("open", "shut"):
        store.set_album_access(album, AlbumAccess(users_may_search=True))
    store.set_album_access("shut", AlbumAccess())
    assert listed().albums == frozenset({"open"})
    photographer = listed(photofinish={"scope": "write", "albums": ["race"]})
    assert photographer == Principal("user", UID, Scope.SEARCH, frozenset({"open", "race"}), reading=Reading.FIND_ME)
    assert listed(photofinish={"scope": "admin", "albums": "*"}).albums is None
    with http_request(headers=bearer(google.token("one"))) as made, pytest.raises(Forbidden):
        gate.admit_anywhere(made, Scope.WRITE)


def test_each_user_has_a_rate(store: PgAccessStore, google: KeyServer) -> None:
    gate = gate_of(store, google, PHOTOFINISH_USER_RATE="0.001/2")
    store.set_album_access("race", AlbumAccess(users_may_search=True))
    for _ in range(2):
        find_me(gate, "race", bearer(google.token("one")))
    with pytest.raises(RateLimited):
        find_me(gate, "race", bearer(google.token("one")))
    assert find_me(gate, "race", bearer(google.token("one", sub="another user")))
