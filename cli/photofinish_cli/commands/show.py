"""`photofinish show` and `photofinish trace`: what was found in one photo, and the stages it went through."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from photofinish.domain.photo import PhotoRef, album_name
from photofinish.errors import NotFound
from photofinish.ports import PhotoRecord
from photofinish.wiring import App
from photofinish_cli.arguments import Album
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import print_json, print_tables, printable, remark, reported_errors, table
from photofinish_cli.times import clock_time
from photofinish_cli.tracing import trace_of

Photo = Annotated[str, typer.Argument(help="Name inside the album (cam2/IMG_1.jpg), or photo id.")]


def show(
    album: Album,
    photo: Photo,
    open_: Annotated[
        bool, typer.Option("--open", "-o", help="Open the photo's preview with everything that was found drawn on it.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write that picture to a .jpg, .png or .webp file.")
    ] = None,
    json: Json = False,
    state: StateDir = None,
) -> None:
    """Show what was found in one photo; with --open as a picture. Nothing is analysed again.

    Examples:

      photofinish show spring-10k cam2/IMG_1.jpg

      photofinish show spring-10k cam2/IMG_1.jpg --open

      photofinish show spring-10k cam2/IMG_1.jpg --save found.jpg
    """
    with reported_errors():
        cloud = connect(state)
        record = find_record(cloud, album, photo)
        if json:
            print_json(plain(record.fields))
        else:
            _print_record(record)
        if open_ or save:
            _draw(cloud, record, save, is_opened=open_)


def trace(album: Album, photo: Photo, json: Json = False, state: StateDir = None) -> None:
    """Show the stages of one photo with their times: uploaded, event, queued, pulled, … committed.

    Example: photofinish trace spring-10k cam2/IMG_1.jpg
    """
    with reported_errors():
        record = find_record(connect(state), album, photo)
        steps = trace_of(record.fields)
        if json:
            print_json(
                {
                    "name": record.ref.name,
                    "generation": record.ref.generation,
                    "trace_id": record.fields.get("trace_id"),
                    "worker": record.fields.get("worker"),
                    "models": record.fields.get("models", {}),
                    "stages": [plain(step) for step in steps],
                }
            )
            return
        remark(f"{printable(record.ref.name)}  generation {record.ref.generation}  {record.status.value}")
        shown = table("stage", "at", "after upload", "took", right=["after upload", "took"])
        for step in steps:
            shown.add_row(step["stage"], _clock(step["at"]), _seconds(step["after_s"]), _milliseconds(step["took_ms"]))
        print_tables(shown)
        remark(f"trace {record.fields.get('trace_id', '–')}   worker {record.fields.get('worker', '–')}")
        for role, model in sorted(record.fields.get("models", {}).items()):
            remark(f"{role}: {model}")


def _draw(cloud: App, record: PhotoRecord, save: Path | None, *, is_opened: bool) -> None:
    from photofinish_cli import pictures  # imported here: only drawing needs what it imports

    if save is not None:
        pictures.check_picture_file(save)
    picture = pictures.annotated(cloud.store, record)
    file = save or pictures.temporary_picture(record.ref.photo_id)
    pictures.write_picture(file, picture)
    remark(f"drawn into {printable(str(file))}")
    if is_opened:
        pictures.open_picture(file)


def find_record(cloud: App, album: str, photo: str) -> PhotoRecord:
    """The record of a photo given by its name (with or without the album in front) or its id."""
    # Names that `drop` makes are composed; those of other programs are as they were uploaded.
    name = f"{album}/{photo}"
    names = [unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name), name, photo]
    album = album_name(album)
    ids = [PhotoRef(bucket=cloud.settings.photo_bucket, name=name, generation=0).photo_id for name in names]
    for photo_id in [*ids, *([photo] if "/" not in photo else [])]:
        record = cloud.documents.get(album, photo_id)
        if record is not None:
            return record
    raise NotFound(f"no photo {photo!r} in album {album!r}; `photofinish status {album}` shows the album")


def plain(value: Any) -> Any:
    """`value` with times as ISO 8601, so that JSON can hold it."""
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case datetime():
            return datetime.fromtimestamp(value.timestamp(), tz=value.tzinfo).isoformat()
        case _:
            return value


def _print_record(record: PhotoRecord) -> None:
    fields = record.fields
    image = fields.get("image") or {}
    error = fields.get("error") or {}
    sharpness = fields.get("sharpness")
    facts = table("field", "value")
    for name, value in (
        ("photo", record.ref.name),
        ("status", record.status.value),
        ("picture", f"{image['width']}×{image['height']} {image['format']}" if image else None),
        ("taken at", image.get("taken_at")),
        ("camera", image.get("camera")),
        ("lasts", clock_time(video["duration_s"]) if (video := fields.get("video")) else None),
        ("code", error.get("code")),
        ("why", error.get("message")),
        *(("warning", f"{warning['code']}: {warning['message']}") for warning in fields.get("warnings") or ()),
        ("sharpness", f"{sharpness['frame']:.2f}{', blurry' if sharpness['is_blurry'] else ''}" if sharpness else None),
        ("text", " · ".join(fields.get("text") or ())),
    ):
        if value:
            facts.add_row(name, printable(str(value)))
    tables = [facts]
    if fields.get("faces"):
        numbers = ["score", "quality", "sharpness", "x", "y", "w", "h", *(["at"] if fields.get("video") else [])]
        faces = table("face", *numbers, right=numbers, whole=["face"])
        for face in fields["faces"]:
            box = face["box"]
            scores = [f"{face[key]:.2f}" for key in ("detection_score", "quality", "sharpness")]
            times = [clock_time(box["at_s"])] if "at_s" in box else []
            faces.add_row(face["face_id"], *scores, *(f"{box[key]:.3f}" for key in "xywh"), *times)
        tables.append(faces)
    if fields.get("bibs"):
        bibs = table("bib", "OCR score", "face", right=["OCR score"], whole=["face"])
        for bib in fields["bibs"]:
            score = "by hand" if bib.get("by_hand") else f"{bib['ocr_score']:.2f}"
            bibs.add_row(bib["number"], score, bib["face_id"] or "–")
        tables.append(bibs)
    print_tables(*tables)


def _clock(at: datetime | None) -> str:
    return at.strftime("%H:%M:%S.%f")[:-3] if at else ""


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f} s"


def _milliseconds(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.1f} ms"
