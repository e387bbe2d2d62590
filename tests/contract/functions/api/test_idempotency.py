"""Repeated requests with an `Idempotency-Key` get the same answer, and change nothing again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from werkzeug.test import TestResponse

from photofinish.domain.access import Scope
from photofinish.errors import Unavailable
from support.api import Api, files, selfie_of_astronaut

KEY = {"Idempotency-Key": "8f1d3c52-6a0e-4e0b-9c55-2f6f5b1f7a11"}


def create(api: Api, name: str = "Ada", *, album: str = "race", **request: Any) -> TestResponse:
    return api.call("POST", f"/albums/{album}/people", json={"name": name}, **{"headers": KEY} | request)


def people(api: Api, album: str = "race") -> int:
    return len(api.call("GET", f"/albums/{album}/people").get_json()["people"])


def kept(api: Api) -> int:
    with api.database.transaction() as conn:
        [count] = conn.execute("SELECT count(*) FROM kept_answer").fetchone() or (0,)
    return int(count)


def test_a_repetition_gets_the_same_answer_and_changes_nothing(api: Api) -> None:
    first, second = create(api), create(api)
    assert first.status_code == second.status_code == 201
    assert first.get_json() == second.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Content-Type"] == "application/json"
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert people(api) == 1
    assert [entry[4] for entry in api.audit() if entry[1] == "create_person"] == ["201", "201"]


def test_another_body_is_refused(api: Api) -> None:
    create(api)
    refused = create(api, "Grace")
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "idempotency_key_reused"
    assert people(api) == 1


def test_keys_are_those_of_one_caller_and_one_route(api: Api) -> None:
    create(api)
    create(api, album="other")
    create(api, key=api.key_for(Scope.WRITE))
    assert (people(api), people(api, "other")) == (2, 1)


def test_requests_without_a_key_are_not_kept(api: Api) -> None:
    create(api, headers={})
    create(api, headers={})
    assert (people(api), kept(api)) == (2, 0)


def test_a_refusal_is_the_answer_too(api: Api) -> None:
    first, second = create(api, "\t"), create(api, "\t")
    assert first.status_code == second.status_code == 422
    assert first.get_json() == second.get_json()


def test_a_request_in_progress_is_refused_for_now(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()
    made = api.cloud.people.create

    def slow(*args: Any, **options: Any) -> Any:
        entered.set()
        assert go_on.wait(30)
        return made(*args, **options)

    monkeypatch.setattr(api.cloud.people, "create", slow)
    answers: list[TestResponse] = []
    first = threading.Thread(target=lambda: answers.append(create(api)))
    first.start()
    assert entered.wait(30)
    refused = create(api)
    go_on.set()
    first.join()
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "request_in_progress"
    assert refused.headers["Retry-After"] == "5"
    assert create(api).get_json() == answers[0].get_json()
    assert people(api) == 1


def test_a_failure_may_be_tried_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Unavailable("the database is restarting")

    with monkeypatch.context() as failing:
        failing.setattr(api.cloud.people, "create", fail)
        assert create(api).status_code == 503
    assert create(api).status_code == 201
    assert people(api) == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "schlüssel"])
def test_a_malformed_key_is_refused(api: Api, key: str) -> None:
    refused = create(api, headers={"Idempotency-Key": key})
    assert refused.status_code == 400
    assert refused.get_json()["error"]["code"] == "bad_request"


def test_answers_to_searches_are_never_kept(api: Api) -> None:
    form = {"picture": files(selfie_of_astronaut(), selfie_of_astronaut())}
    assert api.call("POST", "/compare", data=form, headers=KEY).status_code == 200
    api.call("POST", "/albums/race/search", json={"bib": "7"}, headers=KEY)
    assert kept(api) == 0


def test_a_form_is_the_same_whatever_its_boundary(api: Api) -> None:
    def opt_out(*pictures: bytes) -> TestResponse:
        return api.call("POST", "/albums/race/opt-outs", data={"picture": files(*pictures)}, headers=KEY)

    create(api, headers={})  # so that the album is known
    first, second = opt_out(selfie_of_astronaut()), opt_out(selfie_of_astronaut())
    assert first.status_code == 201, first.text
    assert second.get_json() == first.get_json()
    assert opt_out(selfie_of_astronaut(), selfie_of_astronaut()).status_code == 409


def test_an_erased_person_is_in_no_kept_answer(api: Api) -> None:
    person_id = create(api).get_json()["person"]["person_id"]
    create(api, "Grace", headers={"Idempotency-Key": "another"})
    assert kept(api) == 2
    assert api.call("DELETE", f"/albums/race/people/{person_id}").status_code in (200, 202, 204)
    assert kept(api) == 1


def test_pages_may_send_keys(api: Api) -> None:
    asked = {"Origin": "https://photos.example.org", "Access-Control-Request-Method": "POST"}
    answer = api.client.options("/v1/albums/race/people", headers=asked)
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
