"""Storage through the unmodified google-cloud-storage client, with notifications to our Pub/Sub."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.cloud import pubsub_v1, storage
from google.oauth2 import service_account

from photofinish_cli.local_secrets import signing_credentials
from support.local_stack import PROJECT, LocalStack, small_spec
from support.waiting import wait_until

PAGE = "https://app.example"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Storage, Pub/Sub, Firestore and Run Jobs, without Postgres and functions."""
    folder = tmp_path_factory.mktemp("small")
    stack = LocalStack(replace(small_spec(folder), page_origins=(PAGE,)), folder / "state")
    stack.start()
    yield stack
    stack.stop()


def notifications(count: int, subscription: str = "uploads-pull") -> list[tuple[str, str, dict[str, str]]]:
    """The next ``count`` notifications: event type, object and its metadata; acknowledged."""
    name = f"projects/{PROJECT}/subscriptions/{subscription}"
    found: list[tuple[str, str, dict[str, str]]] = []
    with pubsub_v1.SubscriberClient() as client:

        def enough() -> bool:
            response = client.pull(subscription=name, max_messages=10, timeout=10)
            for received in response.received_messages:
                attributes = received.message.attributes
                more = {"overwritten_by": attributes.get("overwrittenByGeneration")}
                found.append(
                    (attributes["eventType"], attributes["objectId"], json.loads(received.message.data) | more)
                )
            if response.received_messages:
                client.acknowledge(subscription=name, ack_ids=[r.ack_id for r in response.received_messages])
            return len(found) >= count

        wait_until(enough, f"{count} notifications")
    return found


def test_every_bucket_has_its_own_topics_for_notifications(servers: LocalStack) -> None:
    with servers.as_environment():
        for bucket in ("portraits", "derived", "photos"):
            storage.Client().bucket(bucket).blob(f"in-{bucket}").upload_from_string(b"x")
        assert [name for _, name, _ in notifications(1, "portrait-uploads-pull")] == ["in-portraits"]
        assert [name for _, name, _ in notifications(1)] == ["in-photos"]
        portrait = storage.Client().bucket("portraits").blob("in-portraits")
        portrait.upload_from_string(b"y")
        portrait.delete()
        deleted = notifications(2, "portrait-deletions-pull")
    assert {event for event, _, _ in deleted} == {"OBJECT_ARCHIVE"}, "it keeps versions"
    # A client that overwrites an object and one that deletes it can be told apart.
    assert {data["overwritten_by"] for _, _, data in deleted} == {str(portrait.generation), None}


def test_objects_have_generations_and_notifications(servers: LocalStack) -> None:
    with servers.as_environment():
        photo = storage.Client().bucket("photos").blob("race/1.jpg")
        photo.upload_from_string(b"first", content_type="image/jpeg")
        first = photo.generation
        photo.upload_from_string(b"second", content_type="image/jpeg")
        assert photo.generation > first
        assert photo.download_as_bytes() == b"second"
        storage.Client().bucket("derived").blob("without-notification").upload_from_string(b"x")
        photo.delete()
        events = notifications(4)
    # In any order, as in the cloud; overwriting an object also deletes its former generation.
    assert sorted((event, data["generation"]) for event, _, data in events) == [
        ("OBJECT_DELETE", str(first)),
        ("OBJECT_DELETE", str(photo.generation)),
        ("OBJECT_FINALIZE", str(first)),
        ("OBJECT_FINALIZE", str(photo.generation)),
    ]
    assert {name for _, name, _ in events} == {"race/1.jpg"}
    assert {data["selfLink"] for _, _, data in events} == {
        f"{servers.environment['STORAGE_EMULATOR_HOST']}/storage/v1/b/photos/o/race%2F1.jpg"
    }
    assert {data["contentType"] for event, _, data in events if event == "OBJECT_FINALIZE"} == {"image/jpeg"}


def test_an_upload_with_generation_0_is_refused_if_the_object_exists(servers: LocalStack) -> None:
    with servers.as_environment():
        sidecar = storage.Client().bucket("derived").blob("sidecars/1.json")
        sidecar.upload_from_string(b"{}", if_generation_match=0)
        with pytest.raises(exceptions.PreconditionFailed):
            sidecar.upload_from_string(b"{}", if_generation_match=0)


def test_a_request_for_an_overwritten_generation_leaves_the_newer_one_alone(servers: LocalStack) -> None:
    with servers.as_environment():
        bucket = storage.Client(PROJECT).bucket("derived")
        photo = bucket.blob("overwritten.jpg")
        photo.upload_from_string(b"first")
        older = bucket.blob(photo.name, generation=photo.generation)
        photo.upload_from_string(b"second")
        with pytest.raises(exceptions.NotFound):
            older.download_as_bytes()
        with pytest.raises(exceptions.NotFound):
            older.reload()
        with pytest.raises(exceptions.NotFound):
            older.delete()
        newer = bucket.blob(photo.name, generation=photo.generation)
        assert newer.download_as_bytes() == b"second"
        newer.delete()
        assert not bucket.blob(photo.name).exists()


def test_objects_survive_kill_9_at_the_same_address(servers: LocalStack) -> None:
    with servers.as_environment():
        bucket = storage.Client().bucket("derived")
        bucket.blob("kept").upload_from_string(b"kept")
        for piece in ("fake-gcs-server", "storage"):
            kill_and_await(servers, piece)
            assert bucket.blob("kept").download_as_bytes() == b"kept"
            assert servers.pieces[piece].restarts == 1


def kill_and_await(servers: LocalStack, piece: str) -> None:
    killed = servers.pid(piece)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: servers.pieces[piece].pid not in (None, killed), f"{piece} runs again")
    wait_until(lambda: servers.pieces[piece].state == "ready", f"{piece} is ready again")


# --- which hosts and pages it answers ---


def link(servers: LocalStack, method: str, folder: Path, name: str = "linked", **told: str) -> str:
    """A signed link; `told`: what it says about the headers of its answer."""
    signer = service_account.Credentials.from_service_account_file(signing_credentials(folder))
    with servers.as_environment():
        blob = storage.Client().bucket("derived").blob(name)
        return str(
            blob.generate_signed_url(
                version="v4",
                expiration=timedelta(minutes=5),
                method=method,
                credentials=signer,
                api_access_endpoint=blob.client.api_endpoint,
                **told,
            )
        )


def test_it_answers_only_by_names_of_this_machine(servers: LocalStack, tmp_path: Path) -> None:
    """A page whose own name resolves to 127.0.0.1 is of the same origin, so only its name tells (DNS rebinding)."""
    with servers.as_environment():
        storage.Client().bucket("derived").blob("linked").upload_from_string(b"content")
    url = servers.environment["STORAGE_EMULATOR_HOST"]
    port = url.rpartition(":")[2]
    paths = {
        "JSON": "/storage/v1/b/derived/o/linked?alt=media",
        "XML": link(servers, "GET", tmp_path).removeprefix(url),
        "download": "/download/storage/v1/b/derived/o/linked?alt=media",
    }
    for kind, path in paths.items():
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"photos.localhost:{port}"):
            answer = requests.get(url + path, headers={"Host": host}, timeout=30)
            assert (answer.status_code, answer.content) == (200, b"content"), (kind, host)
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "storage.googleapis.com", ""):
            answer = requests.get(url + path, headers={"Host": host}, timeout=30)
            assert answer.status_code == 403, (kind, host)
            assert b"content" not in answer.content
    refused = requests.put(link(servers, "PUT", tmp_path, "new"), b"x", headers={"Host": "evil.example"}, timeout=30)
    assert refused.status_code == 403
    with servers.as_environment():
        assert not storage.Client().bucket("derived").blob("new").exists()


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:5173"])
def test_a_page_uploads_and_downloads_by_links(servers: LocalStack, tmp_path: Path, origin: str) -> None:
    upload, page = link(servers, "PUT", tmp_path), {"Origin": origin}
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,x-goog-resumable"}
    preflight = requests.options(upload, headers=page | asked, timeout=30)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == origin
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type,x-goog-resumable"
    sent = requests.put(upload, b"from a page", headers=page | {"Content-Type": "image/jpeg"}, timeout=30)
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (200, origin)
    read = requests.get(link(servers, "GET", tmp_path), headers=page, timeout=30)
    assert (read.content, read.headers["Content-Type"]) == (b"from a page", "image/jpeg")
    assert read.headers["Access-Control-Allow-Origin"] == origin
    assert "x-goog-generation" in read.headers["Access-Control-Expose-Headers"].lower()
    # The address of a resumable upload is in a header that the page must be able to read.
    began = requests.post(
        f"{servers.environment['STORAGE_EMULATOR_HOST']}/upload/storage/v1/b/derived/o?uploadType=resumable&name=parts",
        headers=page,
        json={},
        timeout=30,
    )
    assert "location" in began.headers["Access-Control-Expose-Headers"].lower()
    assert began.headers["Location"].startswith(servers.environment["STORAGE_EMULATOR_HOST"])
    assert requests.put(began.headers["Location"], b"all", headers=page, timeout=30).status_code == 200


def test_a_signed_link_names_the_file_that_a_browser_saves(servers: LocalStack, tmp_path: Path) -> None:
    told = "attachment; filename=\"IMG_1.jpg\"; filename*=UTF-8''IMG_1%20%C3%BC.jpg"
    with servers.as_environment():
        storage.Client().bucket("derived").blob("linked").upload_from_string(b"content", content_type="image/jpeg")
    url = link(servers, "GET", tmp_path, response_disposition=told, response_type="image/x-test")
    for asked, status in (({}, 200), ({"Range": "bytes=0-2"}, 206)):
        answer = requests.get(url, headers=asked, timeout=30)
        assert (answer.status_code, answer.headers["Content-Disposition"]) == (status, told)
        assert answer.headers["Content-Type"] == "image/x-test"
    # As the real service: not where anyone could have written the link.
    unsigned = requests.get(re.sub(r"X-Goog-Signature=\w+", "", url), timeout=30)
    assert "Content-Disposition" not in unsigned.headers
    assert unsigned.headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("path", ["/favicon.ico", "/no-such-bucket/", "/no-such-bucket/1.jpg"])
def test_what_is_not_there_is_not_found(servers: LocalStack, path: str) -> None:
    """Browsers ask for an icon wherever a link is opened."""
    answer = requests.get(servers.environment["STORAGE_EMULATOR_HOST"] + path, timeout=30)
    assert answer.status_code == 404
    listed = requests.get(servers.environment["STORAGE_EMULATOR_HOST"] + "/derived", timeout=30)
    assert listed.status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{PAGE}:8443"])
def test_other_pages_may_neither_read_nor_write(servers: LocalStack, tmp_path: Path, origin: str) -> None:
    upload, page = link(servers, "PUT", tmp_path, f"evil-{len(origin)}"), {"Origin": origin}
    url = servers.environment["STORAGE_EMULATOR_HOST"]
    for answer in (
        requests.options(upload, headers=page | {"Access-Control-Request-Method": "PUT"}, timeout=30),
        requests.put(upload, b"x", headers=page, timeout=30),
        requests.get(f"{url}/storage/v1/b/derived/o", headers=page, timeout=30),
        # Browsers send these without asking first.
        requests.post(f"{url}/upload/storage/v1/b/derived/o?uploadType=media&name=e", b"x", headers=page, timeout=30),
    ):
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    with servers.as_environment():
        assert not [blob.name for blob in storage.Client().bucket("derived").list_blobs(prefix="e")]


def test_no_browser_connects_to_the_server_behind_it(servers: LocalStack) -> None:
    """It would answer any name and any page."""
    behind = servers.pieces["fake-gcs-server"].address
    assert behind.startswith("https://")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{behind}/storage/v1/b", timeout=30)
    plain = requests.get(f"{behind.replace('https', 'http')}/storage/v1/b", timeout=30)
    assert plain.status_code == 400
    # Nor can anything use the addresses by which it deletes everything, or changes its settings.
    for path in ("/_internal/delete_all", "/_internal/config"):
        url = servers.environment["STORAGE_EMULATOR_HOST"] + path
        assert {requests.request(method, url, timeout=30).status_code for method in ("POST", "PUT")} == {404}


def test_the_client_uploads_and_downloads_large_objects(servers: LocalStack) -> None:
    content = os.urandom(9 * 1024 * 1024 + 1)  # sent in parts by default
    with servers.as_environment():
        bucket = storage.Client().bucket("derived")
        large = bucket.blob("large/1 ü%2F.jpg", chunk_size=1024 * 1024)
        large.upload_from_string(content, content_type="image/jpeg")
        assert bucket.blob(large.name).download_as_bytes() == content
        assert large.download_as_bytes(start=5, end=9) == content[5:10]
        assert large.name in [blob.name for blob in bucket.list_blobs(prefix="large/")]
        with pytest.raises(exceptions.NotFound):
            bucket.blob("large/none").download_as_bytes()
        large.delete()


def test_two_stacks_run_independently(servers: LocalStack, tmp_path: Path) -> None:
    other = LocalStack(small_spec(tmp_path), tmp_path / "state")
    other.start()
    try:
        assert not set(other.environment.values()) & {v for k, v in servers.environment.items() if k.endswith("HOST")}
        with other.as_environment():
            storage.Client().bucket("photos").blob("theirs").upload_from_string(b"x")
        with servers.as_environment():
            assert not storage.Client().bucket("photos").blob("theirs").exists()
    finally:
        other.stop()


def test_servers_named_by_the_callers_environment_are_used_instead(servers: LocalStack, tmp_path: Path) -> None:
    other = LocalStack(small_spec(tmp_path), tmp_path / "state")
    external = {name: servers.environment[name] for name in ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST")}
    other.start(**external)
    try:
        assert {name: other.environment[name] for name in external} == external
        assert other.pieces["pubsub"].state == other.pieces["firestore"].state == "external"
        assert other.pieces["pubsub"].pid is None
        with other.as_environment():
            storage.Client().bucket("photos").blob("through-theirs").upload_from_string(b"x")
        with servers.as_environment():
            assert notifications(1)[0][1] == "through-theirs"
    finally:
        other.stop()


def test_its_own_variables_in_the_callers_environment_are_ignored(servers: LocalStack) -> None:
    environment = servers.environment
    servers.stop()
    servers.start(**environment)
    assert servers.environment == environment
    assert servers.pieces["pubsub"].state == "ready"
