"""Conditions of the rules' language, as https://firebase.google.com/docs/reference/rules/rules describes them."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish_emulators.firestore.rules.parsing import InvalidRules
from photofinish_emulators.firestore.rules.ruleset import Request, parse_ruleset
from photofinish_emulators.firestore.rules.values import Path, Timestamp

PATH = ("databases", "(default)", "documents", "albums", "spring")
NOW_US = 1_709_208_000_123_000  # 2024-02-29T12:00:00.123Z
DOCUMENTS = {
    (*PATH[:3], "members", "ada"): {"role": "admin"},
    (*PATH[:3], "albums", "spring"): {"owner": "ada"},
}
RESOURCE = {
    "data": {"owner": "ada", "n": 5, "half": 0.5, "tags": ["a", "b"], "map": {"k": 1}, "at": Timestamp(NOW_US)},
    "id": "spring",
    "__name__": Path(PATH),
}
FUNCTIONS = """
  function isOwner(data) { return request.auth.uid == data.owner }
  function role(uid) {
    let member = get(/databases/$(database)/documents/members/$(uid));
    let data = member.data;
    return data.role;
  }
  function forever() { return forever(); }
"""


def lookup(path: Path, after: bool) -> Any:
    data = DOCUMENTS.get(path.segments)
    if after and path.segments == PATH:
        data = {"owner": "bo"}
    return None if data is None else {"data": data, "id": path.segments[-1], "__name__": path}


def refusal(condition: str, uid: str | None = "ada", method: str = "get") -> str | None:
    """Why the condition does not allow reading an album; None if it does."""
    rules = parse_ruleset(
        f"""rules_version = '2';
        service cloud.firestore {{ match /databases/{{database}}/documents {{
          {FUNCTIONS}
          match /albums/{{album}} {{ allow get: if {condition}
          ; }}
        }} }}"""
    )
    token = {"email": "ada@example.org", "email_verified": True}
    request = {
        "auth": None if uid is None else {"uid": uid, "token": token},
        "method": method,
        "path": Path(PATH),
        "time": Timestamp(NOW_US),
        "resource": {"data": RESOURCE["data"] | {"n": 6, "new": 1}, "id": "spring", "__name__": Path(PATH)},  # type: ignore[operator]
    }
    return rules.refusal(Request(method, PATH, request, RESOURCE, lookup))


TRUE = """
true
request.auth != null && request.auth.uid == 'ada'
request.auth.token.email == "ada@example.org"
album == 'spring' && database == '(default)'
request.path == /databases/$(database)/documents/albums/$(album)
resource['data']['n'] == 5 && resource.data.map.k == 1.0
resource.data.n + 1 * 2 == 7 && (resource.data.n + 1) * 2 == 12
7 / 2 == 3 && -7 / 2 == -3 && 7 % 4 == 3 && -7 % 4 == -3 && 7 / 2.0 == 3.5
1 < 2 && 2 <= 2 && 'b' > 'a' && 2.5 >= 2
!(1 == '1') && true != 1 && null == null
resource.data.n > 3 ? true : resource.data.missing
true || resource.data.missing
resource.data.missing || true
!(false && resource.data.missing)
!(resource.data.missing && false)
'a' in resource.data.tags && !('c' in resource.data.tags) && 'owner' in resource.data && 1 in [1.0]
resource.data.n is int && resource.data.n is number && resource.data.half is float && !(true is int)
resource.data.owner is string && resource.data.tags is list && resource.data.map is map && resource.data.at is timestamp
resource.data.tags[1] == 'b' && resource.data.tags[0:1] == ['a'] && 'spring'[0:3] == 'spr'
resource.data.tags.hasAll(['a']) && resource.data.tags.hasAny(['x', 'b']) && !resource.data.tags.hasOnly(['a'])
resource.data.tags.size() == 2 && resource.data.tags.join('-') == 'a-b' && ['a'].concat(['b']) == resource.data.tags
resource.data.tags.toSet() == ['b', 'a', 'a'].toSet() && ['a', 'b'].toSet().difference(['a'].toSet()) == ['b'].toSet()
resource.data.map.keys().hasOnly(['k']) && resource.data.get('x', 9) == 9 && resource.data.get(['map', 'k'], 9) == 1
request.resource.data.diff(resource.data).affectedKeys().hasOnly(['n', 'new'])
request.resource.data.diff(resource.data).changedKeys() == ['n'].toSet()
request.resource.data.diff(resource.data).addedKeys().size() == 1
'Spring'.lower() == 'spring' && ' a '.trim() == 'a' && 'a,b'.split(',') == ['a', 'b'] && 'ab'.size() == 2
'ada@example.org'.matches('[a-z]+@example\\\\.org') && !'xada@'.matches('ada')
'it\\'s' == "it's" && b'ab'.size() == 2
int('5') == 5 && string(5) == '5' && float('0.5') == 0.5 && bool('true')
math.abs(-3) == 3 && math.ceil(1.2) == 2 && math.floor(1.8) == 1 && math.round(2.5) == 3
request.time == timestamp.value(1709208000123) && request.time.year() == 2024 && request.time.hours() == 12
request.time < timestamp.date(2024, 3, 1) && request.time - duration.value(12, 'h') < timestamp.date(2024, 3, 1)
resource.data.at == request.time && request.time.toMillis() == 1709208000123
exists(/databases/$(database)/documents/members/ada) && !exists(/databases/$(database)/documents/members/$('bo'))
get(/databases/$(database)/documents/members/ada).data.role == 'admin'
getAfter(/databases/$(database)/documents/albums/spring).data.owner == 'bo'
existsAfter(/databases/$(database)/documents/albums/spring)
(forever() || true) && isOwner(resource.data) && role(request.auth.uid) == 'admin'
{'a': 1, 'b': [2]} == {'b': [2.0], 'a': 1} && {}.size() == 0
true // a comment
/* another */ true
""".strip().splitlines()


@pytest.mark.parametrize("condition", TRUE)
def test_true(condition: str) -> None:
    assert refusal(condition) is None


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("false", "false"),
        ("request.auth.uid == 'bo'", "false"),
        ("resource.data.missing == null", "missing is undefined"),
        ("resource.data.missing || false", "missing is undefined"),
        ("false || resource.data.missing", "missing is undefined"),
        ("resource.data.n", "a int where a bool is needed"),
        ("resource.data.n < 'a'", "a int < a string"),
        ("resource.data.n + 'a' == 1", "a int + a string"),
        ("1 / 0 == 1", "division by zero"),
        ("resource.data.n.size() == 1", "a int has no method size"),
        ("resource.data.tags[2] == 'c'", "has no element 2"),
        ("'a' in 5", "contains nothing"),
        ("int('five') == 5", "five"),
        ("'a'.matches('(')", "regular expression"),
        ("forever()", "levels deep"),
        ("get(/databases/$(database)/documents/members/bo).data.role == 'admin'", "the value is null"),
    ],
)
def test_not_true(condition: str, reason: str) -> None:
    found = refusal(condition)
    assert found is not None
    assert reason in found


def test_who_has_not_signed_in_has_no_uid() -> None:
    assert refusal("request.auth == null", uid=None) is None
    assert "uid is undefined: the value is null" in (refusal("request.auth.uid == 'ada'", uid=None) or "")


SERVICE = "rules_version = '2'; service cloud.firestore { match /databases/{database}/documents { %s } }"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("service cloud.firestore { }", "line 1: .* version 1, which is not supported"),
        ("rules_version = '1'; service cloud.firestore { }", "only version 2"),
        ("rules_version = '2'; service firebase.storage { }", "rules of firebase.storage"),
        (SERVICE % "\nmatch /a/{b} { allow reed; }", "line 2: 'reed' cannot be allowed"),
        (SERVICE % "match /a/{b} { allow read: if x; }", "x is not defined"),
        (SERVICE % "match /a/{b} { allow read: if f(1); }", r"f\(\) is not defined or not supported"),
        (SERVICE % "function f(a) { return a; } match /a/{b} { allow read: if f(); }", "1 parameters, not 0"),
        (SERVICE % "match /a/{b} { allow read: if 'a'.shout(); }", r"the method shout\(\) does not exist"),
        (SERVICE % "match /a/{b} { allow read: if hashing.md5('a') == b; }", "hashing is not defined"),
        (SERVICE % "match /a/{b} { allow read: if math.sin(1) == 1; }", r"math.sin\(\) is not supported"),
        (SERVICE % "match /a/{b} { allow read: if b is text; }", "text is not a type"),
        (SERVICE % "match /a/{b} { allow read: if request.headers.x == 1; }", "request.headers is not supported"),
        (SERVICE % "match /a/{b} { allow list: if request.query.orderBy == 'a'; }", "request.query.orderBy is not"),
        (SERVICE % "match /a/{b} { allow read: if true && ; }", "';' is not expected here"),
        (SERVICE % "match /a/{b} { allow read: if (1)(2); }", "only functions and methods can be called"),
        ("", "line .* is not expected here"),
    ],
)
def test_what_is_not_supported_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(InvalidRules, match=reason):
        parse_ruleset(text)
