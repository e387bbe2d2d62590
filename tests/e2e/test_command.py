"""The `photofinish` command as people and scripts use it, against a running local cloud."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import psycopg
import pytest
import requests
from google.cloud import pubsub_v1

from e2e.conftest import ALL_FINAL_TIMEOUT_S, LocalCloud, wait_for
from photofinish_cli.sample_album import SampleAlbum

pytestmark = pytest.mark.timeout(240)

# Without what a suite in the background of a shell inherits: to ignore the signal.
FOLLOW = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from photofinish_cli.main import run
run()
"""


@pytest.fixture(scope="module")
def album(cloud: LocalCloud, sample_album: SampleAlbum) -> SampleAlbum:
    """Dropped with the command, in two runs, of which the second finds everything there."""
    photos = [str(photo.path) for photo in sample_album.photos[:4]]
    first = cloud.json("drop", *photos, "--album", "spring-10k", "--wait")
    assert (len(first["sent"]), first["unchanged"], first["failed"]) == (4, 0, [])
    again = cloud.json("drop", *photos, "--album", "spring-10k", "--wait")
    assert (len(again["sent"]), again["unchanged"]) == (0, 4)
    batches = cloud.sql("SELECT state FROM upload_batch JOIN album USING (album_id) WHERE album.name = 'spring-10k'")
    assert batches == [("completed",)], "they were sent as one batch of the API"
    return sample_album


def test_status_counts_and_measures(cloud: LocalCloud, album: SampleAlbum) -> None:
    seen = cloud.json("status", "spring-10k")
    assert seen["counts"] == {"done": 4}
    assert 0 < seen["latency_s"]["p50"] <= seen["latency_s"]["p95"]
    assert seen["photos_per_s"] > 0
    assert seen["problems"] == []
    assert seen["policy"]["redact"] == "none"
    assert "4" in cloud.command("status", "spring-10k", "--watch").stdout


def test_show_tells_what_was_found(cloud: LocalCloud, album: SampleAlbum) -> None:
    name = album.photos[0].path.name
    fields = cloud.json("show", "spring-10k", name)
    assert fields["object"]["name"] == f"spring-10k/{name}"
    shown = cloud.command("show", "spring-10k", name).stdout
    assert all(number in shown for number in fields["bib_numbers"])
    by_id = cloud.json("show", "spring-10k", fields["sidecar"].split("/")[2])
    assert by_id == fields


def test_albums_and_photos_are_listed(cloud: LocalCloud, album: SampleAlbum, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    cloud.command("drop", str(tmp_path), "--album", "only-rejected", "--wait", check=False)
    listed = {one["album"]: one for one in cloud.json("albums")["albums"]}
    assert listed["spring-10k"]["photos_by_status"] == {"done": 4}
    assert listed["only-rejected"]["photos_by_status"] == {"rejected": 1}
    assert all(one["last_upload_at"] for one in listed.values())
    assert "only-rejected\t0\t0\t0\t1\t0\t" in cloud.command("albums").stdout

    photos = cloud.json("photos", "spring-10k")["photos"]
    assert [one["photo"]["name"] for one in photos] == [f"spring-10k/{p.path.name}" for p in album.photos[:4]]
    one = next(photo for photo in photos if photo["bibs"])
    of_number = cloud.json("photos", "spring-10k", "--bib", one["bibs"][0]["number"])["photos"]
    assert one["photo"]["name"] in [photo["photo"]["name"] for photo in of_number]
    day = one["image"]["taken_at"][:10]
    assert len(cloud.json("photos", "spring-10k", "--from", day, "--to", day)["photos"]) == 4
    header, row = cloud.command("photos", "only-rejected").stdout.splitlines()
    assert header.startswith("photo\tstatus\t")
    assert row.startswith("notes.jpg\trejected\t")
    assert "\tnot_a_picture\tThe file is not a picture" in row
    assert "--limit" in cloud.command("photos", "spring-10k", "--limit", "3").stderr


def test_export_writes_the_originals_of_a_runner(cloud: LocalCloud, album: SampleAlbum, tmp_path: Path) -> None:
    originals = {photo.path.name: photo.path.read_bytes() for photo in album.photos[:4]}
    number = cloud.json("show", "spring-10k", album.photos[0].path.name)["bib_numbers"][0]
    cloud.command("export", "spring-10k", "--bib", number, "--zip", str(tmp_path / "runner.zip"))
    with zipfile.ZipFile(tmp_path / "runner.zip") as archive:
        names = archive.namelist()
        assert album.photos[0].path.name in names
        assert all(archive.read(name) == originals[name] for name in names)
    again = cloud.command("export", "spring-10k", "--bib", number, "--zip", str(tmp_path / "runner.zip"), check=False)
    assert (again.returncode, "--force" in again.stderr) == (1, True)

    person = next(one for one in album.people if one.bib_number == number)
    folder = tmp_path / "runner"
    arguments = ("export", "spring-10k", "--selfie", str(person.selfie), "--folder", str(folder))
    written = cloud.json(*arguments)["written"]
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        one["path"]: originals[one["path"]] for one in written
    }
    assert len(cloud.json(*arguments)["already_there"]) == len(written) > 0


def test_show_draws_what_was_found(cloud: LocalCloud, album: SampleAlbum, tmp_path: Path) -> None:
    name = album.photos[0].path.name
    drawn = tmp_path / "found.png"
    cloud.command("show", "spring-10k", name, "--save", str(drawn))
    fields = cloud.json("show", "spring-10k", name)
    plain = cv2.imdecode(
        np.frombuffer(cloud.derived_bucket.blob(fields["renditions"]["preview"]).download_as_bytes(), np.uint8),
        cv2.IMREAD_COLOR,
    )
    changed = (cv2.imread(str(drawn)) != plain).any(axis=2)
    height, width = changed.shape
    for found in [*fields["faces"], *fields["bibs"]]:
        box = found["box"]
        x, y = round(box["x"] * width), round((box["y"] + box["h"] / 2) * height)
        assert changed[y, max(x - 4, 0) : x + 5].any(), f"{found} has a line at its left edge"

    viewer = tmp_path / "xdg-open"
    viewer.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/opened.jpg\n')
    viewer.chmod(0o700)
    cloud.command(
        "show", "spring-10k", name, "--open", env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "DISPLAY": ":0"}
    )
    wait_for((tmp_path / "opened.jpg").exists, "the viewer to get the picture")


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
        (["find", "no-such-album", "--bib", "1"], 1, "No album has this name"),
        (["find", "spring-10k", "--bib", "1", "--from", "10am"], 2, "'--from'"),
        (["find", "spring-10k", "--bib", "99999", "--from", "yesterday"], 1, "no photos found"),
        (["export", "spring-10k", "--zip", "a.zip"], 2, "--bib, --person or --selfie"),
        (["export", "spring-10k", "--bib", "1"], 2, "--zip FILE or --folder DIR"),
        (["export", "spring-10k", "--bib", "99999", "--zip", "/tmp/none.zip"], 1, "no photos found"),
        (["photos", "spring-10k", "--to", "2026-05-01T10:00Z"], 2, "'--to'"),
        (["photos", "no-such-album"], 1, "No album has this name"),
        (["photos", "spring-10k", "--status", "failed"], 1, "no photos with these options"),
        (["status", "no-such-album"], 1, "no-such-album"),
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
    dropped = cloud.command("drop", str(tmp_path), "--album", "redriven", "--wait", check=False)
    assert (dropped.returncode, "1 sent" in dropped.stdout) == (1, True)
    assert "notes.jpg was rejected" in dropped.stderr
    assert cloud.json("status", "redriven")["counts"] == {"rejected": 1}
    assert cloud.json("redrive", "redriven")["queued"] == 0
    assert cloud.json("redrive", "redriven", "--rejected")["queued"] == 1


def test_one_album_in_two_spellings_and_no_photos_of_folders(
    cloud: LocalCloud, sample_album: SampleAlbum, tmp_path: Path
) -> None:
    card = tmp_path / "card"
    card.mkdir()
    for name in ("IMG_1.jpg", "Thumbs.db"):
        (card / name).write_bytes(
            sample_album.photos[0].path.read_bytes() if name == "IMG_1.jpg" else b"\xd0\xcf\x11\xe0"
        )
    told = cloud.json("drop", str(card), "--album", "Zu\u0308rich", "--wait")
    assert (len(told["sent"]), len(told["skipped"]), told["results"]["counts"]) == (1, 1, {"done": 1})
    for folder in ("Z\u00fcrich/", "Zu\u0308rich/cam1/"):
        cloud.upload(folder, b"", content_type="text/plain")
    by_other_program = cloud.upload("Zu\u0308rich/IMG_2.jpg", sample_album.photos[1].path.read_bytes())
    cloud.final_documents([by_other_program])
    for album in ("Z\u00fcrich", "Zu\u0308rich"):
        assert cloud.json("status", album)["counts"] == {"done": 2}
        assert cloud.json("show", album, "IMG_2.jpg")["object"]["name"] == by_other_program.name
        assert cloud.json("reconcile", "--album", album) == {"seen": 2, "queued": 0}


def test_a_second_card_is_kept_beside_the_first_and_a_refused_file_is_told(
    cloud: LocalCloud, sample_album: SampleAlbum, tmp_path: Path
) -> None:
    for number, photo in enumerate(sample_album.photos[:2], start=1):
        card = tmp_path / f"card{number}"
        card.mkdir()
        (card / "IMG_1.jpg").write_bytes(photo.path.read_bytes())
    (tmp_path / "card2" / f"{'p' * 251}.jpg").write_bytes(b"")
    os.link(tmp_path / "card1" / "IMG_1.jpg", os.fsencode(tmp_path / "card2") + b"/caf\xe9.jpg")
    assert cloud.json("drop", str(tmp_path / "card1"), "--album", "cards", "--wait")["failed"] == []
    result = cloud.command("drop", str(tmp_path / "card2"), "--album", "cards", "--wait", "--json", check=False)
    assert result.returncode == 4
    told = json.loads(result.stdout)
    assert [(Path(one["file"]).name, "IMG_1~" in one["name"]) for one in told["kept_beside"]] == [("IMG_1.jpg", True)]
    assert len(told["failed"]) == 2
    numbers = cloud.json("show", "cards", "IMG_1.jpg")["bib_numbers"]
    assert {runner.bib_number for runner in sample_album.photos[0].runners} & set(numbers)


def test_a_path_that_functions_framework_does_not_know_is_answered_as_json(cloud: LocalCloud) -> None:
    answer = requests.get(f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/two%0Alines", timeout=30)
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["Connection"] == "keep-alive", (
        "a browser connects itself once, not for each of a page's files"
    )


def test_reconcile_finds_what_no_event_told(cloud: LocalCloud, album: SampleAlbum) -> None:
    assert cloud.json("reconcile", "--album", "spring-10k") == {"seen": 4, "queued": 0}
    document = cloud.firestore.collection("albums").document("spring-10k").collection("photos")
    lost = next(iter(document.limit(1).stream()))
    lost.reference.delete()
    assert cloud.json("reconcile", "--album", "spring-10k") == {"seen": 4, "queued": 1}


def test_audit_verify_names_what_the_owner_of_the_database_changed(cloud: LocalCloud) -> None:
    cloud.command("policy", "audited", "--indexing", "everyone")
    [(entry_id,)] = cloud.sql("SELECT max(entry_id) FROM audit_entry WHERE album = 'audited'")
    publisher = pubsub_v1.PublisherClient()
    topic = publisher.topic_path(cloud.environment["GOOGLE_CLOUD_PROJECT"], "photo-retention")
    publisher.publish(topic, b"{}").result(timeout=60)  # as the hourly schedule does

    def anchored() -> bool:
        files = (cloud.state_dir / "storage" / cloud.environment["PHOTOFINISH_AUDIT_BUCKET"]).glob("anchors/*.jsonl")
        return any(f"[{entry_id}, " in file.read_text() for file in files)

    wait_for(anchored, "the anchor of the entry", ALL_FINAL_TIMEOUT_S)
    assert cloud.json("audit", "verify")["problems"] == []
    change = "UPDATE audit_entry SET outcome = %s WHERE entry_id = %s RETURNING 1"
    [(outcome,)] = cloud.sql("SELECT outcome FROM audit_entry WHERE entry_id = %s", entry_id)
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        cloud.sql(change, "404", entry_id)
    with psycopg.connect(cloud.environment["DATABASE_URL"], autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")  # no triggers
        owner.execute(change, ("404", entry_id))
        found = cloud.command("audit", "verify", check=False)
        owner.execute(change, (outcome, entry_id))
    assert found.returncode == 1
    assert "the audit is not as it was written: 1 problem; " in found.stdout
    assert f"{entry_id}\twas changed after it was anchored" in found.stdout
    assert "the audit is as it was written: " in cloud.command("audit", "verify").stdout


def test_migrate_has_nothing_left_to_do(cloud: LocalCloud) -> None:
    assert cloud.json("migrate") == {"applied": [], "granted": [], "unsearchable": {}, "warnings": []}


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


def test_a_second_up_shows_the_local_cloud_that_runs(cloud: LocalCloud) -> None:
    pids = cloud.pids()
    result = cloud.command("up")
    assert "runs already" in result.stderr
    assert cloud.environment["FIRESTORE_EMULATOR_HOST"] in result.stdout
    assert cloud.pids() == pids


def test_the_demo_finds_a_runner_by_bib_and_by_selfie(cloud: LocalCloud, tmp_path: Path) -> None:
    shown = cloud.command("demo", "--count", "6", "--out", str(tmp_path)).stdout
    by_bib, by_selfie = shown.split("Who wears")[1].split("Who is this?")
    assert "a video of 0:08 with 2 scenes" in shown
    found = " ".join(by_selfie.split("Where to look next")[0].split())
    assert re.search(r"sample-race/finish\.mp4 .* at 0:0[0-7] of 0:08", found), "a runner of the film, with the time"
    assert "sample-race/IMG_" in by_bib
    assert "sample-race/IMG_" in by_selfie.split("Where to look next")[0]
    assert (tmp_path / "contact-sheet.jpg").stat().st_size > 10_000
    url = shown.split()[-1]
    assert url.startswith("http://127.0.0.1:"), "the runner's page of the album"
    assert "/s/" in url


def test_the_demo_takes_ones_own_photos(cloud: LocalCloud, sample_album: SampleAlbum, tmp_path: Path) -> None:
    own = tmp_path / "My race"
    own.mkdir()
    for photo in sample_album.photos[:2]:
        (own / photo.path.name).write_bytes(photo.path.read_bytes())
    shown = cloud.command("demo", "--photos", str(own), "--out", str(tmp_path / "out")).stdout
    assert shown.count("My race/IMG_") >= 4, shown


def test_logs_tell_what_a_task_did(cloud: LocalCloud, album: SampleAlbum) -> None:
    trace_id = cloud.json("trace", "spring-10k", album.photos[0].path.name)["trace_id"]
    lines = cloud.command("logs", "--trace", trace_id[:12], "--json").stdout.splitlines()
    said = [(entry["service"], entry["message"]) for entry in map(json.loads, lines)]
    assert said == [("on-object-finalized", "queued"), ("analyze", "committed")]
    assert f"trace_id={trace_id}" in cloud.command("logs", "--service", "analyze", "--since", "1h").stdout
    assert {"pubsub", "firestore", "api"} <= {log["service"] for log in cloud.json("logs", "--files")}
    assert "available: " in cloud.command("logs", "nonsense", check=False).stderr


def test_events_are_told_and_followed(cloud: LocalCloud, album: SampleAlbum) -> None:
    arguments = ("events", "spring-10k", "--type", "photo.done")
    wait_for(lambda: len(cloud.command(*arguments, "--json").stdout.splitlines()) >= 4, "the events of four photos")
    assert album.photos[0].path.name in cloud.command(*arguments).stdout
    assert cloud.command("events", "spring-10k", "--bib", "none-has-it").stdout == ""
    follower = subprocess.Popen(
        [
            sys.executable,
            "-c",
            FOLLOW,
            "events",
            "spring-10k",
            "-n",
            "0",
            "--type",
            "album.opened",
            "--follow",
            "--json",
        ],
        env=os.environ | {"PHOTOFINISH_STATE_DIR": str(cloud.state_dir)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None

    def opened_again() -> bool:
        for users_may_search in (False, True):
            access = {"users_may_search": users_may_search, "users_may_browse": False, "anonymous_users": False}
            path = f"{cloud.environment['PHOTOFINISH_API_URL']}/v1/albums/spring-10k/access"
            key = {"X-Api-Key": cloud.environment["PHOTOFINISH_API_KEY"]}
            requests.put(path, json=access, headers=key, timeout=30).raise_for_status()
        return bool(select.select([follower.stdout], [], [], 1)[0])

    wait_for(opened_again, "the follower, which begins at a moment that only it knows")
    opened = json.loads(follower.stdout.readline())
    assert opened["type"] == "photofinish.album.opened"
    follower.send_signal(signal.SIGINT)
    follower.communicate()
    assert follower.returncode == 130


def test_preflight_checks_the_local_cloud(cloud: LocalCloud) -> None:
    answer = cloud.json("preflight")
    assert answer["result"] == "ready"
    found = {finding["check"]: finding for finding in answer["findings"]}
    assert set(found) == {"servers and functions", "bucket photos", "bucket derived", "bucket enrolments", "pgvector"}
    assert "ready (5 checks)" in cloud.command("preflight").stdout
