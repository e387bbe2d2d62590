"""What :class:`photofinish.ports.KeptAnswers` promises, kept by its implementation in a real Postgres."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.tables import PERSONAL_TABLES
from photofinish.adapters.postgres.idempotency import PgKeptAnswers
from photofinish.ports import AnswerClaim, KeptAnswer, NotClaimed

PERSON = UUID("0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f")
REQUEST, BODY = b"r" * 32, b"b" * 32
ANSWER = KeptAnswer(status=201, headers={"Content-Type": "application/json"}, content='{"person_id": "7"}')


@pytest.fixture
def answers_of(database: str) -> Iterator[Callable[..., PgKeptAnswers]]:
    with closing(Database(database, max_connections=8)) as connections:
        yield lambda **options: PgKeptAnswers(connections, **options)


@pytest.fixture
def answers(answers_of: Callable[..., PgKeptAnswers]) -> PgKeptAnswers:
    return answers_of()


def claimed(answers: PgKeptAnswers, request: bytes = REQUEST, body: bytes = BODY) -> AnswerClaim:
    claim = answers.claim(request, body, album="race")
    assert isinstance(claim, AnswerClaim)
    return claim


def test_a_repetition_gets_the_answer(answers: PgKeptAnswers) -> None:
    answers.keep(claimed(answers), ANSWER)
    assert answers.claim(REQUEST, BODY, album="race") == ANSWER


def test_another_body_is_told(answers: PgKeptAnswers) -> None:
    claim = claimed(answers)
    assert answers.claim(REQUEST, b"x" * 32, album="race") is NotClaimed.OTHER_BODY
    answers.keep(claim, ANSWER)
    assert answers.claim(REQUEST, b"x" * 32, album="race") is NotClaimed.OTHER_BODY


def test_one_of_many_at_once_may_answer(answers: PgKeptAnswers) -> None:
    together = threading.Barrier(8)

    def claim(_: int) -> object:
        together.wait()
        return answers.claim(REQUEST, BODY, album="race")

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(claim, range(8)))
    assert sum(isinstance(one, AnswerClaim) for one in found) == 1
    assert found.count(NotClaimed.IN_PROGRESS) == 7


def test_a_released_request_may_be_tried_again_with_any_body(answers: PgKeptAnswers) -> None:
    answers.release(claimed(answers))
    claimed(answers, body=b"x" * 32)


def test_a_lapsed_claim_goes_to_the_same_request_only(answers_of: Callable[..., PgKeptAnswers]) -> None:
    lapsing = answers_of(claimed_for=timedelta())
    first = claimed(lapsing)
    assert lapsing.claim(REQUEST, b"x" * 32, album="race") is NotClaimed.OTHER_BODY
    second = claimed(lapsing)
    lapsing.keep(first, KeptAnswer(status=200, headers={}, content="late"))
    assert answers_of().claim(REQUEST, BODY, album="race") is NotClaimed.IN_PROGRESS
    lapsing.keep(second, ANSWER)
    assert lapsing.claim(REQUEST, BODY, album="race") == ANSWER


def test_an_answer_is_forgotten_when_it_expires(answers_of: Callable[..., PgKeptAnswers]) -> None:
    short = answers_of(kept_for=timedelta())
    short.keep(claimed(short), ANSWER)
    claimed(short)
    answers_of().claim(b"s" * 32, BODY, album=None)
    assert short.expire() == 1
    assert answers_of().claim(b"s" * 32, BODY, album=None) is NotClaimed.IN_PROGRESS


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (("photo", "face"), {"photo_ids": [PERSON], "face_ids": []}),
        (("photo", "face"), {"photo_ids": [], "face_ids": [PERSON]}),
        (("person",), {"person_id": PERSON}),
        (("album",), {}),
    ],
    ids=["photo", "face", "person", "album"],
)
def test_an_answer_goes_with_what_it_names(
    answers: PgKeptAnswers, database: str, columns: tuple[str, ...], values: dict[str, object]
) -> None:
    """By the condition with which erasures delete."""
    named = PERSON.hex if values.get("photo_ids") else str(PERSON)
    answers.keep(claimed(answers), KeptAnswer(status=201, headers={}, content=f'{{"id": "{named}"}}'))
    answers.keep(claimed(answers, b"s" * 32), ANSWER)
    [table] = [table for table in PERSONAL_TABLES if table.name == "kept_answer"]
    with psycopg.connect(database) as conn:
        deleted = [
            conn.execute(
                sql.SQL("DELETE FROM kept_answer WHERE {condition}").format(condition=sql.SQL(condition)),
                {"album": "race", **values},
            ).rowcount
            for condition in table.conditions(*columns)
        ]
    assert sum(deleted) == (2 if columns == ("album",) else 1)
