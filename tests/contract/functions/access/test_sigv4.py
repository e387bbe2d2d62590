"""AWS Signature Version 4: what botocore signs is admitted, and any change to it is refused."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from flask import Flask, Response, request
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.serving import make_server

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.domain.access import AwsCredentials, PresentedKey, RateLimit, Scope
from photofinish.ports import ALIKE_WITHIN_S
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.permissions import including, permitted
from photofinish_functions.access.refusals import Forbidden, NotVisible, RateLimited, SignatureProblem, Unauthorized
from support.access import AWS_KEY_SECRET, Clock, aws_credentials, http_request, new_key, settings
from support.examples import examples
from support.http_server import POLL_S

HOST = "photos.example.org:8443"
TARGET = "RekognitionService.SearchFacesByImage"
BODY = b'{"CollectionId": "race"}'


@dataclass(frozen=True)
class Sent:
    """A signed request."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def with_header(self, name: str, value: str | None) -> Sent:
        headers = {other: text for other, text in self.headers.items() if other.lower() != name.lower()}
        return replace(self, headers=headers if value is None else headers | {name: value})


def signed(
    credentials: AwsCredentials,
    at: datetime,
    *,
    body: bytes = BODY,
    url: str = f"https://{HOST}/",
    service: str = "rekognition",
    region: str = "eu-west-1",
    signer: type[Any] = SigV4Auth,
    **headers: str,
) -> Sent:
    """A request that botocore signed."""
    made = AWSRequest(
        "POST",
        url,
        headers={"X-Amz-Target": TARGET, "Content-Type": "application/x-amz-json-1.1"} | headers,
        data=body,
    )
    made.context["timestamp"] = f"{at:%Y%m%dT%H%M%SZ}"
    pair = Credentials(credentials.access_key_id, credentials.secret_access_key)
    with mock.patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=None)):
        signer(pair, service, region).add_auth(made)
    prepared = made.prepare()
    names = {name: text if isinstance(text, str) else text.decode() for name, text in prepared.headers.items()}
    return Sent("POST", prepared.url, names | {"Host": urlsplit(url).netloc}, body)


def admit_signed(gate: Gate, sent: Sent) -> Any:
    parts = urlsplit(sent.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    with http_request(target, method=sent.method, headers=sent.headers, data=sent.body) as made:
        principal = gate.admit_signed(made)
        assert made.get_data() == sent.body  # still readable
        return principal


def problem(gate: Gate, sent: Sent) -> SignatureProblem | None:
    with pytest.raises(Unauthorized) as refused:
        admit_signed(gate, sent)
    return refused.value.problem


def flipped(authorization: str) -> str:
    """The header with another last digit of its signature."""
    return authorization[:-1] + ("0" if authorization[-1] != "0" else "1")


@pytest.fixture
def gate(store: PgAccessStore, clock: Clock) -> Gate:
    return _gate(store, clock)


def _gate(store: PgAccessStore, clock: Clock, **secrets: str) -> Gate:
    return Gate(store, settings(PHOTOFINISH_FAILURE_RATE="1000000/1000000", **secrets), now=clock)


@pytest.fixture
def key(store: PgAccessStore) -> PresentedKey:
    return new_key(store, rate=RateLimit(per_second=1e6, burst=1_000_000))


@pytest.fixture
def sent(key: PresentedKey, clock: Clock) -> Sent:
    return signed(aws_credentials(key), clock.now)


def test_credentials_stay_valid_until_the_previous_secret_is_removed(
    store: PgAccessStore, clock: Clock, key: PresentedKey
) -> None:
    new_secret = "the secret that replaces the other one"
    old, new = aws_credentials(key), aws_credentials(key, new_secret)

    for value, accepted, refused in (
        (AWS_KEY_SECRET, [old], [new]),
        (f"{AWS_KEY_SECRET},{new_secret}", [old, new], []),
        (f"{new_secret},{AWS_KEY_SECRET}", [old, new], []),
        (new_secret, [new], [old]),
    ):
        gate = _gate(store, clock, PHOTOFINISH_AWS_KEY_SECRET=value)
        clock.advance(1)  # each request has a signature of its own
        for credentials in accepted:
            assert admit_signed(gate, signed(credentials, clock.now)).id == key.key_id
        for credentials in refused:
            assert problem(gate, signed(credentials, clock.now)) is SignatureProblem.INVALID


def test_what_botocore_signs_is_admitted_as_the_key(gate: Gate, key: PresentedKey, sent: Sent) -> None:
    principal = admit_signed(gate, sent)
    assert (principal.kind, principal.id, principal.scope) == ("key", key.key_id, Scope.SEARCH)


def test_the_port_of_the_host_is_signed(gate: Gate, sent: Sent) -> None:
    assert ":8443" in sent.headers["Host"]
    assert problem(gate, sent.with_header("Host", HOST.partition(":")[0])) is SignatureProblem.INVALID


@pytest.mark.parametrize(
    "tamper",
    [
        lambda sent: replace(sent, body=sent.body.replace(b"race", b"Race")),
        lambda sent: replace(sent, body=b""),
        lambda sent: replace(sent, method="PUT"),
        lambda sent: replace(sent, url=sent.url + "other"),
        lambda sent: replace(sent, url=sent.url + "../"),
        lambda sent: replace(sent, url=sent.url + "?a=b"),
        lambda sent: sent.with_header("X-Amz-Target", "RekognitionService.DeleteCollection"),
        lambda sent: sent.with_header("Content-Type", "text/plain"),
        lambda sent: sent.with_header("Host", "elsewhere.example.org:8443"),
        lambda sent: sent.with_header("Authorization", sent.headers["Authorization"].replace("eu-west-1", "eu-west-2")),
        lambda sent: sent.with_header("Authorization", flipped(sent.headers["Authorization"])),
        lambda sent: sent.with_header("Authorization", sent.headers["Authorization"].replace("host;", "")),
        lambda sent: sent.with_header("Authorization", sent.headers["Authorization"].replace(";x-amz-target", "")),
        lambda sent: sent.with_header("X-Amz-Date", sent.headers["X-Amz-Date"][:-2] + "9Z"),
        lambda sent: sent.with_header("X-Amz-Date", "20260230T000000Z"),
        lambda sent: sent.with_header("X-Amz-Date", None),
        lambda sent: sent.with_header("X-Amz-Extra", "not signed"),
        lambda sent: sent.with_header("X-Amz-Target", None),
    ],
)  # fmt: skip
def test_a_modified_request_is_refused(gate: Gate, clock: Clock, key: PresentedKey, tamper: Any) -> None:
    clock.now = clock.now.replace(second=1)
    sent = signed(aws_credentials(key), clock.now)
    assert problem(gate, tamper(sent)) in {SignatureProblem.INVALID, SignatureProblem.INCOMPLETE}


def test_an_unsigned_request_is_refused(gate: Gate, sent: Sent, key: PresentedKey) -> None:
    assert problem(gate, sent.with_header("Authorization", None)) is SignatureProblem.MISSING
    assert problem(gate, sent.with_header("Authorization", f"Bearer {key.text}")) is SignatureProblem.MISSING
    assert problem(gate, sent.with_header("Authorization", "AWS4-HMAC-SHA256 nonsense")) is SignatureProblem.INCOMPLETE


@pytest.mark.parametrize("seconds", [-301, 301, 86400])
def test_a_signature_outside_the_clock_skew_is_refused(gate: Gate, clock: Clock, sent: Sent, seconds: float) -> None:
    clock.now = clock.now.replace(microsecond=0)
    clock.advance(seconds)
    assert problem(gate, sent) is SignatureProblem.UNTIMELY


@pytest.mark.parametrize("seconds", [-299, 299])
def test_a_clock_skew_of_nearly_five_minutes_is_accepted(
    gate: Gate, clock: Clock, key: PresentedKey, seconds: float
) -> None:
    assert admit_signed(gate, signed(aws_credentials(key), clock.now + timedelta(seconds=seconds)))


def test_a_signature_by_another_secret_is_refused(gate: Gate, clock: Clock, key: PresentedKey) -> None:
    good = aws_credentials(key)
    other = aws_credentials(PresentedKey.generate())
    wrong = AwsCredentials(good.access_key_id, other.secret_access_key)
    assert problem(gate, signed(wrong, clock.now)) is SignatureProblem.INVALID
    foreign = AwsCredentials("AKIAIOSFODNN7EXAMPLE", good.secret_access_key)
    assert problem(gate, signed(foreign, clock.now)) is SignatureProblem.INVALID


def test_a_signature_for_another_service_is_refused(gate: Gate, clock: Clock, key: PresentedKey) -> None:
    assert problem(gate, signed(aws_credentials(key), clock.now, service="s3")) is SignatureProblem.INVALID


def test_any_region_is_accepted(gate: Gate, clock: Clock, key: PresentedKey) -> None:
    assert admit_signed(gate, signed(aws_credentials(key), clock.now, region="local"))


def test_a_revoked_or_expired_key_is_refused(gate: Gate, store: PgAccessStore, clock: Clock) -> None:
    revoked, expired = new_key(store), new_key(store, expires_at=clock.now)
    store.revoke_key(revoked.key_id)
    for ended in (revoked, expired):
        assert problem(gate, signed(aws_credentials(ended), clock.now)) is SignatureProblem.UNKNOWN_KEY
    assert problem(gate, signed(aws_credentials(PresentedKey.generate()), clock.now)) is SignatureProblem.UNKNOWN_KEY


def test_the_body_of_a_caller_without_a_key_is_not_read(gate: Gate, clock: Clock) -> None:
    sent = signed(aws_credentials(PresentedKey.generate()), clock.now)
    with http_request("/", method=sent.method, headers=sent.headers, data=sent.body) as made:
        made.environ["wsgi.input"] = None  # which nothing can read
        with pytest.raises(Unauthorized) as refused:
            gate.admit_signed(made)
    assert refused.value.problem is SignatureProblem.UNKNOWN_KEY


def test_a_replayed_request_is_refused(gate: Gate, store: PgAccessStore, clock: Clock, sent: Sent) -> None:
    assert admit_signed(gate, sent)
    assert problem(gate, sent) is SignatureProblem.REPLAYED
    another = Gate(store, settings(), now=clock)
    assert problem(another, sent.with_header("User-Agent", "another")) is SignatureProblem.REPLAYED


def test_equal_calls_within_one_second_are_not_replays_for_a_few_seconds(
    gate: Gate, store: PgAccessStore, sent: Sent, database: str
) -> None:
    """botocore does not sign its numbers of call and attempt, so both requests have the same signature."""
    assert admit_signed(gate, sent.with_header("amz-sdk-invocation-id", "a"))
    assert admit_signed(gate, sent.with_header("amz-sdk-invocation-id", "b"))
    again = sent.with_header("amz-sdk-invocation-id", "b").with_header("amz-sdk-request", "attempt=2")
    assert admit_signed(gate, again)
    assert problem(gate, again) is SignatureProblem.REPLAYED
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE seen_signature SET seen_at = seen_at - %s * interval '1 second'", [ALIKE_WITHIN_S])
    assert problem(gate, sent.with_header("amz-sdk-invocation-id", "c")) is SignatureProblem.REPLAYED


def test_a_presigned_query_is_refused(gate: Gate, clock: Clock, key: PresentedKey) -> None:
    sent = signed(aws_credentials(key), clock.now, signer=SigV4QueryAuth)
    assert "X-Amz-Signature" in sent.url
    assert problem(gate, sent) is SignatureProblem.MISSING


def test_an_unsigned_payload_is_refused(gate: Gate, clock: Clock, key: PresentedKey) -> None:
    headers = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    with mock.patch.object(SigV4Auth, "payload", return_value="UNSIGNED-PAYLOAD"):
        sent = signed(aws_credentials(key), clock.now, **headers)
    assert problem(gate, sent) is SignatureProblem.INVALID


def test_path_and_query_are_verified_as_signed(gate: Gate, clock: Clock, key: PresentedKey) -> None:
    url = f"https://{HOST}/a%20b/c%2Fd/~e?z=1&a=%26%20x&a=b&empty"
    sent = signed(aws_credentials(key), clock.now, url=url.replace("&empty", "&empty="))
    assert admit_signed(gate, sent)
    other = signed(aws_credentials(key), clock.now, url=url.replace("&empty", "&empty="), **{"X-Amz-Nonce": "2"})
    assert problem(gate, replace(other, url=other.url.replace("c%2Fd", "c/d"))) is SignatureProblem.INVALID


def test_scope_album_and_rate_are_those_of_the_key(gate: Gate, store: PgAccessStore, clock: Clock) -> None:
    key = new_key(store, albums=frozenset({"race"}), rate=RateLimit(per_second=0.001, burst=3))

    def fresh(number: int) -> Sent:
        return signed(aws_credentials(key), clock.now, **{"X-Amz-Nonce": str(number)})

    principal = admit_signed(gate, fresh(1))
    assert permitted(principal, Scope.SEARCH, "race") is principal
    with pytest.raises(NotVisible):
        permitted(principal, Scope.SEARCH, "wedding")
    with pytest.raises(Forbidden):
        permitted(principal, Scope.WRITE, "race")
    with pytest.raises(Forbidden):
        including(principal, Scope.WRITE)
    assert admit_signed(gate, fresh(2))
    assert admit_signed(gate, fresh(3))
    with pytest.raises(RateLimited):
        admit_signed(gate, fresh(4))


def test_a_replay_does_not_count_against_the_rate_of_the_key(gate: Gate, store: PgAccessStore, clock: Clock) -> None:
    key = new_key(store, rate=RateLimit(per_second=0.001, burst=2))
    sent = signed(aws_credentials(key), clock.now)
    assert admit_signed(gate, sent)
    for _ in range(5):
        assert problem(gate, sent) is SignatureProblem.REPLAYED
    assert admit_signed(gate, signed(aws_credentials(key), clock.now, **{"X-Amz-Nonce": "2"}))


# What HTTP allows in a header's value, and what botocore writes.
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(lambda text: f"a{text}z")


@hypothesis_settings(max_examples=examples(60))
@given(st.binary(max_size=300), VALUES)
def test_any_signed_request_is_admitted_and_every_bit_matters(
    gate: Gate, key: PresentedKey, clock: Clock, body: bytes, value: str
) -> None:
    nonces = {"X-Amz-Nonce": str(uuid.uuid4()), "X-Amz-Meta": value}
    sent = signed(aws_credentials(key), clock.now, body=body + b"!", **nonces)
    changed = bytes([sent.body[0] ^ 1]) + sent.body[1:]
    assert problem(gate, replace(sent, body=changed)) is SignatureProblem.INVALID
    assert problem(gate, sent.with_header("X-Amz-Meta", value + "x")) is SignatureProblem.INVALID
    assert admit_signed(gate, sent)


@contextmanager
def served(gate: Gate) -> Iterator[str]:
    """A real server whose every answer depends on the signature; its address."""
    app = Flask("rekognition")

    @app.post("/")
    def answer() -> Response:
        try:
            gate.admit_signed(request)
        except Unauthorized as refused:
            error = f'{{"__type": "InvalidSignatureException", "Message": "{refused.problem}"}}'
            return Response(error, 400, mimetype="application/x-amz-json-1.1")
        return Response('{"CollectionIds": ["race"]}', mimetype="application/x-amz-json-1.1")

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_boto3_over_http(store: PgAccessStore) -> None:
    credentials = aws_credentials(new_key(store))
    with served(Gate(store, settings())) as url:

        def client(secret: str) -> Any:
            return boto3.client(
                "rekognition",
                endpoint_url=url,
                region_name="eu-west-1",
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=secret,
                config=Config(retries={"max_attempts": 0}),
            )

        good = client(credentials.secret_access_key)
        for _ in range(3):  # the same request within a second: the ids of the calls show that none is a replay
            assert good.list_collections()["CollectionIds"] == ["race"]
        with pytest.raises(ClientError, match="invalid"):
            client(credentials.secret_access_key[::-1]).list_collections()
