"""Pictures are analysed within a request, and nothing of them is kept."""

from __future__ import annotations

import pytest

from photofinish.domain.access import Scope
from support.api import Api, files
from support.pictures import encode, noise, runner

NUMBER = encode(runner("2906"))


def test_a_picture_is_analysed_like_a_photo(api: Api) -> None:
    answer = api.call("POST", "/analyze", data={"picture": files(NUMBER, encode(noise(400, 300)))})
    assert answer.status_code == 200
    first, second = answer.get_json()["pictures"]
    assert [(bib["number"], bib["face_index"]) for bib in first["bibs"]] == [("2906", 0)]
    assert len(first["faces"]) == 1
    assert "embedding" not in str(first["faces"])
    assert "2906" in [line["text"] for line in first["text"]]
    assert first["sharpness"]["is_blurry"] is False
    assert first["image"]["format"] == "JPEG"
    assert second["faces"] == second["bibs"] == []


@pytest.mark.parametrize("features", [["faces"], ["bibs", "sharpness"]])
def test_only_what_is_asked_for_is_answered(api: Api, features: list[str]) -> None:
    query = "&".join(f"features={feature}" for feature in features)
    [picture] = api.call("POST", f"/analyze?{query}", data={"picture": files(NUMBER)}).get_json()["pictures"]
    assert ("text_recognition" in picture["models"]) == ("bibs" in features), "models that are not needed do not run"
    assert "face_embedding" not in picture["models"]
    assert {name for name in ("faces", "bibs", "text", "sharpness") if picture[name] is not None} == set(features)


def test_a_file_that_is_no_picture_costs_only_itself(api: Api) -> None:
    wrong, right = api.call("POST", "/analyze", data={"picture": files(b"not a picture", NUMBER)}).get_json()[
        "pictures"
    ]
    assert wrong["error"]["code"] == "not_a_picture"
    assert wrong["faces"] is None
    assert right["error"] is None


def test_what_cannot_be_asked_is_said(api: Api) -> None:
    assert api.call("POST", "/analyze", data={"picture": files(*[NUMBER] * 9)}).status_code == 400
    assert api.call("POST", "/analyze?features=age", data={"picture": files(NUMBER)}).status_code == 400
    assert api.call("POST", "/analyze", json={}).status_code == 415
    of_one_album = api.key_for(Scope.SEARCH, frozenset({"race"}))
    assert api.call("POST", "/analyze", key=of_one_album, data={"picture": files(NUMBER)}).status_code == 403
