"""The check that reads all logs of the end-to-end tests finds what it is there for."""

from __future__ import annotations

import base64

import pytest

from photofinish.domain.access import PresentedKey
from support.faces import random_embeddings
from support.leaks import leaks

VECTOR = random_embeddings(1, 128, seed=1)[0].vector


@pytest.mark.parametrize(
    "content",
    [
        f"parameters: $1 = '{VECTOR.tolist()}'",
        f"parameters: $1 = '[{','.join(map(str, VECTOR))}]'",
        repr(VECTOR.tolist()),
        base64.b64encode(VECTOR.astype("<f4").tobytes()).decode(),
        PresentedKey.generate().text,
        repr(b"\xff\xd8\xff\xe0..JFIF"),
        "enrolled Ada Lovelace",
    ],
    ids=["a list", "pgvector's text", "a repr", "Base64", "a key", "a selfie", "a name"],
)
def test_it_is_found_and_not_repeated(content: str) -> None:
    log = b"started\n" + content.encode()
    [found] = leaks("api.log", log, {"Ada Lovelace"})
    assert found.startswith("api.log: ")
    assert found.endswith("line 2")
    assert "Lovelace" not in found


def test_ordinary_lines_pass() -> None:
    line = b'{"message": "done", "photo_id": "0af7651916cd43dd8448eb211c80319c", "timings_ms": {"decode": 3.2}}\n'
    assert list(leaks("job.log", line * 1000, {"Ada Lovelace"})) == []
