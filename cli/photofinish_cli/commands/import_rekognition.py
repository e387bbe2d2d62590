"""`photofinish import-rekognition`: move a collection from Amazon Rekognition here."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish_cli.arguments import album_of
from photofinish_cli.deployment import Json, StateDir, use_deployment
from photofinish_cli.output import ExitCode, counted, print_error, print_json, printable, reported_errors, say
from photofinish_cli.progress import progress_bar
from photofinish_cli.rekognition_import.aws import check_boto3, source_client, target_client
from photofinish_cli.rekognition_import.importing import (
    OldCollection,
    index_pictures,
    locate,
    read_collection,
    restore_users,
)
from photofinish_cli.rekognition_import.mapping import MappedFace, Mapping, Outcome
from photofinish_cli.rekognition_import.pictures import BucketPictures, FolderPictures, PictureFinder, Pictures


def import_rekognition(
    collection: Annotated[str, typer.Option("--collection", "-c", help="Collection of your Amazon Rekognition.")],
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", help="Folder with the pictures it was made from.", exists=True, file_okay=False),
    ] = None,
    bucket: Annotated[
        str | None, typer.Option("--bucket", help="The same in Amazon S3: s3://bucket or s3://bucket/prefix.")
    ] = None,
    album: Annotated[
        str | None, typer.Option("--album", "-a", help="Album to import into.", show_default="the collection's name")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="CSV file of old and new face ids.", show_default="ALBUM-faces.csv"),
    ] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="Profile of your AWS configuration.")] = None,
    region: Annotated[str | None, typer.Option("--region", help="AWS region of the collection.")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option("--endpoint-url", help="Another server that speaks Amazon Rekognition's protocol.")
    ] = None,
    parallel: Annotated[int, typer.Option(help="Pictures at a time.", min=1, max=32)] = 4,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be found; send nothing.")] = False,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Index the pictures of an Amazon Rekognition collection here, and tell which face has which id now.

    Amazon gives no face vectors out, so the pictures are needed: each is found by the ExternalImageId of its faces (its
    file name, with or without the ending). Faces that the collection does not have are not kept; its users are made
    here, with their faces. A run that was interrupted goes on where it ended when it is started again.

    Reads your collection with your own AWS credentials, and writes here with PHOTOFINISH_REKOGNITION_URL,
    PHOTOFINISH_AWS_ACCESS_KEY_ID and PHOTOFINISH_AWS_SECRET_ACCESS_KEY (see `photofinish keys create --aws`).

    Examples:

      photofinish import-rekognition --collection runners --pictures ./photos --dry-run

      photofinish import-rekognition -c runners --bucket s3://my-photos/2025 --album spring-10k --region eu-west-1
    """
    if (pictures is None) == (bucket is None):
        print_error("give either --pictures or --bucket")
        raise typer.Exit(ExitCode.USAGE)
    with reported_errors(on_interrupt="What was indexed is kept; the same command goes on from there."):
        check_boto3()
        album = album_of(album or collection)
        mapping_file = mapping or Path(f"{album}-faces.csv")
        found_in: Pictures = (
            BucketPictures.at(bucket, profile=profile, region=region)
            if bucket is not None
            else FolderPictures(pictures or Path())
        )
        old = read_collection(source_client(profile=profile, region=region, endpoint_url=endpoint_url), collection)
        located = locate(old, PictureFinder(found_in.names()))
        faces: Sequence[MappedFace] = located.missing
        users: dict[str, int] = {}
        if not dry_run:
            if state is not None or "PHOTOFINISH_REKOGNITION_URL" not in os.environ:
                use_deployment(state)
            target, written = target_client(), Mapping(mapping_file)
            written.add(located.missing)
            with progress_bar("indexing", len(located.found), plain=json) as bar:
                index_pictures(target, album, located.found, found_in, written, parallel=parallel, on_done=bar.advance)
            faces = written.finish(old.face_ids)
            users = restore_users(target, album, old, faces)
        found = sum(len(picture.faces) for picture, _ in located.found)
        if json:
            print_json(_document(album, old, faces, users, found=found, dry_run=dry_run))
        else:
            _print_summary(album, old, faces, users, mapping_file, found=found, dry_run=dry_run)
    if any(face.outcome is not Outcome.MATCHED for face in faces):
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _document(
    album: str, old: OldCollection, faces: Sequence[MappedFace], users: dict[str, int], *, found: int, dry_run: bool
) -> dict[str, Any]:
    return {
        "album": album,
        "dry_run": dry_run,
        "faces": len(old.face_ids),
        "faces_with_picture": found,
        "outcomes": dict(Counter(face.outcome.value for face in faces)),
        "users": users if not dry_run else dict.fromkeys(old.users, 0),
        "mapping": [asdict(face) for face in faces],
    }


def _print_summary(
    album: str,
    old: OldCollection,
    faces: Sequence[MappedFace],
    users: dict[str, int],
    mapping_file: Path,
    *,
    found: int,
    dry_run: bool,
) -> None:
    total = counted(len(old.face_ids), "face")
    wrong = Counter(face.outcome for face in faces if face.outcome is not Outcome.MATCHED)
    if dry_run:
        say(f"{printable(album)}: {total}, of {found} the picture is there; {counted(len(old.users), 'user')}")
    else:
        matched = sum(face.outcome is Outcome.MATCHED for face in faces)
        say(f"{printable(album)}: {matched} of {total} found again, {counted(len(users), 'user')}")
        say(f"old and new ids are in {printable(str(mapping_file))}")
    for outcome, count in sorted(wrong.items()):
        print_error(f"{counted(count, 'face')}: {_SENTENCES[outcome]}")


_SENTENCES = {
    Outcome.NO_EXTERNAL_IMAGE_ID: "they were indexed without an ExternalImageId, so their picture is unknown",
    Outcome.NO_PICTURE: "no picture is called as their ExternalImageId",
    Outcome.SEVERAL_PICTURES: "several pictures may be meant by their ExternalImageId",
    Outcome.UNREADABLE_PICTURE: "their picture cannot be read",
    Outcome.FACE_NOT_FOUND: "no face was found in the picture where they were",
}
