"""`photofinish analyze` and `photofinish models`, as people and scripts use them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from photofinish.analysis.models.catalogue import catalogue
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import sidecar_schema
from photofinish_cli.commands import models
from photofinish_cli.commands.analyze import analyze
from photofinish_cli.local_photos import annotated_path, local_files
from photofinish_cli.output import ExitCode
from photofinish_cli.sample_album import SampleAlbum
from photofinish_cli.times import clock_time
from support.videos import moving, video

app = typer.Typer()
app.command()(analyze)
app.add_typer(models.app)

# The command in a process of its own.
PROCESS = [
    sys.executable,
    "-c",
    "import typer; from photofinish_cli.commands.analyze import analyze; typer.run(analyze)",
]


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"PHOTOFINISH_MODELS_DIR": None})


def _lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture(scope="module")
def small_photo() -> bytes:
    """A JPEG that costs little, for tests in which it does not matter what is found in it."""
    _, content = cv2.imencode(".jpg", np.random.default_rng(1).integers(90, 110, (64, 96, 3), dtype=np.uint8))
    return content.tobytes()


def _numbers(documents: Iterable[dict[str, Any]]) -> list[set[str]]:
    return [{bib["number"] for bib in document["bibs"]} for document in documents]


def test_every_photo_gives_one_valid_sidecar_and_every_bad_file_one_reason(
    small_album: SampleAlbum, model_settings: ModelSettings
) -> None:
    result = _run("analyze", small_album.photos_folder, "--json", "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.FOUND_WRONG, result.stderr
    lines = _lines(result.stdout)
    names = [line["photo"]["name"] if "photo" in line else str(line["file"]) for line in lines]
    assert [Path(name).name for name in names] == [
        "IMG_0001.jpg", "IMG_0002.jpg", "IMG_0003.jpg", "cut-off.jpg", "empty.jpg", "notes.jpg",
    ]  # fmt: skip
    for sidecar in lines[:3]:
        jsonschema.validate(sidecar, sidecar_schema())
        assert "embedding" not in sidecar["faces"][0]
        assert sidecar["photo"]["album"] == "photos"
    assert _numbers(lines[:3]) == [{runner.bib_number for runner in photo.runners} for photo in small_album.photos]
    assert [line["error"]["code"] for line in lines[3:]] == ["cut_off", "empty_file", "not_a_picture"]
    assert all(line["error"]["message"].endswith(".") for line in lines[3:])


def test_embeddings_come_when_asked_for(small_album: SampleAlbum, model_settings: ModelSettings) -> None:
    photo = small_album.photos[0].path
    result = _run("analyze", photo, "--json", "--embeddings", "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.OK, result.stderr
    (sidecar,) = _lines(result.stdout)
    jsonschema.validate(sidecar, sidecar_schema())
    for face in sidecar["faces"]:
        assert np.linalg.norm(face["embedding"]["vector"]) == pytest.approx(1, abs=1e-3)


def test_people_get_a_table_and_annotated_pictures(
    small_album: SampleAlbum, model_settings: ModelSettings, tmp_path: Path
) -> None:
    # Writing into the folder that is analysed must not feed the command its own pictures.
    folder = tmp_path / "race"
    folder.mkdir()
    (folder / "IMG_0001.jpg").write_bytes(small_album.photos[0].path.read_bytes())
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "looked-at").mkdir()
    (folder / "looked-at" / "old.jpg").write_bytes(small_album.photos[0].path.read_bytes())
    result = _run("analyze", folder, "--annotate", folder / "looked-at", "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.FOUND_WRONG, result.stderr
    row = next(line for line in result.stdout.splitlines() if "IMG_0001.jpg" in line)
    assert {runner.bib_number for runner in small_album.photos[0].runners} <= set(row.split())
    assert "empty_file" in result.stdout
    assert "1 photo in " in result.stderr
    assert "1 file rejected" in result.stderr
    assert "old.jpg" not in result.stdout

    annotated = cv2.imread(str(folder / "looked-at" / "race" / "IMG_0001.jpg"))
    original = cv2.imread(str(folder / "IMG_0001.jpg"))
    assert annotated is not None
    assert original is not None
    height, width = annotated.shape[:2]
    original = cv2.resize(original, (width, height), interpolation=cv2.INTER_AREA)
    for runner in small_album.photos[0].runners:
        x, y, w, h = runner.bib_box
        rows = slice(int((y - 0.02) * height), int((y + h + 0.02) * height))
        columns = slice(int((x - 0.02) * width), int((x + w + 0.02) * width))
        difference = np.abs(annotated[rows, columns].astype(int) - original[rows, columns]).max(axis=2)
        assert (difference > 60).mean() > 0.05, f"nothing is drawn around {runner.bib_number}"


def test_a_closed_pipe_is_quiet(
    small_album: SampleAlbum, small_photo: bytes, model_settings: ModelSettings, tmp_path: Path
) -> None:
    arguments = [tmp_path / f"{number}.jpg" for number in range(6)]
    for path in arguments:
        path.write_bytes(small_photo)
    with subprocess.Popen(
        [
            *PROCESS,
            *arguments,
            str(small_album.photos_folder / "damaged"),
            "--json",
            "--models-dir",
            model_settings.models_dir,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["photo"]["bucket"] == "local"
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=100)
    unexpected = [line for line in said.splitlines() if not line.startswith("Analysing: ")]
    assert unexpected == []


def test_missing_models_are_explained(small_album: SampleAlbum, tmp_path: Path) -> None:
    result = _run("analyze", small_album.photos[0].path, "--models-dir", tmp_path)
    assert result.exit_code == ExitCode.MISCONFIGURED
    assert result.stderr.startswith("error: ")
    assert "photofinish models build" in result.stderr
    assert "Traceback" not in result.output


def test_what_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert _run("analyze", tmp_path / "nowhere.jpg").exit_code == ExitCode.USAGE


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    result = _run("analyze", tmp_path)
    assert result.exit_code == ExitCode.FOUND_WRONG
    assert result.stderr.startswith(f"error: no files in {tmp_path}")


def test_folders_are_read_recursively_in_order_without_hidden_files(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    for name in ("b/2.jpg", "b/1.jpg", "a.jpg", ".hidden.jpg", ".cache/x.jpg", "b/.thumbs/y.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    files = local_files([folder, folder / "a.jpg", folder / ".hidden.jpg"])
    assert [file.ref.name for file in files] == ["card/a.jpg", "card/b/1.jpg", "card/b/2.jpg", ".hidden.jpg"]
    assert {file.ref.bucket for file in files} == {"local"}
    assert files[0].ref.generation == (folder / "a.jpg").stat().st_mtime_ns


def test_two_cards_with_the_same_names_are_two_albums(
    small_album: SampleAlbum, model_settings: ModelSettings, tmp_path: Path
) -> None:
    cards = [tmp_path / name / "DCIM" for name in ("card1", "card2")]
    for card, photo in zip(cards, small_album.photos, strict=False):
        card.mkdir(parents=True)
        (card / "IMG_0001.jpg").write_bytes(photo.path.read_bytes())
    out = tmp_path / "out"
    result = _run("analyze", *cards, "--json", "--annotate", out, "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.OK, result.stderr
    photos = [line["photo"] for line in _lines(result.stdout)]
    assert [photo["name"] for photo in photos] == ["card1/DCIM/IMG_0001.jpg", "card2/DCIM/IMG_0001.jpg"]
    assert len({photo["photo_id"] for photo in photos}) == 2
    pictures = [(out / photo["name"]).read_bytes() for photo in photos]
    assert pictures[0] != pictures[1]


def test_names_are_only_as_long_as_they_need_to_be(tmp_path: Path) -> None:
    for name in ("one/a/x.jpg", "two/a/x.jpg", "three/y.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    given = [tmp_path / "one" / "a", tmp_path / "two" / "a", tmp_path / "three", tmp_path / "one" / "a" / "x.jpg"]
    assert [file.ref.name for file in local_files(given)] == ["one/a/x.jpg", "two/a/x.jpg", "three/y.jpg"]
    files = local_files([tmp_path / "one/a/x.jpg", tmp_path / "two/a/x.jpg", tmp_path / "three/y.jpg"])
    assert [file.ref.name for file in files] == ["one/a/x.jpg", "two/a/x.jpg", "y.jpg"]


def test_a_name_of_255_bytes_is_annotated_under_a_shorter_one(
    small_photo: bytes, model_settings: ModelSettings, tmp_path: Path
) -> None:
    folder, out = tmp_path / "race", tmp_path / "out"
    folder.mkdir()
    for name in ("q" * 251 + ".png", "q" * 250 + "r.png", "ü" * 125 + ".jpg", "last.jpg"):
        (folder / name).write_bytes(small_photo)
    result = _run("analyze", folder, "--json", "--annotate", out, "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.OK, result.stderr
    assert len(_lines(result.stdout)) == 4
    assert len(list((out / "race").iterdir())) == 4


def test_shortened_names_differ_and_fit() -> None:
    names = [PhotoRef(bucket="local", name="a/" + name, generation=1) for name in ("ü" * 126, "ü" * 125 + "éé", "x")]
    paths = [annotated_path(Path("out"), name) for name in names]
    assert len(set(paths)) == 3
    assert all(len(path.name.encode()) <= 255 and path.parent == Path("out/a") for path in paths)


def test_an_annotate_folder_that_cannot_be_written_is_refused_before_any_work(
    small_album: SampleAlbum, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = _run(
        "analyze", small_album.photos[0].path, "--annotate", tmp_path / "file" / "out", "--models-dir", "/none"
    )
    assert result.exit_code == ExitCode.MISCONFIGURED
    assert "cannot be written: Not a directory" in result.stderr
    assert "Traceback" not in result.output


def test_one_annotated_picture_that_cannot_be_written_costs_no_other(
    small_photo: bytes, model_settings: ModelSettings, tmp_path: Path
) -> None:
    folder, out = tmp_path / "race", tmp_path / "out"
    (folder / "cam1").mkdir(parents=True)
    out.joinpath("race").mkdir(parents=True)
    (out / "race" / "cam1").write_bytes(b"a file where a folder is needed")
    for name in ("cam1/a.jpg", "b.jpg"):
        (folder / name).write_bytes(small_photo)
    result = _run("analyze", folder, "--json", "--annotate", out, "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.FOUND_WRONG
    assert len(_lines(result.stdout)) == 2
    assert "cam1/a.jpg cannot be written" in result.stderr
    assert (out / "race" / "b.jpg").is_file()


def test_warnings_about_files_are_shown(small_photo: bytes, model_settings: ModelSettings, tmp_path: Path) -> None:
    (tmp_path / "endless.jpg").write_bytes(small_photo.removesuffix(b"\xff\xd9"))
    result = _run("analyze", tmp_path, "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.OK, result.stderr
    assert "end_missing" in result.stdout


def test_models_are_listed_built_and_verified(tmp_path: Path, model_settings: ModelSettings) -> None:
    listed = json.loads(_run("models", "list", "--json").stdout)
    assert [model["role"] for model in listed] == [model.role for model in catalogue()]

    missing = _run("models", "verify", "--json", "--models-dir", tmp_path)
    assert missing.exit_code == ExitCode.FOUND_WRONG
    assert [model["ok"] for model in json.loads(missing.stdout)["models"]] == [False] * len(listed)

    # All but one are there, which costs a minute less than building all (tests/contract/models/test_building.py).
    face_detection = catalogue()[0].file
    for file in model_settings.models_dir.iterdir():
        if file.name != face_detection:
            (tmp_path / file.name).symlink_to(file)
    built = _run("models", "build", "--json", "--models-dir", tmp_path)
    assert built.exit_code == ExitCode.OK, built.stderr
    assert len(json.loads(built.stdout)["built"]) == 1
    assert json.loads(_run("models", "build", "--json", "--models-dir", tmp_path).stdout)["built"] == []
    assert _run("models", "verify", "--models-dir", tmp_path).exit_code == ExitCode.OK

    spoilt = tmp_path / catalogue()[0].file
    spoilt.write_bytes(b"spoilt")
    found = _run("models", "verify", "--models-dir", tmp_path)
    assert found.exit_code == ExitCode.FOUND_WRONG
    assert spoilt.name in found.stdout
    assert "photofinish models build" in found.stderr


def test_videos_give_scenes_people_and_numbers_and_bad_ones_a_reason(
    small_album: SampleAlbum, model_settings: ModelSettings, tmp_path: Path
) -> None:
    shown = small_album.photos[:2]
    pictures = [cv2.imread(str(photo.path)) for photo in shown]
    frames = [cv2.resize(picture, (1280, 854)) for picture in pictures for _ in range(4)]
    content = video(frames, frames_a_second=2, codec="mpeg4", bit_rate=20_000_000)
    # The content decides what a file is, not its name.
    for name, file in {
        "1.jpg": content,
        "2.mp4": content[: len(content) // 2],
        "3.mp4": b"",
        "4.mp4": b"no video at all",
        "5.mov": video(frames[:2]),
    }.items():
        (tmp_path / name).write_bytes(file)
    result = _run("analyze", tmp_path, "--json", "--embeddings", "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.FOUND_WRONG, result.stderr
    found, *rejected, short = _lines(result.stdout)
    assert [line["error"]["code"] for line in rejected] == ["cut_off", "empty_file", "not_a_picture"]
    assert [scene["frames"] for scene in short["scenes"]] == [1]

    assert [(scene["start_s"], scene["end_s"]) for scene in found["scenes"]] == [(0, 2), (2, 4)]
    worn = [{runner.bib_number for runner in photo.runners} for photo in shown]
    assert [set(scene["numbers"]) for scene in found["scenes"]] == worn
    assert {number["number"] for number in found["numbers"]} == set.union(*worn)
    assert len(found["people"]) == len(set.union(*worn)), "people are counted, not their faces in each frame"
    for number in found["numbers"]:
        assert number["votes"] == number["readings"] == sum(one["frames"] for one in number["appearances"])
        (wearer,) = number["people"]
        assert found["people"][wearer]["number"]["number"] == number["number"]
        assert found["people"][wearer]["seen_s"] == pytest.approx(2 * len(number["appearances"]))
    for person in found["people"]:
        assert np.linalg.norm(person["embedding"]["vector"]) == pytest.approx(1, abs=1e-3)
        assert 0 <= person["best_view"]["at_s"] < 4


def test_the_table_of_videos_has_their_scenes_with_times(model_settings: ModelSettings, tmp_path: Path) -> None:
    (tmp_path / "finish.mp4").write_bytes(video(moving(2.5)))
    result = _run("analyze", tmp_path / "finish.mp4", "--models-dir", model_settings.models_dir)
    assert result.exit_code == ExitCode.OK, result.stderr
    row = next(line for line in result.stdout.splitlines() if "finish.mp4" in line)
    assert row.split("\t")[:5] == ["finish.mp4", "1", "0:00", "0:02", "3"]
    assert "1 video with 0 people" in result.stderr


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (83.9, "1:23"), (7283, "2:01:23")])
def test_times_in_videos_are_shown_as_players_show_them(seconds: float, shown: str) -> None:
    assert clock_time(seconds) == shown
