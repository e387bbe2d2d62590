"""Firestore's security rules let a signed-in user read a document if and only if the API lets the same user read it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path as FilePath
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from photofinish.adapters.memory.access_documents import MemoryAccessDocuments
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.access_projection import PgAccessProjection
from photofinish.application.access_projection import AccessProjector
from photofinish.domain.access import AlbumAccess
from photofinish.settings import Settings
from photofinish.wiring import App
from photofinish_emulators.firestore.rules.ruleset import Request, Ruleset, load
from photofinish_emulators.firestore.rules.values import UNKNOWN, Path, Value
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.refusals import Denied, Unauthorized
from photofinish_functions.api.app import make_app
from photofinish_functions.api.guarding import Guard
from support.access import http_request, settings
from support.examples import examples
from support.firebase_keys import PROJECT, KeyServer, serving

ROOT = ("databases", "(default)", "documents")
ALBUM = "Zürich 10k"
STATES = [
    None,  # never opened: no row, and no document
    *(
        AlbumAccess(users_may_search=search, users_may_browse=browse, anonymous_users=anonymous)
        for search, browse, anonymous in itertools.product((False, True), repeat=3)
        if search or not browse
    ),
]
SIGNED_IN = {"identities": {}, "sign_in_provider": "password"}
ANONYMOUS = {"identities": {}, "sign_in_provider": "anonymous"}
UNSAID = [{}, {"sign_in_provider": None}, "password", None]
CLAIMS: list[Any] = [
    None,  # no claim
    *({"scope": scope, "albums": "*"} for scope in ("search", "write", "admin")),
    {"scope": "search", "albums": [ALBUM]},
    {"scope": "search", "albums": ["another", 7, None, "a/b", ALBUM]},
    {"scope": "admin", "albums": ["another"]},
    {"scope": "search", "albums": ["Zu\u0308rich 10k"]},  # decomposed
    {"scope": "search", "albums": []},
    {},
    {"scope": "search"},
    {"albums": "*"},
    {"scope": "root", "albums": "*"},
    {"scope": "search", "albums": ALBUM},
    {"scope": ["admin"], "albums": "*"},
    {"scope": "search", "albums": {ALBUM: True}},
    "admin",
    ["admin"],
    False,
    7,
]
USERS = [
    *itertools.product([SIGNED_IN, ANONYMOUS], CLAIMS),
    *itertools.product(UNSAID, [None, {"scope": "admin", "albums": "*"}]),
]
ROUTES = {
    # method and path below the album's document → the route of the API that shows the same
    ("get",): "show_album",
    ("get", "photos", "p"): "show_photo",
    ("list", "photos", UNKNOWN): "list_photos",
    ("get", "people", "p"): "show_person",
    ("list", "people", UNKNOWN): "list_people",
}


class Both:
    """One album, which the API reads from Postgres and the rules from the document that was projected."""

    def __init__(self, store: PgAccessStore, google: KeyServer, rules: Ruleset) -> None:
        self.store = store
        self.rules = rules
        self.google = google
        self.documents = MemoryAccessDocuments()
        self.projector = AccessProjector(PgAccessProjection(store._database), self.documents)
        self.gate = Gate(
            store,
            settings(
                PHOTOFINISH_FIREBASE_PROJECT=PROJECT,
                PHOTOFINISH_FIREBASE_KEYS_URL=google.url,
                PHOTOFINISH_USER_RATE="100000/100000",
                PHOTOFINISH_FAILURE_RATE="100000/100000",
            ),
            keep_s=0,
        )
        views = make_app(App(Settings.model_construct()), lambda: self.gate).view_functions.values()
        self.guards: dict[str, Guard] = {view.guard.action: view.guard for view in views}  # type: ignore[attr-defined]

    def set(self, access: AlbumAccess | None) -> None:
        if access is not None:
            self.store.set_album_access(ALBUM, access)
            assert self.projector.sweep() == 1

    def api_allows(self, token: str, route: str) -> bool:
        guard = self.guards[route]
        assert guard.scope is not None
        with http_request(headers={"Authorization": f"Bearer {token}"}) as made:
            try:
                self.gate.admit(made, guard.scope, ALBUM, reading=guard.reading)
            except (Denied, Unauthorized):
                return False
        return True

    def rules_allow(self, token: str | None, method: str, *below: Value) -> bool:
        claims = None if token is None else jwt.decode(token, options={"verify_signature": False})
        path = (*ROOT, "albums", ALBUM, *below)
        request = {
            "auth": None if claims is None else {"uid": claims["sub"], "token": claims},
            "method": method,
            "path": Path(path),
        }
        return self.rules.refusal(Request(method, path, request, None, self._lookup)) is None

    def _lookup(self, path: Path, _: bool) -> Value:
        assert path == Path((*ROOT, "albums", ALBUM, "access", "users"))
        access = self.documents.documents.get(ALBUM)
        return None if access is None else {"data": asdict(access)}


@pytest.fixture(scope="module")
def google() -> Iterator[KeyServer]:
    with serving() as made:
        made.add("one")
        yield made


@pytest.fixture(scope="module")
def rules(pytestconfig: pytest.Config) -> Ruleset:
    return load(FilePath(pytestconfig.rootpath / "terraform/firestore/firestore.rules"))


@pytest.fixture
def both(store: PgAccessStore, google: KeyServer, rules: Ruleset) -> Both:
    return Both(store, google, rules)


@pytest.mark.parametrize("access", STATES, ids=str)
def test_for_every_user_and_document(both: Both, google: KeyServer, access: AlbumAccess | None) -> None:
    both.set(access)
    answers = set()
    for firebase, claim in USERS:
        token = google.token("one", firebase=firebase, photofinish=claim)
        for (method, *below), route in ROUTES.items():
            expected = both.api_allows(token, route)
            assert both.rules_allow(token, str(method), *below) is expected, (firebase, claim, route, access)
            answers.add((route, expected))
    assert {route for route, allowed in answers if allowed} == set(ROUTES.values())  # claims open each
    assert {route for route, allowed in answers if not allowed} == set(ROUTES.values())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.sampled_from(["search", "admin", "*", ALBUM, ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["scope", "albums", "x"]), inner),
    max_leaves=6,
)


@hypothesis_settings(max_examples=examples(60))
@given(claim=_JSON, firebase=_JSON | st.sampled_from([SIGNED_IN, ANONYMOUS]), state=st.sampled_from(STATES[1:]))
def test_for_any_claims(both: Both, google: KeyServer, claim: Any, firebase: Any, state: AlbumAccess) -> None:
    both.set(state)
    token = google.token("one", photofinish=claim, firebase=firebase)
    for (method, *below), route in ROUTES.items():
        assert both.rules_allow(token, str(method), *below) is both.api_allows(token, route), json.dumps(claim)


def test_nothing_else_is_readable_and_nothing_writable(both: Both, google: KeyServer) -> None:
    both.set(AlbumAccess(users_may_search=True, users_may_browse=True, anonymous_users=True))
    token = google.token("one", photofinish={"scope": "admin", "albums": "*"})
    for below in ((), ("photos", "p"), ("people", "p"), ("access", "users")):
        for method in ("create", "update", "delete"):
            assert not both.rules_allow(token, method, *below)
        assert not both.rules_allow(None, "get", *below)
    assert not both.rules_allow(token, "get", "access", "users")
    assert not both.rules_allow(token, "list", "access", UNKNOWN)
