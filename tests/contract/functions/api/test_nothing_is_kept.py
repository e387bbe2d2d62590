"""Pictures and vectors in requests are not kept: not in files, not in the database, not in logs."""

from __future__ import annotations

import base64
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import sql
from werkzeug.test import TestResponse

from photofinish.analysis.models.face_encoder import FaceEncoder
from support.api import Api, files, jpeg, selfie_of_astronaut
from support.faces import photo
from support.index import add
from support.logs import captured_log
from support.pictures import astronaut, group

PADDINGS = [0, 3_000_000]
"""Other parsers write larger bodies to temporary files."""


def requests_with_pictures(api: Api, padding: int) -> dict[str, Callable[[], TestResponse]]:
    """A request with pictures to every route that takes them; some are refused."""
    selfie, crowd = (content + b"\0" * padding for content in (selfie_of_astronaut(), jpeg(group())))
    return {
        "search": lambda: api.search("race", selfie),
        "search, refused": lambda: api.search("race", selfie, crowd),
        "search, unknown album": lambda: api.search("nowhere", selfie),
        "compare": lambda: api.call("POST", "/compare", data={"picture": files(selfie, selfie)}),
        "compare, refused": lambda: api.call("POST", "/albums/race/compare", data={"picture": files(selfie, crowd)}),
        "embeddings": lambda: api.call("POST", "/embeddings?aligned=true", data={"picture": files(selfie, crowd)}),
        "analyze": lambda: api.call("POST", "/analyze", data={"picture": files(selfie, crowd)}),
    }


@pytest.fixture
def race(api: Api, encoder: FaceEncoder) -> Api:
    add(api.cloud.index, photo("race/1.jpg"), encoder.encode([astronaut()])[0])
    return api


@pytest.mark.parametrize("padding", PADDINGS)
def test_nothing_is_written_to_disk(race: Api, padding: int) -> None:
    requests = requests_with_pictures(race, padding)
    for send in requests.values():
        send()  # opens connections and models, once
    opened: list[str] = []
    application = race.app.wsgi_app

    def watched(environ: Any, start_response: Any) -> Any:
        with files_opened_for_writing(opened):  # not around the client, which writes large requests to files
            return list(application(environ, start_response))

    race.app.wsgi_app = watched  # type: ignore[method-assign]
    for name, send in requests.items():
        send()
        assert opened == [], name


def test_nothing_is_stored_in_the_database(race: Api, database: str, encoder: FaceEncoder) -> None:
    before = dump(database)
    [[face]] = encoder.encode([cv2_image(selfie_of_astronaut())])
    vector = face.embedding.vector
    given = {"space": face.embedding.space, "vectors": [base64.b64encode(vector.astype("<f4").tobytes()).decode()]}
    for send in requests_with_pictures(race, 0).values():
        send()
    assert race.search("race", embeddings=given).status_code == 200
    rerank = {"queries": given["vectors"], "candidates": [{"vector": given["vectors"][0]}]}
    assert race.call("POST", "/rerank", json=rerank).status_code == 200
    after = dump(database)
    changed = {table for table, rows in after.items() if rows != before.get(table)}
    # These have who sent a request, how often, which faces it found, and when a key was last used; not what was sent.
    assert changed <= {"audit_entry", "rate_window", "api_key", "found_face"}, changed
    kept = "\n".join(after[table] for table in changed)
    for secret in (*rendered(vector), *given["vectors"], base64.b64encode(selfie_of_astronaut())[:40].decode()):
        assert secret not in kept
    assert not any(abs(float(number)) == pytest.approx(abs(vector[0]), abs=1e-6) for number in numbers_in(kept))


@pytest.mark.parametrize("padding", PADDINGS)
def test_nothing_is_logged(race: Api, encoder: FaceEncoder, padding: int) -> None:
    [[face]] = encoder.encode([cv2_image(selfie_of_astronaut())])
    with captured_log(logging.DEBUG) as written:
        for send in requests_with_pictures(race, padding).values():
            send()
        logging.getLogger("photofinish").debug("the handler works")
    logged = written.getvalue()
    assert "the handler works" in logged
    for secret in (*rendered(face.embedding.vector), "JFIF", "/9j/"):
        assert secret not in logged
    assert len(logged) < 20_000


def test_the_traceback_of_a_bug_has_no_picture_and_no_vector(race: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"space": "sface", "vectors": [[0.123456789, 0.987654321]]}

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("photofinish.application.search.searcher.Searcher.search", broken)
    with captured_log() as written:
        answers = [race.search("race", selfie_of_astronaut()), race.search("race", embeddings=given)]
    assert [answer.status_code for answer in answers] == [500, 500]
    assert "a bug" in written.getvalue()
    assert "0.12345" not in written.getvalue()


def test_the_watch_sees_written_files(tmp_path: os.PathLike[str]) -> None:
    opened: list[str] = []
    with files_opened_for_writing(opened):
        with open(os.path.join(tmp_path, "a"), "wb"):
            pass
        os.close(os.open(tmp_path, os.O_RDWR | os.O_TMPFILE))
    assert len(opened) == 2


def test_the_dump_has_stored_rows(race: Api, database: str) -> None:
    assert "race/1.jpg" in dump(database)["photo"]
    assert dump(database)["face_1"].count("[") == 1


def dump(conninfo: str) -> dict[str, str]:
    """Every row of every table, as text."""
    with psycopg.connect(conninfo) as conn:
        tables = conn.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            name: "\n".join(
                str(row[0])
                for row in conn.execute(
                    sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(schema, name))
                )
            )
            for schema, name in tables
        }


def rendered(vector: Any) -> list[str]:
    """The vector's first numbers in the formats in which they could be written."""
    half = vector.astype(np.float16)
    return [f"{vector[0]:.6f}", repr(float(vector[0]))[:9], str(half[0]), str(half[:3].tolist())[1:20]]


def numbers_in(text: str) -> list[str]:
    return [word for word in text.replace("(", ",").replace(")", ",").split(",") if word.startswith(("0.", "-0."))]


def cv2_image(content: bytes) -> Any:
    from photofinish.analysis.imaging.decoding import decode

    return decode(content).image


_watching: list[list[str]] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watching:
        path, mode, flags = arguments
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
            _watching[-1].append(f"{path!r} {mode!r}")


@contextmanager
def files_opened_for_writing(opened: list[str]) -> Iterator[None]:
    """Add every file that this process opens for writing inside the block, also temporary ones without a name."""
    if not hasattr(sys, "_photofinish_watch_api"):  # the hook cannot be removed again
        sys.addaudithook(_watch)
        sys._photofinish_watch_api = True  # type: ignore[attr-defined]
    _watching.append(opened)
    try:
        yield
    finally:
        _watching.pop()
