"""Reading sidecars: of this version and of the one before."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from photofinish.application.commit import document_fields
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import read_sidecar, sidecar_schema

VERSION_1: dict[str, Any] = {
    "sidecar_version": 1,
    "pipeline_version": "2026.11-1",
    "photo": {"bucket": "b", "name": "race/1.jpg", "generation": 3, "album": "race", "photo_id": "0" * 32},
    "image": {"width": 600, "height": 400, "format": "JPEG", "taken_at": None, "camera": None},
    "faces": [
        {
            "box": [0.1, 0.2, 0.3, 0.4],
            "landmarks": [[0.1, 0.2], [0.2, 0.2], [0.15, 0.3], [0.1, 0.4], [0.2, 0.4]],
            "detection_score": 0.9,
            "sharpness": 0.5,
            "quality": 0.8,
        }
    ],
    "bibs": [
        {"number": "42", "ocr_score": 0.9, "box": [0.1, 0.6, 0.2, 0.1], "face_index": 0, "partial": False},
        {
            "number": "17",
            "ocr_score": 0.7,
            "box": [0.5, 0.6, 0.2, 0.1],
            "face_index": None,
            "partial": True,
            "candidates": [{"number": "177", "probability": 0.6}],
        },
    ],
    "text": [{"text": "42", "ocr_score": 0.9, "box": [0.1, 0.6, 0.2, 0.1]}],
    "sharpness": {"frame": 0.5, "laplacian_variance": 3.0, "is_blurry": False},
    "models": {},
    "timings_ms": {},
}


def test_a_sidecar_of_version_1_reads_as_one_of_version_2() -> None:
    found = read_sidecar(json.dumps(VERSION_1).encode())
    jsonschema.validate(found, sidecar_schema())
    assert found["faces"][0]["box"] == {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}
    assert found["faces"][0]["landmarks"][2] == {"x": 0.15, "y": 0.3}
    assert found["text"][0]["box"] == found["bibs"][0]["box"] == {"x": 0.1, "y": 0.6, "w": 0.2, "h": 0.1}
    assert [bib["candidates"] for bib in found["bibs"]] == [[], VERSION_1["bibs"][1]["candidates"]]
    unchanged = {"faces", "bibs", "text", "sidecar_version"}
    assert {name: found[name] for name in found.keys() - unchanged} == {
        name: VERSION_1[name] for name in VERSION_1.keys() - unchanged
    }
    assert read_sidecar(json.dumps(found).encode()) == found


@pytest.mark.parametrize("content", [b"{}", b"[]", b"{", json.dumps(VERSION_1 | {"sidecar_version": 3}).encode()])
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"sidecar|Expecting"):
        read_sidecar(content)


@pytest.mark.parametrize("warnings", [[], [{"code": "end_missing", "message": "The end of the file is missing."}]])
def test_a_document_is_built_from_a_sidecar_of_either_version(warnings: list[dict[str, str]]) -> None:
    found = read_sidecar(json.dumps(VERSION_1).encode()) | ({"warnings": warnings} if warnings else {})
    photo = PhotoRef(bucket="b", name="race/1.jpg", generation=3)
    fields = document_fields(photo, found, has_renditions=True)
    assert (fields["warnings"], fields["has_warnings"]) == (warnings, bool(warnings))
    assert fields["faces"][0]["box"] == {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}
