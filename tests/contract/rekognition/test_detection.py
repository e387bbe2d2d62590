"""DetectFaces, CompareFaces and DetectText as boto3 sees them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from support.pictures import encode, runner, write
from support.rekognition import astronaut_jpeg, group_jpeg, landscape_jpeg, other_astronaut_jpeg

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

DEFAULT_ATTRIBUTES = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}


@functools.cache
def runner_jpeg() -> bytes:
    return encode(runner("2906"))


@functools.cache
def sign_jpeg() -> bytes:
    """Two lines of text, of two words and of one."""
    picture = np.full((400, 800, 3), 255, np.uint8)
    write(picture, "FINISH LINE", middle=(400, 100), height=50)
    write(picture, "4711", middle=(400, 300), height=70)
    return encode(picture)


def test_faces_are_detected_largest_first(client: RekognitionClient) -> None:
    details = client.detect_faces(Image={"Bytes": group_jpeg()})["FaceDetails"]
    areas = [one["BoundingBox"]["Width"] * one["BoundingBox"]["Height"] for one in details]
    assert len(details) == 6
    assert areas == sorted(areas, reverse=True)
    for one in details:
        box = one["BoundingBox"]
        assert 0 < box["Width"] < 1
        assert 0 < box["Height"] < 1
        for point in one["Landmarks"]:
            assert box["Left"] <= point["X"] <= box["Left"] + box["Width"]
            assert box["Top"] <= point["Y"] <= box["Top"] + box["Height"]


def test_all_attributes_are_only_those_that_models_here_estimate(client: RekognitionClient) -> None:
    for attributes in (["ALL"], ["DEFAULT"], ["DEFAULT", "AGE_RANGE"], ["EMOTIONS"]):
        [detail] = client.detect_faces(Image={"Bytes": astronaut_jpeg()}, Attributes=attributes)["FaceDetails"]  # type: ignore[arg-type]
        assert set(detail) == DEFAULT_ATTRIBUTES
    with pytest.raises(client.exceptions.InvalidParameterException, match="enum value set"):
        client.detect_faces(Image={"Bytes": astronaut_jpeg()}, Attributes=["HAIR"])  # type: ignore[list-item]


def test_a_landscape_has_no_faces(client: RekognitionClient) -> None:
    assert client.detect_faces(Image={"Bytes": landscape_jpeg()})["FaceDetails"] == []


def test_two_pictures_of_one_person_match(client: RekognitionClient) -> None:
    compared = client.compare_faces(
        SourceImage={"Bytes": astronaut_jpeg()}, TargetImage={"Bytes": other_astronaut_jpeg()}
    )
    [match] = compared["FaceMatches"]
    assert 80 <= match["Similarity"] <= 100
    assert set(match["Face"]) == DEFAULT_ATTRIBUTES
    assert compared["UnmatchedFaces"] == []
    assert set(compared["SourceImageFace"]) == {"BoundingBox", "Confidence"}


def test_strangers_are_unmatched_and_a_threshold_of_0_matches_them_best_first(client: RekognitionClient) -> None:
    images: Any = {"SourceImage": {"Bytes": astronaut_jpeg()}, "TargetImage": {"Bytes": group_jpeg()}}
    compared = client.compare_faces(**images)
    assert compared["FaceMatches"] == []
    assert len(compared["UnmatchedFaces"]) == 6
    everybody = client.compare_faces(**images, SimilarityThreshold=0)
    similarities = [match["Similarity"] for match in everybody["FaceMatches"]]
    assert len(similarities) == 6
    assert similarities == sorted(similarities, reverse=True)
    assert max(similarities) < 80


@pytest.mark.parametrize("without_face", ["SourceImage", "TargetImage"])
def test_a_picture_without_faces_cannot_be_compared(client: RekognitionClient, without_face: str) -> None:
    images: Any = {"SourceImage": {"Bytes": astronaut_jpeg()}, "TargetImage": {"Bytes": astronaut_jpeg()}}
    with pytest.raises(client.exceptions.InvalidParameterException, match="There are no faces in the image"):
        client.compare_faces(**{**images, without_face: {"Bytes": landscape_jpeg()}})


def test_lines_and_their_words_are_read(client: RekognitionClient) -> None:
    detections = client.detect_text(Image={"Bytes": sign_jpeg()})["TextDetections"]
    lines = [one for one in detections if one["Type"] == "LINE"]
    words = [one for one in detections if one["Type"] == "WORD"]
    assert [one["Id"] for one in detections] == list(range(len(detections)))
    assert [one["DetectedText"] for one in lines] == ["FINISH LINE", "4711"]
    assert [one["DetectedText"] for one in words] == ["FINISH", "LINE", "4711"]
    assert [one["ParentId"] for one in words] == [0, 0, 1]
    assert all("ParentId" not in one for one in lines)
    finish, line, number = (one["Geometry"]["BoundingBox"] for one in words)
    assert finish["Left"] + finish["Width"] < line["Left"] + 1e-6
    assert number["Top"] > finish["Top"]
    for one in detections:
        box, polygon = one["Geometry"]["BoundingBox"], one["Geometry"]["Polygon"]
        assert len(polygon) == 4
        assert min(point["X"] for point in polygon) == pytest.approx(box["Left"], abs=1e-5)
        assert max(point["Y"] for point in polygon) == pytest.approx(box["Top"] + box["Height"], abs=1e-5)
        assert 50 <= one["Confidence"] <= 100


def test_a_bib_is_read_on_a_runner(client: RekognitionClient) -> None:
    answer = client.detect_text(Image={"Bytes": runner_jpeg()})
    assert "2906" in [one["DetectedText"] for one in answer["TextDetections"]]
    assert answer["TextModelVersion"] == "6"


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"WordFilter": {"MinConfidence": 0}}, ["FINISH", "LINE", "4711"]),
        ({"WordFilter": {"MinBoundingBoxHeight": 0.9}}, []),
        ({"WordFilter": {"MinBoundingBoxWidth": 0.2}}, ["FINISH", "4711"]),
        ({"RegionsOfInterest": [{"BoundingBox": {"Left": 0, "Top": 0.5, "Width": 1, "Height": 0.5}}]}, ["4711"]),
        (
            {
                "RegionsOfInterest": [
                    {"Polygon": [{"X": 0, "Y": 0}, {"X": 0.5, "Y": 0}, {"X": 0.5, "Y": 0.5}, {"X": 0, "Y": 0.5}]}
                ]
            },
            ["FINISH"],
        ),
    ],
)
def test_filters_select_words_and_drop_lines_without_any(
    client: RekognitionClient, filters: Any, words: list[str]
) -> None:
    detections = client.detect_text(Image={"Bytes": sign_jpeg()}, Filters=filters)["TextDetections"]
    assert [one["DetectedText"] for one in detections if one["Type"] == "WORD"] == words
    lines = {one["Id"] for one in detections if one["Type"] == "LINE"}
    assert lines == {one["ParentId"] for one in detections if one["Type"] == "WORD"}


@pytest.mark.parametrize(
    "region",
    [
        {},
        {"BoundingBox": {"Left": 0, "Top": 0}},
        {"BoundingBox": {"Left": 0, "Top": 0, "Width": 0, "Height": 1}},
        {"Polygon": [{"X": 0, "Y": 0}]},
        {"Polygon": [{"X": 0}, {"X": 1}, {"Y": 1}]},
    ],
)
def test_a_malformed_region_is_refused(client: RekognitionClient, region: Any) -> None:
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.detect_text(Image={"Bytes": sign_jpeg()}, Filters={"RegionsOfInterest": [region]})
    with pytest.raises(client.exceptions.InvalidParameterException, match="length less than or equal to 10"):
        client.detect_text(Image={"Bytes": sign_jpeg()}, Filters={"RegionsOfInterest": [region] * 11})
