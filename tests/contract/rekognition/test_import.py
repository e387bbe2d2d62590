"""`photofinish import-rekognition`, with our own server as the customer's Amazon Rekognition."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import cv2
import pytest

from photofinish.domain.access import Scope
from photofinish.domain.geometry import Box
from photofinish.errors import PhotofinishError
from photofinish_cli.rekognition_import.importing import OldFace, match_boxes
from photofinish_cli.rekognition_import.pictures import PictureFinder
from support.http_server import POLL_S, HttpServer
from support.pictures import astronaut, encode, group, noise
from support.rekognition import RekognitionServer, collection_name, other_astronaut_jpeg

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

PICTURES = {
    "cam1/ada at the start.jpg": encode(astronaut()),
    "cam1/group.png": encode(group(), "PNG"),
    "cam2/ada-again.jpg": other_astronaut_jpeg(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The customer's pictures in a folder."""
    for name, content in PICTURES.items():
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / name).write_bytes(content)
    return tmp_path / "pictures"


@pytest.fixture
def old(server: RekognitionServer, client: RekognitionClient) -> str:
    """A typical collection: ids of different styles, users, and faces whose pictures are lost."""
    name = collection_name()
    client.create_collection(CollectionId=name)
    ada = client.index_faces(
        CollectionId=name,
        Image={"Bytes": PICTURES["cam1/ada at the start.jpg"]},
        ExternalImageId="cam1:ada_at_the_start.jpg",
    )
    # Only the two largest of six: the others must not be imported.
    client.index_faces(
        CollectionId=name, Image={"Bytes": PICTURES["cam1/group.png"]}, ExternalImageId="group", MaxFaces=2
    )
    again = client.index_faces(
        CollectionId=name, Image={"Bytes": PICTURES["cam2/ada-again.jpg"]}, ExternalImageId="ada-again.jpg"
    )
    client.create_user(CollectionId=name, UserId="ada")
    client.create_user(CollectionId=name, UserId="without-faces")
    client.associate_faces(
        CollectionId=name,
        UserId="ada",
        FaceIds=[one["FaceRecords"][0]["Face"]["FaceId"] for one in (ada, again)],
    )
    return name


def run(server: RekognitionServer, cwd: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command, with our server as the source and as the deployment: it differs by the album."""
    theirs, ours = server.credentials(Scope.SEARCH), server.credentials(Scope.WRITE)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PHOTOFINISH_"))}
    return subprocess.run(
        [sys.executable, "-m", "photofinish_cli", "import-rekognition", "--endpoint-url", server.url, *options],
        env=clean
        | {
            "AWS_ACCESS_KEY_ID": theirs.access_key_id,
            "AWS_SECRET_ACCESS_KEY": theirs.secret_access_key,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "PHOTOFINISH_REKOGNITION_URL": server.url,
            "PHOTOFINISH_AWS_ACCESS_KEY_ID": ours.access_key_id,
            "PHOTOFINISH_AWS_SECRET_ACCESS_KEY": ours.secret_access_key,
        }
        | env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def faces_of(client: RekognitionClient, collection: str) -> dict[str, Any]:
    return {face["FaceId"]: face for face in client.list_faces(CollectionId=collection)["Faces"]}


def mapping(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_collection_is_moved_with_its_users(
    server: RekognitionServer, client: RekognitionClient, old: str, folder: Path, tmp_path: Path
) -> None:
    album = f"{old}-moved"
    done = run(server, tmp_path, "-c", old, "--album", album, "--pictures", str(folder))
    assert done.returncode == 0, done.stderr
    before, after = faces_of(client, old), faces_of(client, album)
    rows = mapping(tmp_path / f"{album}-faces.csv")
    assert sorted(row["old_face_id"] for row in rows) == sorted(before)
    assert sorted(row["new_face_id"] for row in rows) == sorted(after), "only faces of the old collection stay"
    for row in rows:
        one, other = before[row["old_face_id"]], after[row["new_face_id"]]
        assert one["ExternalImageId"] == other["ExternalImageId"] == row["external_image_id"]
        assert one["BoundingBox"]["Left"] == pytest.approx(other["BoundingBox"]["Left"], abs=0.02)
        assert one.get("UserId") == other.get("UserId")
        assert row["outcome"] == "matched"
    users = client.list_users(CollectionId=album)["Users"]
    assert users == [{"UserId": "ada", "UserStatus": "ACTIVE"}, {"UserId": "without-faces", "UserStatus": "CREATED"}]


def test_a_dry_run_reports_and_changes_nothing(
    server: RekognitionServer, client: RekognitionClient, old: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "cam1/group.png").unlink()
    album = f"{old}-dry"
    done = run(server, tmp_path, "-c", old, "-a", album, "--pictures", str(folder), "--dry-run", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["faces"], report["faces_with_picture"], report["outcomes"]) == (4, 2, {"no_picture": 2})
    assert not (tmp_path / f"{album}-faces.csv").exists()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_collection(CollectionId=album)


def test_missing_pictures_are_reported_and_a_second_run_continues(
    server: RekognitionServer, client: RekognitionClient, old: str, folder: Path, tmp_path: Path
) -> None:
    client.index_faces(CollectionId=old, Image={"Bytes": encode(astronaut(), quality=50)})
    lost = folder / "cam2/ada-again.jpg"
    content = lost.read_bytes()
    lost.write_bytes(b"no picture any more")
    (folder / "cam2" / "group.png").write_bytes(PICTURES["cam1/group.png"])  # now "group" is ambiguous
    options = ("-c", old, "-a", f"{old}-later", "--pictures", str(folder), "--mapping", "map.csv", "--json")
    first = run(server, tmp_path, *options)
    assert first.returncode == 1
    assert json.loads(first.stdout)["outcomes"] == {
        "matched": 1,
        "several_pictures": 2,
        "unreadable_picture": 1,
        "no_external_image_id": 1,
    }
    lost.write_bytes(content)
    (folder / "cam2" / "group.png").unlink()
    with (tmp_path / "map.csv").open("a") as file:
        file.write("cut-off-by-a-kill,")
    second = run(server, tmp_path, *options)
    assert second.returncode == 1
    assert json.loads(second.stdout)["outcomes"] == {"matched": 4, "no_external_image_id": 1}
    assert len(mapping(tmp_path / "map.csv")) == 5
    # The finished picture is not sent again.
    indexed = [entry for entry in server.access.audit_entries(album=f"{old}-later") if "IndexFaces" in entry.action]
    assert len(indexed) == 3


def test_a_face_that_is_no_longer_found_is_reported(
    server: RekognitionServer, old: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "cam2/ada-again.jpg").write_bytes(encode(noise(400, 400)))
    done = run(server, tmp_path, "-c", old, "-a", f"{old}-gone", "--pictures", str(folder))
    assert done.returncode == 1
    assert "3 of 4 faces found again" in done.stdout
    assert "1 face: no face was found in the picture where they were" in done.stderr


def test_pictures_beyond_the_limits_are_reduced(
    server: RekognitionServer, client: RekognitionClient, tmp_path: Path
) -> None:
    name = collection_name()
    client.create_collection(CollectionId=name)
    small = encode(astronaut())
    client.index_faces(CollectionId=name, Image={"Bytes": small}, ExternalImageId="large")
    large = cv2.resize(astronaut(), (2600, 2600), interpolation=cv2.INTER_CUBIC).astype("uint8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "large.tif").write_bytes(encode(large, "TIFF"))
    done = run(server, tmp_path, "-c", name, "-a", f"{name}-moved", "--pictures", "in")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("external_image_id", "meant"),
    [
        ("IMG_1.jpg", "day1/IMG_1.jpg"),
        ("day1:IMG_1.jpg", "day1/IMG_1.jpg"),
        ("day1_IMG_1", "day1/IMG_1.jpg"),
        ("day2-L-ufer-7.JPG", "day2/Läufer 7.JPG"),
        ("L_ufer_7", "day2/Läufer 7.JPG"),
        ("IMG_2.jpg", None),
        ("day2:IMG_2.jpg", "day2/IMG_2.jpg"),
        ("img_1.jpg", None),
        ("IMG", None),
    ],
)
def test_external_image_ids_of_any_style_find_their_picture(external_image_id: str, meant: str | None) -> None:
    finder = PictureFinder(["day1/IMG_1.jpg", "day2/Läufer 7.JPG", "day1/IMG_2.jpg", "day2/IMG_2.jpg"])
    if meant is not None:
        assert finder.find(external_image_id) == meant
    else:
        with pytest.raises(PhotofinishError):
            finder.find(external_image_id)


def test_faces_are_matched_one_to_one_within_an_image_best_first() -> None:
    left, between, right = Box(0.1, 0.1, 0.2, 0.2), Box(0.16, 0.1, 0.2, 0.2), Box(0.7, 0.1, 0.2, 0.2)
    old = [
        OldFace("a", "first", left, None),
        OldFace("b", "first", between, None),
        OldFace("c", "first", right, None),
        OldFace("d", "again", left, None),
    ]
    assert {one: new for one, (new, _) in match_boxes(old, {"new": left}).items()} == {"a": "new", "d": "new"}
    both = match_boxes(old, {"x": left, "y": between, "z": Box(0.7, 0.5, 0.2, 0.2)})
    assert {one: new for one, (new, _) in both.items()} == {"a": "x", "b": "y", "d": "x"}


@pytest.fixture
def s3() -> Iterator[str]:
    """Serves the two S3 requests that the command makes, with two keys a page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            bucket, _, key = unquote(url.path).lstrip("/").partition("/")
            if bucket != "customer-photos":
                self.answer(404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>")
            elif "list-type" in query:
                keys = sorted(f"2025/{name}" for name in PICTURES)
                keys = [one for one in keys if one > query.get("continuation-token", "")]
                items = "".join(f"<Contents><Key>{escape(one)}</Key></Contents>" for one in keys[:2])
                more = f"<NextContinuationToken>{escape(keys[1])}</NextContinuationToken>" if keys[2:] else ""
                listing = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{items}"
                self.answer(200, f"<ListBucketResult>{listing}</ListBucketResult>".encode())
            else:
                self.answer(200, PICTURES[key.removeprefix("2025/")])

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with HttpServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_pictures_come_from_a_bucket(server: RekognitionServer, old: str, s3: str, tmp_path: Path) -> None:
    options = ("-c", old, "-a", f"{old}-s3", "--bucket", "s3://customer-photos/2025", "--json")
    done = run(server, tmp_path, *options, AWS_ENDPOINT_URL_S3=s3)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"] == {"matched": 4}
    missing = run(server, tmp_path, "-c", old, "--bucket", "s3://another-owners", AWS_ENDPOINT_URL_S3=s3)
    assert missing.returncode == 1
    assert "NoSuchBucket" in missing.stderr


@pytest.mark.parametrize(
    ("options", "env", "code", "sentence"),
    [
        (("--collection", "x"), {}, 2, "give either --pictures or --bucket"),
        (("--collection", "no-such-collection", "--pictures", "."), {}, 1, "no-such-collection does not exist"),
        (("--collection", "x", "--bucket", "http://x"), {}, 1, "write s3://bucket"),
        (("--collection", "x", "--pictures", "."), {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}, 3, "your Amazon Rekognition"),
        (("--collection", "x", "--pictures", ".", "--profile", "none"), {}, 3, "none"),
        (("--collection", "x", "--pictures", ".", "--endpoint-url", "http://127.0.0.1:9"), {}, 4, "does not answer"),
        (("--collection", "a/b", "--pictures", "."), {}, 1, "cannot be an album"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    server: RekognitionServer, tmp_path: Path, options: tuple[str, ...], env: dict[str, str], code: int, sentence: str
) -> None:
    done = run(server, tmp_path, *options, **env)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_refusing_deployment_is_reported(server: RekognitionServer, old: str, folder: Path, tmp_path: Path) -> None:
    options = ("-c", old, "-a", f"{old}-refused", "--pictures", str(folder))
    done = run(server, tmp_path, *options, PHOTOFINISH_AWS_SECRET_ACCESS_KEY="x" * 43)
    assert done.returncode == 3
    assert "the deployment says InvalidSignatureException" in done.stderr


def test_without_boto3_the_message_says_what_to_install(tmp_path: Path) -> None:
    # A finder that does not find boto3, as in an environment without it.
    code = (
        "import importlib.util, sys\n"
        "known = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'boto3' else known(name, package)\n"
        "sys.modules['boto3'] = None\n"
        "from photofinish_cli.main import app\n"
        "app()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "import-rekognition", "-c", "x", "--pictures", "."],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert (
        done.stderr.strip() == "error: this command needs boto3: run `pip install -e '.[rekognition]'` in the checkout"
    )
