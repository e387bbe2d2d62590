"""A request that violates constraints costs no more than a good one."""

from __future__ import annotations

from typing import Any

import pytest

from photofinish_functions.rekognition.errors import RekognitionError
from photofinish_functions.rekognition.requests import REQUESTS
from photofinish_functions.rekognition.shapes import MAX_TOLD, read

MANY = 100_000


def refusal(operation: str, **members: Any) -> str:
    with pytest.raises(RekognitionError) as raised:
        read({"CollectionId": "race"} | members, REQUESTS[operation])
    assert raised.value.code == "InvalidParameterException"
    return raised.value.message


def test_a_list_that_is_too_long_is_one_violation() -> None:
    message = refusal("DeleteFaces", FaceIds=[""] * MANY)
    assert message == (
        "1 validation error detected: Value at 'faceIds' failed to satisfy constraint: Member must have length less "
        "than or equal to 4096"
    )


@pytest.mark.parametrize("many", [["ALL"] * MANY, [""] * MANY])
def test_a_list_without_a_maximum_has_one_all_the_same(many: list[str]) -> None:
    message = refusal("IndexFaces", Image={"Bytes": "YQ=="}, DetectionAttributes=many)
    assert message.startswith("1 validation error detected: Value at 'detectionAttributes' failed")


def test_of_many_violations_the_first_are_told_and_all_are_counted() -> None:
    message = refusal("DeleteFaces", FaceIds=["nonsense"] * 4096)
    assert message.startswith("4096 validation errors detected: Value 'nonsense' at 'faceIds.1.member' failed")
    assert message.count("failed to satisfy") == MAX_TOLD
    assert message.endswith(f"; and {4096 - MAX_TOLD} more")
