"""`photofinish show` and `photofinish trace`: what was found in one photo, and the stages it went through."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from photofinish.domain.photo import PhotoRef
from photofinish.errors import NotFound
from photofinish.ports import PhotoRecord
from photofinish.wiring import App
from photofinish_cli.deployment import Json, StateDir, connect
from photofinish_cli.output import console, print_json, printable, reported_errors, table
from photofinish_cli.tracing import trace_of

Album = Annotated[str, typer.Argument(help="Album, the first part of the photos' names.")]
Photo = Annotated[str, typer.Argument(help="Name inside the album (cam2/IMG_1.jpg), or photo id.")]


def show(album: Album, photo: Photo, json: Json = False, state: StateDir = None) -> None:
    """Show what was found in one photo.

    Example: photofinish show spring-10k cam2/IMG_1.jpg
    """
    with reported_errors():
        record = find_record(connect(state), album, photo)
        if json:
            print_json(plain(record.fields))
            return
        _print_record(record)


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
        screen = console()
        screen.print(f"{printable(record.ref.name)}  generation {record.ref.generation}  {record.status.value}")
        shown = table("stage", "at", "after upload", "took", right=["after upload", "took"])
        for step in steps:
            shown.add_row(step["stage"], _clock(step["at"]), _seconds(step["after_s"]), _milliseconds(step["took_ms"]))
        screen.print(shown)
        screen.print(f"trace {record.fields.get('trace_id', '–')}   worker {record.fields.get('worker', '–')}")
        for role, model in sorted(record.fields.get("models", {}).items()):
            screen.print(f"{role}: {model}")


def find_record(cloud: App, album: str, photo: str) -> PhotoRecord:
    """The record of a photo given by its name (with or without the album in front) or its id."""
    names = [f"{album}/{photo}", photo]
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
    screen = console()
    fields = record.fields
    screen.print(printable(record.ref.name), style="bold")
    image = fields.get("image") or {}
    taken = ", ".join(str(image[key]) for key in ("taken_at", "camera") if image.get(key))
    size = f"{image['width']}×{image['height']} {image['format']}" if image else "not analysed"
    screen.print(f"{record.status.value}   {size}   {printable(taken)}")
    if error := fields.get("error"):
        screen.print(f"{error['code']}: {error['message']}")
    if sharpness := fields.get("sharpness"):
        screen.print(f"sharpness {sharpness['frame']:.2f}{'   blurry' if sharpness['is_blurry'] else ''}")
    if fields.get("faces"):
        faces = table("face", "score", "quality", "sharpness", "x", "y", "w", "h", right=["score", "quality"])
        for face in fields["faces"]:
            box = face["box"]
            scores = [f"{face[key]:.2f}" for key in ("detection_score", "quality", "sharpness")]
            faces.add_row(face["face_id"], *scores, *(f"{box[key]:.3f}" for key in "xywh"))
        screen.print(faces)
    if fields.get("bibs"):
        bibs = table("bib", "OCR score", "face", right=["OCR score"])
        for bib in fields["bibs"]:
            bibs.add_row(bib["number"], f"{bib['ocr_score']:.2f}", bib["face_id"] or "–")
        screen.print(bibs)
    if fields.get("text"):
        screen.print("text: " + printable(" · ".join(fields["text"])))


def _clock(at: datetime | None) -> str:
    return at.strftime("%H:%M:%S.%f")[:-3] if at else ""


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f} s"


def _milliseconds(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.1f} ms"
