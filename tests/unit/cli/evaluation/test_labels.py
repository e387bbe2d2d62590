"""Labels as people write them: JSON, CSV out of a spreadsheet, folders; and what is said where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from photofinish.errors import NotFound, PhotofinishError, RejectedInput
from photofinish_cli.evaluation.labels import LabelledBib, read_bib_labels, read_face_labels


def _files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_json_labels_pair_numbers_with_their_boxes(tmp_path: Path) -> None:
    _files(tmp_path, "b.jpg", "a.jpg", "set1_07.jpg")
    boxes = {"bib_boxes_y0y1x0x1": [[10, 20, 30, 60]], "face_boxes_y0y1x0x1": [[1, 5, 30, 33], [1, 5, 70, 73]]}
    labels = {"b.jpg": {"numbers": ["007"], **boxes}, "a.jpg": {"numbers": [12, "13"]}, "set1_07.jpg": {"numbers": []}}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    a, b, rbnr = read_bib_labels(tmp_path)
    assert [bib.number for bib in a.bibs] == ["12", "13"]
    assert a.bibs[0].box is None
    # Two faces and one number: it is unknown whose it is, and both faces can still be found.
    assert b.bibs == (LabelledBib(number="007", box=(30, 10, 30, 10), face_box=None),)
    assert b.face_boxes == ((30, 1, 3, 4), (70, 1, 3, 4))
    assert rbnr.bibs == ()
    assert (a.race, rbnr.race) == (".", "set1")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_labels_out_of_any_spreadsheet(tmp_path: Path, separator: str) -> None:
    _files(tmp_path, "day 1/a.jpg", "b.jpg")
    rows = ["File,Bib_Number,x,y,w,h", "day 1/a.jpg, 0412 ,10,20.5,30,40", "day 1/a.jpg,9,,,,", "", "b.jpg"]
    text = "\r\n".join(rows).replace(",", separator)
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    empty, photo = read_bib_labels(tmp_path)
    assert photo.name == "day 1/a.jpg"
    assert photo.race == "day 1"
    assert photo.bibs == (LabelledBib(number="0412", box=(10, 20.5, 30, 40)), LabelledBib(number="9"))
    assert empty.bibs == ()


def test_people_are_folders(tmp_path: Path) -> None:
    _files(tmp_path, "ann/1.jpg", "ann/trip/2.JPG", "ben/1.png", "ben/notes.txt", "ben/.hidden.jpg", "readme.jpg")
    faces = read_face_labels(tmp_path)
    assert [(face.person, face.name) for face in faces] == [
        ("ann", "ann/1.jpg"), ("ann", "ann/trip/2.JPG"), ("ben", "ben/1.png"),
    ]  # fmt: skip


def test_people_are_rows_of_a_csv(tmp_path: Path) -> None:
    _files(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "labels.csv").write_text("file,person,x,y,w,h\n1.jpg,Ann,1,2,3,4\n1.jpg,Ben,9,2,3,4\n2.jpg,Ann\n")
    faces = read_face_labels(tmp_path)
    assert [(face.person, face.box) for face in faces] == [("Ann", (1, 2, 3, 4)), ("Ben", (9, 2, 3, 4)), ("Ann", None)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("file,number\na.jpg,1\n", "bib_number"),
        ("", "bib_number and file"),
        ("file,bib_number,x,y,w,h\na.jpg,1,2,3,4,wide\n", "line 2"),
        ("file,bib_number,x,y,w,h\na.jpg,1,2,3,0,5\n", "line 2"),
        ("file,bib_number,x,y,w,h\na.jpg,1,nan,3,5,5\n", "line 2"),
        ("file,bib_number\n,12\n", "file is empty"),
    ],
)
def test_csv_labels_that_are_wrong_are_explained(tmp_path: Path, content: str, says: str) -> None:
    _files(tmp_path, "a.jpg")
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(RejectedInput, match=says):
        read_bib_labels(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "no JSON"),
        ("[]", "one object"),
        ('{"a.jpg": ["12"]}', "a.jpg should have a list called numbers"),
        ('{"a.jpg": {"numbers": "12"}}', "a.jpg should have a list called numbers"),
        ('{"a.jpg": {"numbers": ["12"], "bib_boxes_y0y1x0x1": [[1, 2, 3]]}}', "a.jpg has a box"),
        ('{"a.jpg": {"numbers": ["12"], "bib_boxes_y0y1x0x1": [[9, 2, 3, 4]]}}', "a.jpg has a box"),
    ],
)
def test_json_labels_that_are_wrong_are_explained(tmp_path: Path, content: str, says: str) -> None:
    _files(tmp_path, "a.jpg")
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(RejectedInput, match=says):
        read_bib_labels(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"labels\.csv with the columns file,bib_number"):
        read_bib_labels(tmp_path)
    with pytest.raises(NotFound, match="fewer than two people"):
        read_face_labels(tmp_path)
    labels = {f"{number}.jpg": {"numbers": []} for number in range(8)} | {"/nowhere/x.jpg": {"numbers": []}}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    with pytest.raises(NotFound, match=r"0\.jpg, 1\.jpg, 2\.jpg, 3\.jpg, 4\.jpg and 4 more"):
        read_bib_labels(tmp_path)


def test_two_people_on_a_photo_need_boxes(tmp_path: Path) -> None:
    _files(tmp_path, "1.jpg")
    (tmp_path / "labels.csv").write_text("file,person\n1.jpg,Ann\n1.jpg,Ben\n")
    with pytest.raises(RejectedInput, match="Ann and Ben"):
        read_face_labels(tmp_path)


def test_bytes_that_are_no_text_are_no_labels(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes("file,bib_number\nZürich.jpg,1\n".encode("latin-1"))
    with pytest.raises(PhotofinishError, match="UTF-8"):
        read_bib_labels(tmp_path)
