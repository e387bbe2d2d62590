"""Resumable uploads of the local storage are those that Google documents, where fake-gcs-server's are not.

https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from google.cloud.storage import Client as StorageClient

from photofinish_emulators.storage_access.conditional import ConditionalRequests
from photofinish_emulators.storage_access.forwarding import connected

CONTENT = b"a photo of 300 KiB".ljust(300 * 1024, b".")
PART = 256 * 1024
START = {
    "Content-Type": "image/jpeg",
    "x-goog-resumable": "start",
    "x-goog-content-length-range": f"{len(CONTENT)},{len(CONTENT)}",
    "x-goog-meta-announced-size": str(len(CONTENT)),
}
Put = Callable[[bytes, str], Awaitable[tuple[int, str | None, str]]]


@asynccontextmanager
async def served(storage: StorageClient) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with connected(storage.api_endpoint, None) as upstream, aiohttp.ClientSession() as session:
        app = web.Application()
        app.router.add_route(
            "*", "/{path:.*}", partial(ConditionalRequests(upstream).forward, own_url="http://127.0.0.1:1")
        )
        async with TestServer(app) as server:
            yield session, f"http://127.0.0.1:{server.port}"


async def start(session: aiohttp.ClientSession, url: str, path: str, headers: Mapping[str, str] = START) -> Put:
    """Start an upload by a request as a signed link makes it, and return what sends its parts."""
    async with session.post(f"{url}/{path}?X-Goog-Algorithm=GOOG4-RSA-SHA256", headers=headers) as started:
        assert started.status == 201, await started.text()
        location = urlsplit(started.headers["Location"])
    assert f"{location.scheme}://{location.netloc}" == "http://127.0.0.1:1"
    address = f"{url}{location.path}?{location.query}"

    async def put(part: bytes, content_range: str) -> tuple[int, str | None, str]:
        async with session.put(address, data=part, headers={"Content-Range": content_range}) as answer:
            return answer.status, answer.headers.get("Range"), await answer.text()

    return put


def upload(storage: StorageClient, bucket: str, name: str, steps: Callable[[Put], Awaitable[None]]) -> None:
    """Start an upload, and run `steps` with what sends its parts."""

    async def run() -> None:
        async with served(storage) as (session, url):
            await steps(await start(session, url, f"{bucket}/{name}"))

    asyncio.run(run())


def test_an_upload_goes_on_where_it_was(storage_client: StorageClient, photo_bucket: str) -> None:
    async def steps(put: Put) -> None:
        question = f"bytes */{len(CONTENT)}"
        assert (await put(b"", question))[:2] == (308, None)
        assert (await put(CONTENT[:PART], f"bytes 0-{PART - 1}/{len(CONTENT)}"))[:2] == (308, f"bytes=0-{PART - 1}")
        for _ in range(2):
            assert (await put(b"", question))[:2] == (308, f"bytes=0-{PART - 1}")
        gap = f"bytes {PART + 1}-{len(CONTENT) - 1}/{len(CONTENT)}"
        assert (await put(CONTENT[PART + 1 :], gap))[:2] == (308, f"bytes=0-{PART - 1}")
        assert (await put(CONTENT[PART:], f"bytes {PART}-{len(CONTENT) - 1}/{len(CONTENT)}"))[0] == 200
        assert (await put(b"", question))[0] == 200

    upload(storage_client, photo_bucket, "race/cam%202/1.jpg", steps)
    blob = storage_client.bucket(photo_bucket).get_blob("race/cam 2/1.jpg")
    assert blob is not None
    assert (blob.content_type, blob.metadata) == ("image/jpeg", {"announced-size": str(len(CONTENT))})
    assert blob.download_as_bytes() == CONTENT


def test_a_file_of_another_size_is_refused(storage_client: StorageClient, photo_bucket: str) -> None:
    async def steps(put: Put) -> None:
        for size, code in ((10, "EntityTooSmall"), (len(CONTENT) + 1, "EntityTooLarge")):
            status, _, text = await put(b"0" * size, f"bytes 0-{size - 1}/{size}")
            assert (status, re.findall("<Code>(.*)</Code>", text)) == (400, [code])

    upload(storage_client, photo_bucket, "race/lies.jpg", steps)
    assert storage_client.bucket(photo_bucket).get_blob("race/lies.jpg") is None


def test_of_two_uploads_for_one_name_the_later_end_is_refused(storage_client: StorageClient, photo_bucket: str) -> None:
    """As by the service, which says so when an upload ends, and not when it starts."""

    async def run() -> None:
        async with served(storage_client) as (session, url):
            path, headers = f"{photo_bucket}/race/1.jpg", START | {"x-goog-if-generation-match": "0"}
            whole = f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"
            first, second = [await start(session, url, path, headers) for _ in range(2)]
            assert (await second(CONTENT, whole))[0] == 200
            assert (await second(CONTENT, whole))[0] == 200, "a repetition after a lost answer"
            late = await start(session, url, path, headers)
            for put in (first, late):
                status, _, text = await put(CONTENT.upper(), whole)
                assert (status, re.findall("<Code>(.*)</Code>", text)) == (412, []), "the JSON API's words"
                assert "conditionNotMet" in text

    asyncio.run(run())
    assert storage_client.bucket(photo_bucket).blob("race/1.jpg").download_as_bytes() == CONTENT


@pytest.mark.parametrize("in_header", [True, False])
def test_an_object_has_the_type_of_its_upload_s_start(
    storage_client: StorageClient, photo_bucket: str, in_header: bool
) -> None:
    """Also where the parts have none, as those of the JSON API's clients."""

    async def run() -> None:
        async with served(storage_client) as (session, url):
            described = {"name": "1.heic"} | ({} if in_header else {"contentType": "image/heic"})
            headers = {"X-Upload-Content-Type": "image/heic"} if in_header else {}
            address = f"{url}/upload/storage/v1/b/{photo_bucket}/o?uploadType=resumable"
            async with session.post(address, json=described, headers=headers) as started:
                location = urlsplit(started.headers["Location"])
            address = f"{url}{location.path}?{location.query}"
            async with session.put(address, data=CONTENT, skip_auto_headers={"Content-Type"}) as answer:
                assert answer.status == 200, await answer.text()

    asyncio.run(run())
    blob = storage_client.bucket(photo_bucket).get_blob("1.heic")
    assert blob is not None
    assert blob.content_type == "image/heic"
