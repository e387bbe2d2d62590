"""The `photofinish` command as people and scripts use it, against a running local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="session")
def album(cloud: LocalCloud, sample_album: SampleAlbum) -> SampleAlbum:
    """Dropped with the command, in two runs, of which the second finds everything there."""
    photos = [str(photo.path) for photo in sample_album.photos[:4]]
    first = cloud.json("drop", *photos, "--album", "spring-10k", "--wait")
    assert (len(first["sent"]), first["unchanged"], first["failed"]) == (4, 0, [])
    again = cloud.json("drop", *photos, "--album", "spring-10k", "--wait")
    assert (len(again["sent"]), again["unchanged"]) == (0, 4)
    return sample_album


def test_status_counts_and_measures(cloud: LocalCloud, album: SampleAlbum) -> None:
    seen = cloud.json("status", "spring-10k")
    assert seen["counts"] == {"done": 4}
    assert 0 < seen["latency_s"]["p50"] <= seen["latency_s"]["p95"]
    assert seen["photos_per_s"] > 0
    assert seen["problems"] == []
    assert "4" in cloud.command("status", "spring-10k", "--watch").stdout


def test_show_tells_what_was_found(cloud: LocalCloud, album: SampleAlbum) -> None:
    name = album.photos[0].path.name
    fields = cloud.json("show", "spring-10k", name)
    assert fields["object"]["name"] == f"spring-10k/{name}"
    shown = cloud.command("show", "spring-10k", name).stdout
    assert all(number in shown for number in fields["bib_numbers"])
    by_id = cloud.json("show", "spring-10k", fields["sidecar"].split("/")[2])
    assert by_id == fields


def test_trace_tells_every_stage(cloud: LocalCloud, album: SampleAlbum) -> None:
    traced = cloud.json("trace", "spring-10k", album.photos[0].path.name)
    stages = [step["stage"] for step in traced["stages"]]
    expected = ["uploaded", "event", "queued", "pulled", "decoded", "detected", "embedded", "read", "committed"]
    assert [stage for stage in stages if stage in expected] == expected
    moments = [step["after_s"] for step in traced["stages"] if step["after_s"] is not None]
    assert moments == sorted(moments)


def test_find_by_bib_and_selfie(cloud: LocalCloud, album: SampleAlbum) -> None:
    numbers = cloud.json("show", "spring-10k", album.photos[0].path.name)["bib_numbers"]
    person = next(person for person in album.people if person.bib_number in numbers)
    photo = f"spring-10k/{album.photos[0].path.name}"
    for query in (["--bib", person.bib_number], ["--selfie", str(person.selfie)]):
        answer = cloud.json("find", "spring-10k", *query)
        assert photo in [found["photo"]["name"] for found in answer["photos"]], query
        assert photo in cloud.command("find", "spring-10k", *query).stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (["find", "spring-10k"], 2, "give at least one criterion"),
        (["find", "spring-10k", "--bib", "99999"], 1, ""),
        (["find", "nobody-ran-here", "--bib", "1"], 1, "No album has this name"),
        (["find", "spring-10k", "--bib", "1", "--from", "yesterday"], 1, "taken_from"),
        (["status", "nobody-ran-here"], 1, "nobody-ran-here"),
        (["show", "spring-10k", "none.jpg"], 1, "none.jpg"),
        (["drop", "/does/not/exist", "--album", "a"], 1, "does not exist"),
        (["drop", ".", "--album", "a/b"], 1, "cannot be an album"),
        (["reconcile", "--again"], 2, "needs --album"),
        (["status", "a", "--state", "/tmp/nothing-runs-here"], 4, "photofinish up"),
    ],
)
def test_exit_codes_mean_something(
    cloud: LocalCloud, album: SampleAlbum, arguments: list[str], exit_code: int, sentence: str
) -> None:
    result = cloud.command(*arguments, check=False)
    assert result.returncode == exit_code, result.stderr
    assert sentence in " ".join((result.stdout + result.stderr).split())


def test_rejected_photos_can_be_redriven(cloud: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("not a picture")
    cloud.json("drop", str(tmp_path), "--album", "redriven", "--wait")
    assert cloud.json("status", "redriven")["counts"] == {"rejected": 1}
    assert cloud.json("redrive", "redriven")["queued"] == 0
    assert cloud.json("redrive", "redriven", "--rejected")["queued"] == 1


def test_reconcile_finds_what_no_event_told(cloud: LocalCloud, album: SampleAlbum) -> None:
    assert cloud.json("reconcile", "--album", "spring-10k") == {"seen": 4, "queued": 0}
    document = cloud.firestore.collection("albums").document("spring-10k").collection("photos")
    lost = next(iter(document.limit(1).stream()))
    lost.reference.delete()
    assert cloud.json("reconcile", "--album", "spring-10k") == {"seen": 4, "queued": 1}


def test_migrate_has_nothing_left_to_do(cloud: LocalCloud) -> None:
    assert cloud.json("migrate") == {"applied": [], "unsearchable": {}}


def test_what_an_earlier_version_indexed_is_found_after_reconcile_again(
    cloud: LocalCloud,
    sample_album: SampleAlbum,
) -> None:
    photo = cloud.upload("upgraded/1.jpg", sample_album.photos[0].path.read_bytes())
    (document,) = cloud.final_documents([photo])
    cloud.sql("UPDATE photo SET width = NULL WHERE name = %s RETURNING width", photo.name)
    assert cloud.json("migrate")["unsearchable"] == {"upgraded": 1}
    assert cloud.json("reconcile", "--album", "upgraded", "--again") == {"seen": 1, "queued": 1}
    (again,) = cloud.final_documents([photo])
    assert again["done_at"] > document["done_at"]
    assert again["bib_numbers"] == document["bib_numbers"] != []
    assert cloud.json("migrate")["unsearchable"] == {}


def test_env_is_what_a_shell_can_eval(cloud: LocalCloud) -> None:
    exported = cloud.command("env").stdout
    shell = subprocess.run(
        ["sh", "-c", f'{exported}\n{sys.executable} -c "import json, os; print(json.dumps(dict(os.environ)))"'],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    seen = json.loads(shell.stdout)
    assert {name: seen[name] for name in cloud.environment} == cloud.environment


def test_a_second_local_cloud_on_the_same_state_is_refused(cloud: LocalCloud) -> None:
    result = cloud.command("up", check=False)
    assert result.returncode == 3
    assert "in use" in result.stderr


def test_the_demo_finds_somebody_by_bib_and_by_selfie(cloud: LocalCloud, tmp_path: Path) -> None:
    shown = cloud.command("demo", "--count", "3", "--out", str(tmp_path)).stdout
    by_bib, by_selfie = shown.split("Who wears")[1].split("Who is this?")
    assert "sample-race/IMG_" in by_bib
    assert "sample-race/IMG_" in by_selfie.split("Where to look next")[0]
    assert (tmp_path / "contact-sheet.jpg").stat().st_size > 10_000


def test_the_demo_takes_ones_own_photos(cloud: LocalCloud, sample_album: SampleAlbum, tmp_path: Path) -> None:
    own = tmp_path / "My race"
    own.mkdir()
    for photo in sample_album.photos[:2]:
        (own / photo.path.name).write_bytes(photo.path.read_bytes())
    shown = cloud.command("demo", "--photos", str(own), "--out", str(tmp_path / "out")).stdout
    assert shown.count("My race/IMG_") >= 4, shown


def test_logs_tell_what_a_task_did(cloud: LocalCloud, album: SampleAlbum) -> None:
    trace_id = cloud.json("trace", "spring-10k", album.photos[0].path.name)["trace_id"]
    listed = cloud.json("logs")
    assert {"pubsub", "firestore", "api"} <= listed["pieces"].keys()
    executions = {task["execution"] for task in listed["tasks"]}
    assert any(trace_id in cloud.command("logs", execution).stdout for execution in executions)
    assert "available: " in cloud.command("logs", "nonsense", check=False).stderr
