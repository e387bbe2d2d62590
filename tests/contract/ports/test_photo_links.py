"""PhotoLinks: every signer makes valid signatures, and the links work at a real storage server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth.credentials import AnonymousCredentials, Signing
from google.auth.transport import Request
from google.auth.transport.requests import Request as HttpRequest
from google.cloud.storage import Client as StorageClient
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials as UserCredentials
from hypothesis import given
from hypothesis import strategies as st

from photofinish.adapters.google.hmac_links import SAME_FOR_S, HmacKey, HmacPhotoLinks
from photofinish.adapters.google.signed_links import GcsPhotoLinks, IamSigning, default_signing, signing_transport
from photofinish.domain.export_names import attachment
from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import AnnouncedFile
from photofinish.errors import Misconfigured, Unavailable
from photofinish.ports import BucketKind, PhotoLinks, SignedUpload
from support.http_server import POLL_S, HttpServer

EMAIL = "links@test.iam.gserviceaccount.com"
NAME = "renditions/O'Brien 10k & ümlaut/0a/1.preview.jpg"
MAX_BYTES = 1000
HMAC_KEY = HmacKey.parse("GOOG1TEST:a/secret+of:tests")
NOW = datetime(2026, 5, 1, 10, 4, 26, tzinfo=UTC)


def link_to(links: PhotoLinks, name: str, *, expires_in_s: int) -> str:
    [url] = links.rendition_urls([name], expires_in_s=expires_in_s)
    return url


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def key_file(key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    path = tmp_path_factory.mktemp("key") / "service_account.json"
    account = {"type": "service_account", "project_id": "test", "client_email": EMAIL, "private_key": pem}
    path.write_text(json.dumps(account | {"token_uri": "https://oauth2.googleapis.com/token"}))
    return path


@pytest.fixture
def own_key(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Signing:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    return default_signing(HttpRequest())


class _Iam(BaseHTTPRequestHandler):
    """signBlob as Google's IAM Credentials API answers it."""

    key: rsa.RSAPrivateKey
    status = 200
    resets = 0

    def do_POST(self) -> None:
        if type(self).resets > 0:
            type(self).resets -= 1
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = self.path == f"/v1/projects/-/serviceAccounts/{EMAIL}:signBlob"
        right = right and self.headers["Authorization"] == "Bearer a-token"
        self.send_response(self.status if right else 403)
        self.end_headers()
        blob = self.key.sign(base64.b64decode(body["payload"]), padding.PKCS1v15(), hashes.SHA256())
        self.wfile.write(json.dumps({"keyId": "1", "signedBlob": base64.b64encode(blob).decode()}).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def iam_server(key: rsa.RSAPrivateKey, status: int = 200, resets: int = 0) -> Iterator[IamSigning]:
    """An IAM whose answers come over HTTP from this machine; the account's private key is only there.

    It resets the connections of its first `resets` requests.
    """
    handler = type("Iam", (_Iam,), {"key": key, "status": status, "resets": resets})
    server = HttpServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True).start()
    over_http = signing_transport()

    def request(url: str, **options: object) -> object:
        assert url.startswith("https://iamcredentials.googleapis.com/")
        return over_http(url=f"http://127.0.0.1:{server.server_port}{urlsplit(url).path}", **options)

    try:
        yield IamSigning(UserCredentials(token="a-token"), EMAIL, _Redirected(request))
    finally:
        server.shutdown()
        server.server_close()


class _Redirected(Request):
    def __init__(self, call: object) -> None:
        self._call = call

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._call(*args, **kwargs)  # type: ignore[operator]


@pytest.fixture
def iam(key: rsa.RSAPrivateKey) -> Iterator[IamSigning]:
    with iam_server(key) as signing:
        yield signing


@pytest.fixture(params=["own_key", "iam"])
def signing(request: pytest.FixtureRequest) -> Signing:
    signing: Signing = request.getfixturevalue(request.param)
    return signing


def links_of(signing: Signing, client: StorageClient) -> GcsPhotoLinks:
    buckets: dict[BucketKind, str] = {"photos": "photos", "enrolment": "enrolment"}
    return GcsPhotoLinks(client, signing, derived_bucket="derived", upload_buckets=buckets)


@pytest.fixture(scope="module")
def cloud() -> StorageClient:
    return StorageClient(project="test", credentials=AnonymousCredentials())


def check_signature(key: rsa.RSAPublicKey, url: str, method: str, headers: dict[str, str]) -> None:
    """Does what https://cloud.google.com/storage/docs/authentication/canonical-requests says a server does."""
    parts = urlsplit(url)
    query, _, signature = parts.query.rpartition("&X-Goog-Signature=")
    given = {name.lower(): value for name, value in headers.items()} | {"host": parts.netloc}
    signed = parse_qs(query)["X-Goog-SignedHeaders"][0].split(";")
    canonical = [method, parts.path, query]
    canonical += [*(f"{name}:{given[name]}" for name in signed), "", ";".join(signed), "UNSIGNED-PAYLOAD"]
    scope = parse_qs(query)["X-Goog-Credential"][0].partition("/")[2]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join(["GOOG4-RSA-SHA256", parse_qs(query)["X-Goog-Date"][0], scope, digest])
    key.verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())


def upload_of(links: GcsPhotoLinks) -> SignedUpload:
    return links.upload_url("enrolment", "a/b.jpg", "image/jpeg", max_bytes=MAX_BYTES, expires_in_s=60)


def test_a_rendition_is_signed_for_its_name_and_time(
    signing: Signing, cloud: StorageClient, key: rsa.RSAPrivateKey
) -> None:
    url = link_to(links_of(signing, cloud), NAME, expires_in_s=900)
    assert url.startswith("https://storage.googleapis.com/derived/renditions/O%27Brien%2010k%20%26%20%C3%BCmlaut/")
    query = parse_qs(urlsplit(url).query)
    assert query["X-Goog-Expires"] == ["900"]
    assert query["X-Goog-Credential"][0].startswith(f"{EMAIL}/")
    check_signature(key.public_key(), url, "GET", {})
    for other in (url.replace("preview", "secret"), url.replace("Expires=900", "Expires=901")):
        with pytest.raises(InvalidSignature):
            check_signature(key.public_key(), other, "GET", {})


def test_an_original_is_signed_for_its_version_and_file_name(
    signing: Signing, cloud: StorageClient, key: rsa.RSAPrivateKey
) -> None:
    ref = PhotoRef(bucket="photos", name="race/é 1.jpg", generation=7)
    url = links_of(signing, cloud).original_url(ref, file_name="é 1.jpg", expires_in_s=900)
    assert url.startswith("https://storage.googleapis.com/photos/race/%C3%A9%201.jpg?")
    query = parse_qs(urlsplit(url).query)
    assert query["generation"] == ["7"]
    assert query["response-content-disposition"] == [
        "attachment; filename=\"_ 1.jpg\"; filename*=UTF-8''%C3%A9%201.jpg"
    ]
    check_signature(key.public_key(), url, "GET", {})
    with pytest.raises(InvalidSignature):
        check_signature(key.public_key(), url.replace("generation=7", "generation=8"), "GET", {})


def test_an_upload_is_signed_for_its_type_and_size(
    signing: Signing, cloud: StorageClient, key: rsa.RSAPrivateKey
) -> None:
    upload = upload_of(links_of(signing, cloud))
    assert upload.method == "PUT"
    assert upload.headers == {"Content-Type": "image/jpeg", "x-goog-content-length-range": f"0,{MAX_BYTES}"}
    assert 50 < (upload.expires_at - datetime.now(UTC)).total_seconds() <= 60
    check_signature(key.public_key(), upload.url, "PUT", dict(upload.headers))
    with pytest.raises(InvalidSignature):
        check_signature(
            key.public_key(), upload.url, "PUT", dict(upload.headers) | {"x-goog-content-length-range": "0,999999999"}
        )
    assert upload.url not in repr(upload)


def test_resumable_uploads_are_signed_for_their_file_alone_in_order(
    signing: Signing, cloud: StorageClient, key: rsa.RSAPrivateKey
) -> None:
    files = [
        AnnouncedFile(
            name=f"race/cam 2/{number}.jpg",
            photo_id="0" * 32,
            size_bytes=number + 1,
            content_type="image/jpeg",
            crc32c="AAAAAA==",
        )
        for number in range(20)
    ]
    uploads = links_of(signing, cloud).resumable_uploads(files, expires_in_s=60)
    for file, upload in zip(files, uploads, strict=True):
        assert urlsplit(upload.url).path == f"/photos/{quote(file.name)}"
        check_signature(key.public_key(), upload.url, upload.method, dict(upload.headers))
    for name in uploads[0].headers:
        with pytest.raises(InvalidSignature):
            check_signature(key.public_key(), uploads[0].url, "POST", dict(uploads[0].headers) | {name: "another"})


def test_many_links_keep_their_order(signing: Signing, cloud: StorageClient, key: rsa.RSAPrivateKey) -> None:
    names = [f"renditions/{number}.jpg" for number in range(20)]
    urls = links_of(signing, cloud).rendition_urls(names, expires_in_s=60)
    assert [urlsplit(url).path for url in urls] == [f"/derived/{quote(name)}" for name in names]
    for url in urls:
        check_signature(key.public_key(), url, "GET", {})


def test_the_links_work_at_a_storage_server(own_key: Signing, storage_client: StorageClient) -> None:
    for bucket in ("derived", "enrolment"):
        storage_client.create_bucket(bucket)
    links = links_of(own_key, storage_client)
    storage_client.bucket("derived").blob(NAME).upload_from_string(b"a picture", content_type="image/jpeg")
    answer = requests.get(link_to(links, NAME, expires_in_s=60), timeout=10)
    assert (answer.status_code, answer.content) == (200, b"a picture")
    upload = upload_of(links)
    sent = requests.request(upload.method, upload.url, headers=dict(upload.headers), data=b"another", timeout=10)
    assert sent.status_code == 200
    blob = storage_client.bucket("enrolment").get_blob("a/b.jpg")
    assert blob is not None
    assert (blob.download_as_bytes(), blob.content_type) == (b"another", "image/jpeg")


@pytest.fixture
def by_hmac(own_key: Signing, cloud: StorageClient) -> HmacPhotoLinks:
    return HmacPhotoLinks(
        links_of(own_key, cloud),
        HMAC_KEY,
        endpoint="https://storage.googleapis.com",
        derived_bucket="derived",
        now=lambda: NOW,
    )


class _Recording(Signing):
    """Credentials that keep what Google's own library gives them to sign."""

    signer_email = HMAC_KEY.access_id
    signer = None  # type: ignore[assignment]

    def sign_bytes(self, message: bytes) -> bytes:
        self.message = message
        return b""


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_an_hmac_signs_what_google_signs_by_rsa(by_hmac: HmacPhotoLinks, cloud: StorageClient, name: str) -> None:
    recording = _Recording()
    theirs = (
        cloud.bucket("derived")
        .blob(name)
        .generate_signed_url(version="v4", expiration=timedelta(seconds=60 + SAME_FOR_S), credentials=recording)
    )
    ours = link_to(by_hmac, name, expires_in_s=60)
    signed_at = NOW - timedelta(seconds=NOW.timestamp() % SAME_FOR_S)
    their_date, our_date = parse_qs(urlsplit(theirs).query)["X-Goog-Date"][0], f"{signed_at:%Y%m%dT%H%M%SZ}"
    expected = theirs.replace(their_date, our_date).replace(f"%2F{their_date[:8]}%2F", f"%2F{our_date[:8]}%2F")
    assert ours.partition("&X-Goog-Signature=")[0].replace("HMAC", "RSA") == expected.partition("&X-Goog-Signature=")[0]
    # The text to sign ends with the hash of the request, in which the name of the algorithm stands too.
    *head, _ = (
        recording.message.decode().replace(their_date, our_date).replace(their_date[:8], our_date[:8]).split("\n")
    )
    query = urlsplit(ours).query.partition("&X-Goog-Signature=")[0]
    request = f"GET\n{urlsplit(ours).path}\n{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
    text = "\n".join([*head, hashlib.sha256(request.encode()).hexdigest()]).replace("RSA", "HMAC")
    key = b"GOOG4" + HMAC_KEY.secret.encode()
    for part in head[2].split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert ours.endswith(f"&X-Goog-Signature={hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}")


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_an_hmac_signs_a_file_name_as_google_does(by_hmac: HmacPhotoLinks, cloud: StorageClient, name: str) -> None:
    theirs = (
        cloud.bucket("derived")
        .blob("a.jpg")
        .generate_signed_url(
            version="v4",
            expiration=timedelta(seconds=60),
            credentials=_Recording(),
            response_disposition=attachment(name),
        )
    )
    ours = by_hmac.rendition_file_url("a.jpg", file_name=name, expires_in_s=60)
    by_name = [[part.partition("=") for part in urlsplit(url).query.split("&")] for url in (theirs, ours)]
    # The order is signed; the signature comes last in both.
    assert [name for name, _, _ in by_name[0]] == [name for name, _, _ in by_name[1]]
    key = "response-content-disposition"
    assert [one for one in by_name[0] if one[0] == key] == [one for one in by_name[1] if one[0] == key]


def test_a_rendition_to_save_is_signed_for_its_file_name(
    signing: Signing, cloud: StorageClient, key: rsa.RSAPrivateKey
) -> None:
    url = links_of(signing, cloud).rendition_file_url(NAME, file_name="é 1.jpg", expires_in_s=900)
    assert parse_qs(urlsplit(url).query)["response-content-disposition"] == [
        "attachment; filename=\"_ 1.jpg\"; filename*=UTF-8''%C3%A9%201.jpg"
    ]
    check_signature(key.public_key(), url, "GET", {})
    with pytest.raises(InvalidSignature):
        check_signature(key.public_key(), url.replace("201.jpg", "201.exe"), "GET", {})


def test_a_link_by_hmac_stays_the_same_for_a_while_and_lives_as_long_as_was_asked_for(own_key: Signing) -> None:
    now = datetime(2026, 5, 1, 10, 0, 0, tzinfo=UTC)
    client = StorageClient(project="test", credentials=AnonymousCredentials())
    links = HmacPhotoLinks(
        links_of(own_key, client), HMAC_KEY, endpoint=client.api_endpoint, derived_bucket="derived", now=lambda: now
    )
    first = link_to(links, NAME, expires_in_s=60)
    now += timedelta(seconds=SAME_FOR_S - 1)
    assert link_to(links, NAME, expires_in_s=60) == first
    query = parse_qs(urlsplit(first).query)
    signed_at = datetime.strptime(query["X-Goog-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert signed_at + timedelta(seconds=int(query["X-Goog-Expires"][0])) >= now + timedelta(seconds=60)
    now += timedelta(seconds=1)
    assert link_to(links, NAME, expires_in_s=60) != first


def test_links_by_hmac_work_at_a_storage_server_and_uploads_are_signed_as_ever(
    own_key: Signing, storage_client: StorageClient
) -> None:
    storage_client.create_bucket("by-hmac")
    storage_client.bucket("by-hmac").blob(NAME).upload_from_string(b"a picture", content_type="image/jpeg")
    links = HmacPhotoLinks(
        links_of(own_key, storage_client), HMAC_KEY, endpoint=storage_client.api_endpoint, derived_bucket="by-hmac"
    )
    answer = requests.get(link_to(links, NAME, expires_in_s=60), timeout=10)
    assert (answer.status_code, answer.content) == (200, b"a picture")
    upload = links.upload_url("enrolment", "a.jpg", "image/jpeg", max_bytes=1, expires_in_s=60)
    assert "GOOG4-RSA-SHA256" in upload.url


@pytest.mark.parametrize("text", ["", "GOOG1", "GOOG1:", ":secret"])
def test_a_link_key_that_is_none_is_named_and_not_repeated(text: str) -> None:
    with pytest.raises(Misconfigured, match="PHOTOFINISH_LINK_KEY is not ACCESS_ID:SECRET") as error:
        HmacKey.parse(text)
    assert "GOOG1" not in str(error.value)
    assert HMAC_KEY.secret not in repr(HMAC_KEY)


def test_an_iam_that_refuses_makes_links_unavailable(key: rsa.RSAPrivateKey, cloud: StorageClient) -> None:
    with iam_server(key, status=403) as signing, pytest.raises(Unavailable):
        link_to(links_of(signing, cloud), NAME, expires_in_s=60)


def test_a_connection_that_is_reset_is_tried_again(key: rsa.RSAPrivateKey, cloud: StorageClient) -> None:
    with iam_server(key, resets=1) as signing:
        check_signature(key.public_key(), link_to(links_of(signing, cloud), NAME, expires_in_s=60), "GET", {})


def test_an_iam_that_always_resets_is_unavailable(key: rsa.RSAPrivateKey, cloud: StorageClient) -> None:
    with iam_server(key, resets=100) as signing, pytest.raises(Unavailable, match="rendition_urls"):
        link_to(links_of(signing, cloud), NAME, expires_in_s=60)


def test_credentials_that_cannot_sign_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = tmp_path / "user.json"
    user.write_text(
        json.dumps({"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"})
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(user))
    with pytest.raises(Misconfigured, match="run as a service account"):
        default_signing(HttpRequest())


def test_a_key_file_signs_itself(own_key: Signing) -> None:
    assert isinstance(own_key, service_account.Credentials)
