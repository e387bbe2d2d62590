"""Pictures that are sent to be looked at stay in no file, no table and no log; nor do vectors that are sent."""

from __future__ import annotations

import base64
import io
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
from photofinish.logs import JsonFormatter
from support.api import Api, files, jpeg, selfie_of_astronaut
from support.faces import photo
from support.index import add
from support.pictures import astronaut, group

PADDINGS = [0, 3_000_000]
"""Larger bodies are what other parsers write to temporary files."""


def requests_with_pictures(api: Api, padding: int) -> dict[str, Callable[[], TestResponse]]:
    """Everything that a picture can be sent to; some answers are refusals."""
    selfie, crowd = (content + b"\0" * padding for content in (selfie_of_astronaut(), jpeg(group())))
    return {
        "search": lambda: api.search("race", selfie),
        "search, refused": lambda: api.search("race", selfie, crowd),
        "search, unknown album": lambda: api.search("nowhere", selfie),
        "compare": lambda: api.call("POST", "/compare", data={"picture": files(selfie, selfie)}),
        "compare, refused": lambda: api.call("POST", "/albums/race/compare", data={"picture": files(selfie, crowd)}),
        "embeddings": lambda: api.call("POST", "/embeddings?aligned=true", data={"picture": files(selfie, crowd)}),
    }


@pytest.fixture
def race(api: Api, encoder: FaceEncoder) -> Api:
    add(api.cloud.index, photo("race/1.jpg"), encoder.encode([astronaut()])[0])
    return api


@pytest.mark.parametrize("padding", PADDINGS)
def test_nothing_is_written_to_disk(race: Api, padding: int) -> None:
    asked = requests_with_pictures(race, padding)
    for ask in asked.values():
        ask()  # connections and models are opened once
    opened: list[str] = []
    application = race.app.wsgi_app

    def watched(environ: Any, start_response: Any) -> Any:
        with files_opened_for_writing(opened):  # not around the client, which writes large requests to files
            return list(application(environ, start_response))

    race.app.wsgi_app = watched  # type: ignore[method-assign]
    for name, ask in asked.items():
        ask()
        assert opened == [], name


def test_nothing_is_stored_in_the_database(race: Api, database: str, encoder: FaceEncoder) -> None:
    before = dump(database)
    [[face]] = encoder.encode([cv2_image(selfie_of_astronaut())])
    vector = face.embedding.vector
    given = {"space": face.embedding.space, "vectors": [base64.b64encode(vector.astype("<f4").tobytes()).decode()]}
    for ask in requests_with_pictures(race, 0).values():
        ask()
    assert race.search("race", embeddings=given).status_code == 200
    rerank = {"queries": given["vectors"], "candidates": [{"vector": given["vectors"][0]}]}
    assert race.call("POST", "/rerank", json=rerank).status_code == 200
    after = dump(database)
    changed = {table for table, rows in after.items() if rows != before.get(table)}
    # Who asked, how often, and when a key was last used: not what with.
    assert changed <= {"audit_entry", "rate_window", "api_key"}, changed
    kept = "\n".join(after[table] for table in changed)
    for secret in (*rendered(vector), *given["vectors"], base64.b64encode(selfie_of_astronaut())[:40].decode()):
        assert secret not in kept
    assert not any(abs(float(number)) == pytest.approx(abs(vector[0]), abs=1e-6) for number in numbers_in(kept))


@pytest.mark.parametrize("padding", PADDINGS)
def test_nothing_is_logged(race: Api, encoder: FaceEncoder, padding: int) -> None:
    [[face]] = encoder.encode([cv2_image(selfie_of_astronaut())])
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        for ask in requests_with_pictures(race, padding).values():
            ask()
        logging.getLogger("photofinish").debug("the handler works")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    said = written.getvalue()
    assert "the handler works" in said
    for secret in (*rendered(face.embedding.vector), "JFIF", "/9j/"):
        assert secret not in said
    assert len(said) < 20_000


def test_an_accident_logs_no_picture_and_no_vector(race: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack trace of a mistake of ours shows code, not what was asked."""
    given = {"space": "sface", "vectors": [[0.123456789, 0.987654321]]}

    def broken(*_: object) -> None:
        raise ZeroDivisionError("our mistake")

    monkeypatch.setattr("photofinish.application.search.searcher.Searcher.search", broken)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    try:
        answers = [race.search("race", selfie_of_astronaut()), race.search("race", embeddings=given)]
    finally:
        logging.getLogger().removeHandler(handler)
    assert [answer.status_code for answer in answers] == [500, 500]
    assert "our mistake" in written.getvalue()
    assert "0.12345" not in written.getvalue()


def test_the_watch_for_written_files_sees_them(tmp_path: os.PathLike[str]) -> None:
    opened: list[str] = []
    with files_opened_for_writing(opened):
        with open(os.path.join(tmp_path, "a"), "wb"):
            pass
        os.close(os.open(tmp_path, os.O_RDWR | os.O_TMPFILE))
    assert len(opened) == 2


def test_the_dump_shows_what_is_there(race: Api, database: str) -> None:
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
    """The vector's first numbers as text of different kinds would have them."""
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
    """Add every file that this process opens for writing inside the block, temporary ones without a name too."""
    if not hasattr(sys, "_photofinish_watch_api"):  # such a hook stays for the life of the process
        sys.addaudithook(_watch)
        sys._photofinish_watch_api = True  # type: ignore[attr-defined]
    _watching.append(opened)
    try:
        yield
    finally:
        _watching.pop()
