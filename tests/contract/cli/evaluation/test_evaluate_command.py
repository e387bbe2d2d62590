"""`photofinish evaluate` on a drawn race and on portraits: figures, report, exit codes."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from photofinish.analysis.models.calibration_file import read_calibration
from photofinish.analysis.models.selection import embedding_model
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.matching import match_probability
from photofinish_cli.evaluation import calibrating
from photofinish_cli.main import app
from photofinish_cli.output import ExitCode
from photofinish_cli.sample_album import SampleAlbum
from support.pictures import encode, noise, shared_data

ODD_NAME = '<i>Ann & "Co"'


def _run(*arguments: str | Path, models: ModelSettings | None = None) -> Result:
    models_dir = ["--models-dir", str(models.models_dir)] if models else []
    environment = {"PHOTOFINISH_MODELS_DIR": None, "COLUMNS": "160"}
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), *models_dir], env=environment)


@pytest.fixture(scope="module")
def race(small_album: SampleAlbum, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn race with true labels, but for a number that is not there and one that is missing."""
    folder = tmp_path_factory.mktemp("race")
    labels: dict[str, dict[str, Any]] = {}
    for photo in small_album.photos:
        (folder / photo.path.name).write_bytes(photo.path.read_bytes())
        entry = labels[photo.path.name] = {"numbers": [], "bib_boxes_y0y1x0x1": [], "face_boxes_y0y1x0x1": []}
        for runner in photo.runners:
            entry["numbers"].append(runner.bib_number)
            entry["bib_boxes_y0y1x0x1"].append(_edges(runner.bib_box, photo.width, photo.height))
            entry["face_boxes_y0y1x0x1"].append(_edges(runner.face_box, photo.width, photo.height))
    first, second, _ = labels.values()
    first["numbers"][0] = "99999"
    for boxes in second.values():
        del boxes[0]
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder


@pytest.fixture(scope="module")
def people(small_album: SampleAlbum, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, each as they are and in other light and size; one has an odd name."""
    folder = tmp_path_factory.mktemp("people")
    names = [ODD_NAME, "Ben", "Cat"]
    for name, person in zip(names, small_album.people, strict=False):
        (folder / name).mkdir()
        selfie = cv2.imread(str(person.selfie))
        assert selfie is not None
        brighter = cv2.convertScaleAbs(cv2.resize(selfie, None, fx=0.8, fy=0.8), alpha=1.1, beta=15)
        (folder / name / "1.jpg").write_bytes(encode(np.asarray(selfie, np.uint8)))
        (folder / name / "2.jpg").write_bytes(encode(np.asarray(brighter, np.uint8)))
    return folder


def _edges(box: tuple[float, float, float, float], width: int, height: int) -> list[float]:
    x, y, w, h = box
    return [y * height, (y + h) * height, x * width, (x + w) * width]


@pytest.fixture(scope="module")
def evaluated(
    race: Path, people: Path, model_settings: ModelSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], str]:
    """The figures and the report of both folders."""
    out = tmp_path_factory.mktemp("evaluated")
    result = _run("--bibs", race, "--faces", people, "--out", out, "--json", models=model_settings)
    assert result.exit_code == ExitCode.OK, result.output
    figures = json.loads(result.stdout)
    assert figures["report"] == str(out / "report.html")
    return figures, (out / "report.html").read_text()


def test_figures_count_what_was_labelled(small_album: SampleAlbum, evaluated: tuple[dict[str, Any], str]) -> None:
    figures, _ = evaluated
    worn = sum(len(photo.runners) for photo in small_album.photos)
    bibs = figures["bibs"]
    # One number is nowhere, and one that is there was not written down: the drawn race is read without other errors.
    assert bibs["recall"]["of"] == worn - 1
    # A number that is taken for a part of a longer one counts neither as right nor as wrong.
    whole = worn - bibs["partial_reads"]
    assert bibs["recall"]["value"] == pytest.approx((whole - 2) / (worn - 1))
    assert bibs["precision"]["value"] == pytest.approx((whole - 2) / whole)
    assert bibs["recall_of_candidates"] is None
    assert bibs["recall"]["low"] <= bibs["recall"]["value"] <= bibs["recall"]["high"]
    assert bibs["without_start_list"] is None
    assert {part["by"] for part in bibs["recall_by_face"]} == {"face size", "sharpness", "pose"}
    sizes = [part["of"] for part in bibs["recall_by_face"] if part["by"] == "face size"]
    assert sum(sizes) == worn - 1, "every labelled bib has the size of its wearer's face"

    runners, known = figures["faces"]
    assert runners["faces"] == worn - 1
    assert (known["people"], known["faces"], known["same_pairs"], known["stranger_pairs"]) == (3, 6, 3, 12)
    assert known["rank_1"]["value"] == 1
    assert known["auc"]["value"] == 1
    assert [tar["far"] for tar in known["tar"]] == [0.01, 0.001]
    assert all(tar["value"] == 1 for tar in known["tar"])
    assert [detector["recall"]["value"] for detector in figures["detector"]] == [1, 1]
    assert [detector["recall"]["of"] for detector in figures["detector"]] == [worn - 1, 6]


class _Reader(HTMLParser):
    """Everything in a page that could reach outside it, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.pictures = 0
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag == "img"
        if tag in {"script", "link", "iframe", "object", "embed", "i-am-not-html"}:
            self.outside.append(tag)
        self.outside += [
            str(value)
            for name, value in attrs
            if (name in {"src", "href", "srcset", "action"} and not str(value).startswith("data:image/jpeg;base64,"))
            or name.startswith("on")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_is_whole_and_needs_nothing_else(evaluated: tuple[dict[str, Any], str]) -> None:
    figures, report = evaluated
    reader = _Reader()
    reader.feed(report)
    assert reader.outside == []
    assert "@import" not in report
    assert not re.search(r"url\(", report)
    charts = re.findall(r"<svg.*?</svg>", report, re.DOTALL)
    assert len(charts) >= 8
    for chart in charts:
        assert ElementTree.fromstring(chart).findall("*"), "an empty chart"
        assert "nan" not in chart
    # A missed number, a read without label, and faces side by side.
    assert reader.pictures >= 4
    assert "99999" in reader.text
    assert f"{figures['bibs']['f1']['value']:.3f}" in reader.text
    assert ODD_NAME in reader.text, "a name is text, whatever is in it"


def test_a_start_list_leaves_only_numbers_that_exist(
    race: Path, small_album: SampleAlbum, model_settings: ModelSettings, tmp_path: Path
) -> None:
    unlabelled = small_album.photos[1].runners[0].bib_number
    worn = {runner.bib_number for photo in small_album.photos for runner in photo.runners} - {unlabelled}
    listed = tmp_path / "runners.csv"
    listed.write_text("number,name\n" + "".join(f"{number},Runner\n" for number in sorted(worn)))
    result = _run("--bibs", race, "--start-list", listed, "--out", tmp_path / "out", "--json", models=model_settings)
    assert result.exit_code == ExitCode.OK, result.output
    bibs = json.loads(result.stdout)["bibs"]
    assert bibs["start_list"] == len(worn)
    assert bibs["labelled_but_not_on_start_list"] == ["99999"]
    assert bibs["precision"]["value"] > bibs["without_start_list"]["precision"]["value"]
    assert bibs["recall"]["value"] >= bibs["without_start_list"]["recall"]["value"]
    assert bibs["recall_of_candidates"]["value"] >= bibs["recall"]["value"]


def test_people_get_tables_and_a_bad_file_is_told(
    small_album: SampleAlbum, model_settings: ModelSettings, tmp_path: Path
) -> None:
    photo = small_album.photos[1]
    folder = tmp_path / "race"
    folder.mkdir()
    shutil.copy(photo.path, folder / "good.jpg")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "wall.jpg").write_bytes(encode(noise(200, 160)))
    rows = [f"good.jpg,{runner.bib_number}" for runner in photo.runners]
    (folder / "labels.csv").write_text("\n".join(["file,bib_number", *rows, "empty.jpg,17", "wall.jpg,", ""]))
    result = _run("--bibs", folder, "--out", tmp_path / "out", models=model_settings)
    assert result.exit_code == ExitCode.FOUND_WRONG, result.output
    (recall,) = re.findall(r"\trecall\t([0-9.]+)\t[0-9.]+ – [0-9.]+\t(\d+)\n", result.stdout)
    labelled = len(photo.runners) + 1
    assert recall == (f"{len(photo.runners) / labelled:.3f}", str(labelled))
    assert "empty.jpg" in result.stdout
    report = (tmp_path / "out" / "report.html").read_text()
    assert "1 labelled file could not be analysed" in report
    assert "no picture" in report


def test_what_cannot_be_asked_is_refused(race: Path, tmp_path: Path) -> None:
    assert _run().exit_code == ExitCode.USAGE
    assert _run("--bibs", tmp_path / "nowhere").exit_code == ExitCode.USAGE
    listed = tmp_path / "runners.csv"
    listed.write_text("number\n1\n")
    assert _run("--faces", race, "--start-list", listed).exit_code == ExitCode.USAGE
    assert _run("--bibs", race, "--calibrate").exit_code == ExitCode.USAGE
    (tmp_path / "file").write_text("")
    blocked = _run("--bibs", race, "--out", tmp_path / "file" / "out")
    assert blocked.exit_code == ExitCode.MISCONFIGURED
    assert "--out" in blocked.stderr
    unlabelled = _run("--bibs", tmp_path, "--out", tmp_path / "out")
    assert unlabelled.exit_code == ExitCode.FOUND_WRONG
    assert unlabelled.stderr.startswith("error: no labels in")


def test_three_people_are_too_few_to_calibrate_with(
    people: Path, model_settings: ModelSettings, tmp_path: Path
) -> None:
    result = _run("--faces", people, "--calibrate", "--out", tmp_path / "out", models=model_settings)
    assert result.exit_code == ExitCode.FOUND_WRONG
    assert "100 photos of 20 people" in result.stderr


@pytest.mark.shared_data
@pytest.mark.timeout(300)
def test_ten_people_calibrate_the_space(
    model_settings: ModelSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "POOR_COPIES", 2)
    for photo in shared_data("faces").glob("*/*_000[1-5].jpg"):
        (tmp_path / "people" / photo.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, tmp_path / "people" / photo.parent.name)
    result = _run("--faces", tmp_path / "people", "--calibrate", "--out", tmp_path / "out", models=model_settings)
    assert result.exit_code == ExitCode.OK, result.output
    measured = read_calibration(tmp_path / "out" / "calibration.toml")
    assert measured.as_toml() in result.stdout
    calibration, origin = measured.calibration, measured.origin
    assert (origin.embedding_space, origin.model_sha256) == embedding_model(model_settings)
    assert (origin.folders, origin.same_pairs) == (("people",), 10 * 10)
    assert origin.stranger_pairs == 50 * 49 // 2 - origin.same_pairs
    # Portraits are easier than runners: what the catalogue has is calibrated on both.
    assert 0.3 < calibration.min_similarity < 0.5
    assert 0.2 <= calibration.selfie_min_quality <= 0.6
    assert match_probability(0.7, calibration) > 0.95 > 0.2 > match_probability(0.1, calibration)


def test_models_that_are_missing_are_said_to_be(race: Path, tmp_path: Path) -> None:
    result = _run("--bibs", race, "--out", tmp_path / "out", "--models-dir", tmp_path)
    assert result.exit_code == ExitCode.MISCONFIGURED
    assert "photofinish models build" in result.stderr


@pytest.mark.shared_data
def test_labelled_race_photos_are_read(model_settings: ModelSettings, tmp_path: Path) -> None:
    photos = shared_data("bibs")
    labels = json.loads((photos / "labels.json").read_text())
    chosen = sorted(labels)[:4]
    for name in chosen:
        (tmp_path / name).symlink_to(photos / name)
    (tmp_path / "labels.json").write_text(json.dumps({name: labels[name] for name in chosen}))
    result = _run("--bibs", tmp_path, "--out", tmp_path / "out", "--json", models=model_settings)
    assert result.exit_code == ExitCode.OK, result.output
    figures = json.loads(result.stdout)
    assert figures["bibs"]["recall"]["value"] >= 0.75
    assert figures["detector"][0]["recall"]["value"] == 1
    # Two of them show the same runner.
    assert figures["faces"][0]["same_pairs"] == 1
    assert figures["faces"][0]["rank_1"]["value"] == 1
