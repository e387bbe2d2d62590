"""Labels: which numbers and which people are on which photos."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from photofinish.analysis.imaging.formats import CONTENT_TYPES
from photofinish.domain.bib_number import normal_number
from photofinish.domain.start_list import StartList
from photofinish.errors import NotFound, RejectedInput

JSON_LABELS, CSV_LABELS = "labels.json", "labels.csv"
PixelBox = tuple[float, float, float, float]
"""Left edge, top edge, width and height in pixels of the upright photo."""

# The RBNR set keeps several races in one folder and tells them apart by the files' names.
_RBNR_RACE = re.compile(r"(set\d+)_\d+\.\w+")
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledBib:
    """A number that can be read in a photo."""

    number: str
    box: PixelBox | None = None
    face_box: PixelBox | None = None
    """The face of the runner who wears it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhoto:
    """A photo with all its bib numbers."""

    path: Path
    name: str
    """The path below the labelled folder, with slashes."""
    bibs: tuple[LabelledBib, ...]
    face_boxes: tuple[PixelBox, ...] = ()

    @property
    def race(self) -> str:
        """The race, within which a number means one runner: the photo's folder.

        In the RBNR set, the folder and the first part of the file's name, such as `set1`.
        """
        name = PurePosixPath(self.name)
        match = _RBNR_RACE.fullmatch(name.name)
        return str(name.parent / match[1]) if match else str(name.parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFace:
    """A photo of a known person."""

    path: Path
    name: str
    person: str
    box: PixelBox | None = None
    """Which face is meant; None for the largest and most central one."""


def read_bib_labels(folder: Path) -> list[LabelledPhoto]:
    """The labelled photos of a folder, by name: from its `labels.json` or `labels.csv`.

    JSON: `{file: {"numbers": [...], "bib_boxes_y0y1x0x1": [...], "face_boxes_y0y1x0x1": [...]}}`; boxes are optional
    and in pixels; if there are as many boxes as numbers, they are paired in order, and otherwise not at all.

    CSV: columns `file,bib_number` and, where known, `x,y,w,h` of the number's box in pixels; one row for each number,
    and a row with an empty `bib_number` for a photo that shows none.

    Raises:
        NotFound: there are no labels, or a labelled file is not there.
        RejectedInput: `labels_not_understood`; the message names the file and the entry.
    """
    as_json, as_csv = folder / JSON_LABELS, folder / CSV_LABELS
    if as_json.is_file():
        photos = [_photo_of_json(folder, as_json, name, entry) for name, entry in _json_entries(as_json)]
    elif as_csv.is_file():
        photos = _photos_of_csv(folder, as_csv)
    else:
        raise NotFound(f"no labels in {folder}: write {JSON_LABELS}, or {CSV_LABELS} with the columns file,bib_number")
    if not photos:
        raise NotFound(f"the labels in {folder} name no photo")
    _check_there(folder, photos)
    return sorted(photos, key=lambda photo: photo.name)


def read_face_labels(folder: Path) -> list[LabelledFace]:
    """The photos of known people: from `labels.csv` (`file,person[,x,y,w,h]`), or else from one folder per person.

    Raises:
        NotFound: there are fewer than two people, or a labelled file is not there.
        RejectedInput: `labels_not_understood`.
    """
    as_csv = folder / CSV_LABELS
    if as_csv.is_file():
        faces = [
            LabelledFace(path=folder / row["file"], name=row["file"], person=_wanted(row, "person", where), box=box)
            for where, row, box in _csv_rows(as_csv, {"file", "person"})
        ]
    else:
        faces = [
            LabelledFace(path=path, name=f"{person.name}/{path.relative_to(person).as_posix()}", person=person.name)
            for person in sorted(folder.iterdir())
            if person.is_dir() and not person.name.startswith(".")
            for path in sorted(person.rglob("*"))
            if path.suffix.lower() in CONTENT_TYPES and not path.name.startswith(".")
        ]
    if len({face.person for face in faces}) < 2:
        raise NotFound(
            f"fewer than two people in {folder}: put each person's photos into a folder of its own, "
            f"or write {CSV_LABELS} with the columns file,person"
        )
    _check_there(folder, faces)
    _check_told_apart(folder, faces)
    return faces


def read_start_list(path: Path) -> StartList:
    """The numbers that exist, from a CSV file: number, name where known, and columns that are not used.

    Raises:
        RejectedInput: a row has no number, a number comes twice, or the file is not UTF-8.
    """
    return StartList.from_csv(_text(path))


def _json_entries(path: Path) -> Iterable[tuple[str, Any]]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise _not_understood(path, f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise _not_understood(path, "it should be one object: the files' names with their labels")
    return document.items()


def _photo_of_json(folder: Path, labels: Path, name: str, entry: Any) -> LabelledPhoto:
    numbers = entry.get("numbers") if isinstance(entry, dict) else None
    if not isinstance(numbers, list) or not all(isinstance(number, str | int) for number in numbers):
        raise _not_understood(labels, f"{name} should have a list called numbers")
    bib_boxes = _json_boxes(labels, name, entry.get("bib_boxes_y0y1x0x1", []))
    face_boxes = _json_boxes(labels, name, entry.get("face_boxes_y0y1x0x1", []))
    return LabelledPhoto(
        path=folder / name,
        name=name,
        bibs=tuple(
            LabelledBib(
                number=normal_number(str(number)),
                box=bib_boxes[index] if len(bib_boxes) == len(numbers) else None,
                face_box=face_boxes[index] if len(face_boxes) == len(numbers) else None,
            )
            for index, number in enumerate(numbers)
        ),
        face_boxes=tuple(face_boxes),
    )


def _json_boxes(labels: Path, name: str, boxes: Any) -> list[PixelBox]:
    try:
        edges = [tuple(float(edge) for edge in box) for box in boxes]
        return [_box(x0, y0, x1 - x0, y1 - y0) for y0, y1, x0, x1 in edges]
    except (TypeError, ValueError) as error:
        raise _not_understood(labels, f"{name} has a box that is not [y0, y1, x0, x1] with y0 < y1, x0 < x1") from error


def _photos_of_csv(folder: Path, labels: Path) -> list[LabelledPhoto]:
    bibs: dict[str, list[LabelledBib]] = {}
    for _, row, box in _csv_rows(labels, {"file", "bib_number"}):
        found = bibs.setdefault(row["file"], [])
        if row["bib_number"]:
            found.append(LabelledBib(number=normal_number(row["bib_number"]), box=box))
    return [LabelledPhoto(path=folder / name, name=name, bibs=tuple(found)) for name, found in bibs.items()]


def read_csv(path: Path, columns: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of a CSV file with a heading, as `(where, {column: text})`; texts are stripped, blank rows left out.

    UTF-8, with or without a byte order mark; commas, semicolons or tabs, as the heading has them.

    Raises:
        RejectedInput: `labels_not_understood`, one of `columns` is missing, or the file is not valid CSV in UTF-8.
    """
    text = _text(path)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
        if missing := columns - set(names):
            raise _not_understood(path, f"its first line should name the column {' and '.join(sorted(missing))}")
        reader.fieldnames = names
        for row in reader:
            texts = {column: (row[column] or "").strip() for column in names if column}
            if any(texts.values()):
                yield f"line {reader.line_num}", texts
    except csv.Error as error:
        raise _not_understood(path, f"line {reader.line_num}: {error}") from error


def _csv_rows(path: Path, columns: set[str]) -> Iterator[tuple[str, dict[str, str], PixelBox | None]]:
    for where, row in read_csv(path, columns):
        _wanted(row, "file", f"{path}, {where}")
        sides = [row.get(side, "") for side in "xywh"]
        try:
            box = _box(*(float(side) for side in sides)) if any(sides) else None
        except ValueError as error:
            raise _not_understood(path, f"{where}: x, y, w, h should be four numbers of pixels, or empty") from error
        yield f"{path}, {where}", row, box


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_understood(path, "it is no UTF-8: save it as CSV UTF-8") from error


def _wanted(row: dict[str, str], column: str, where: str) -> str:
    if not row[column]:
        raise RejectedInput("labels_not_understood", f"{where}: the column {column} is empty.")
    return row[column]


def _box(x: float, y: float, w: float, h: float) -> PixelBox:
    if not (w > 0 and h > 0 and all(map(math.isfinite, (x, y, w, h)))):
        raise ValueError(f"not a box: {(x, y, w, h)}")
    return x, y, w, h


def _not_understood(path: Path, why: str) -> RejectedInput:
    return RejectedInput("labels_not_understood", f"{path} cannot be understood: {why}.")


def _check_there(folder: Path, photos: Iterable[LabelledPhoto] | Iterable[LabelledFace]) -> None:
    missing = list(dict.fromkeys(photo.name for photo in photos if not photo.path.is_file()))
    if missing:
        named = ", ".join(missing[:_NAMED_AT_MOST])
        more = f" and {len(missing) - _NAMED_AT_MOST} more" if len(missing) > _NAMED_AT_MOST else ""
        raise NotFound(f"the labels of {folder} name photos that are not there: {named}{more}")


def _check_told_apart(folder: Path, faces: Iterable[LabelledFace]) -> None:
    """Reject a photo that is labelled with several people unless boxes say which face is whose."""
    people: dict[str, set[str]] = {}
    for face in faces:
        people.setdefault(face.name, set()).add(face.person)
    for face in faces:
        if face.box is None and len(people[face.name]) > 1:
            names = " and ".join(sorted(people[face.name]))
            raise _not_understood(
                folder / CSV_LABELS, f"{face.name} shows {names}: give the boxes of their faces in x, y, w, h"
            )
