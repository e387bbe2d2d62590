"""CSV and sidecars: what spreadsheets and photo programs get."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.application.downloads.csv_export import COLUMNS, csv_lines
from photofinish.application.downloads.with_metadata import sidecar_paths
from photofinish.domain.photo import PhotoStatus
from photofinish.domain.photo_facts import AlbumNames, PhotoFact, facts_of, keywords_of, rating_of
from photofinish.ports import PhotoRecord
from support.faces import photo

NAMES = AlbumNames(listed={"42": "Ada Lovelace", "7": ""}, people={"p1": "Ada"})
FIELDS: dict[str, Any] = {
    "faces": [{"face_id": "f1"}, {"face_id": "f2"}, {"face_id": "f3"}],
    "bibs": [
        {"number": "42", "ocr_score": 0.9, "face_id": "f1"},
        {"number": "7", "ocr_score": 1.0, "face_id": None, "by_hand": True},
        {"number": "8", "ocr_score": 0.5, "face_id": "erased"},
    ],
}


def rows_of(facts: list[PhotoFact], fields: dict[str, Any] | None = None) -> list[list[str]]:
    record = PhotoRecord(ref=photo("race/1.jpg"), status=PhotoStatus.DONE, fields=fields or {})
    text = b"".join(csv_lines([(record, facts)])).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_each_number_and_each_known_person_is_a_fact() -> None:
    facts = facts_of(FIELDS, {"f1": "p1", "f2": "p2"}, NAMES)
    assert [(one.number, one.face_id, one.person_id) for one in facts] == [
        ("42", "f1", "p1"),
        (None, "f2", "p2"),
        ("7", None, None),
        ("8", None, None),
    ]
    assert facts[0].listed_name == "Ada Lovelace"
    assert facts[2].by_hand
    assert keywords_of(facts) == (["42", "7", "8"], ["Ada"])
    assert keywords_of(facts_of(FIELDS, {}, NAMES))[1] == ["Ada Lovelace"], "the start list names whom no face does"


@pytest.mark.parametrize(
    ("sharpness", "rating"),
    [
        (None, None),
        ({"frame": 0.0, "is_blurry": True}, 1),
        ({"frame": 0.9, "is_blurry": True}, 1),
        ({"frame": 0.0, "is_blurry": False}, 2),
        ({"frame": 0.5, "is_blurry": False}, 4),
        ({"frame": 1.0, "is_blurry": False}, 5),
    ],
)
def test_sharper_is_rated_higher(sharpness: dict[str, Any] | None, rating: int | None) -> None:
    assert rating_of({"sharpness": sharpness}) == rating


def test_a_photo_without_facts_has_a_line() -> None:
    [heading, line] = rows_of([], {"image": {"taken_at": "2026-05-01T10:04:26", "camera": "Canon, EOS"}})
    assert heading == list(COLUMNS)
    assert dict(zip(heading, line, strict=True)) | {"photo_id": ""} == dict.fromkeys(COLUMNS, "") | {
        "name": "race/1.jpg",
        "status": "done",
        "taken_at": "2026-05-01T10:04:26",
        "camera": "Canon, EOS",
    }


@given(name=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1))
def test_names_are_read_back_and_never_run(name: str) -> None:
    [heading, line] = rows_of([PhotoFact(person_id="p", person_name=name)])
    cell = line[heading.index("person_name")]
    assert cell[0] not in "=+-@\t\r"
    assert cell in (name, f"'{name}")


def test_the_raw_file_of_a_shot_has_the_sidecar() -> None:
    paths = ["a/1.jpg", "a/1.CR2", "2.JPG", "3.xmp", "3.jpg", "4.heic", "4.tif"]
    assert sidecar_paths(paths) == {"a/1.CR2": "a/1.xmp", "2.JPG": "2.xmp", "4.heic": "4.xmp"}
