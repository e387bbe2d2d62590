"""Resumable uploads of the local storage are those that Google documents, where fake-gcs-server's are not.

https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from google.cloud.storage import Client as StorageClient

from photofinish_emulators.storage_access.forwarding import connected
from photofinish_emulators.storage_access.resumable import ResumableUploads

CONTENT = b"a photo of 300 KiB".ljust(300 * 1024, b".")
PART = 256 * 1024
START = {
    "Content-Type": "image/jpeg",
    "x-goog-resumable": "start",
    "x-goog-content-length-range": f"{len(CONTENT)},{len(CONTENT)}",
    "x-goog-meta-announced-size": str(len(CONTENT)),
}
Put = Callable[[bytes, str], Awaitable[tuple[int, str | None, str]]]


def upload(storage: StorageClient, bucket: str, name: str, steps: Callable[[Put], Awaitable[None]]) -> None:
    """Start an upload by a request as a signed link makes it, and run `steps` with what sends its parts."""

    async def run() -> None:
        async with connected(storage.api_endpoint, None) as upstream, aiohttp.ClientSession() as session:
            app = web.Application()
            forward = ResumableUploads(upstream).forward
            app.router.add_route("*", "/{path:.*}", partial(forward, own_url="http://127.0.0.1:1"))
            async with TestServer(app) as server:
                url = f"http://127.0.0.1:{server.port}"
                path = f"{url}/{bucket}/{name}?X-Goog-Algorithm=GOOG4-RSA-SHA256"
                async with session.post(path, headers=START) as started:
                    assert started.status == 201, await started.text()
                    location = urlsplit(started.headers["Location"])
                assert f"{location.scheme}://{location.netloc}" == "http://127.0.0.1:1"
                address = f"{url}{location.path}?{location.query}"

                async def put(part: bytes, content_range: str) -> tuple[int, str | None, str]:
                    async with session.put(address, data=part, headers={"Content-Range": content_range}) as answer:
                        return answer.status, answer.headers.get("Range"), await answer.text()

                await steps(put)

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
