"""Previews of photos as pixels, cut and drawn on, and pictures written for people to look at."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import requests
import typer
from numpy.typing import NDArray

from photofinish.application.previews import read_rendition
from photofinish.domain.photo import PhotoStatus
from photofinish.errors import NotFound, RejectedInput, Unavailable
from photofinish.ports import PhotoRecord, PhotoStore
from photofinish_cli.annotating import annotate, found_in

_TIMEOUT_S = 60.0
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_JPEG_QUALITY = 92


def preview(store: PhotoStore, record: PhotoRecord) -> NDArray[np.uint8]:
    """The preview (H, W, 3) BGR of a photo.

    Raises:
        NotFound: the photo has none, because it is not analysed, was rejected, or its album keeps only results.
    """
    name = (record.fields.get("renditions") or {}).get("preview")
    if name is None and record.status is not PhotoStatus.DONE:
        raise NotFound(f"{record.ref.name} has no preview: its status is {record.status.value}")
    if name is None:
        raise NotFound(f"{record.ref.name} has no preview: its album keeps only results")
    try:
        return decoded(read_rendition(store, name))
    except NotFound:
        raise NotFound(
            f"{record.ref.name} has no preview any more: it was removed, as where an album keeps only results"
        ) from None


def annotated(store: PhotoStore, record: PhotoRecord) -> NDArray[np.uint8]:
    """The preview of an analysed photo with what its document says was found. Raises what :func:`preview` does."""
    return annotate(preview(store, record), found_in(record.fields))


def downloaded(url: str) -> NDArray[np.uint8]:
    """The picture (H, W, 3) BGR behind a link that the API signed.

    Raises:
        Unavailable: it cannot be fetched.
    """
    try:
        answer = requests.get(url, timeout=_TIMEOUT_S)
    except requests.exceptions.RequestException as error:
        raise Unavailable(f"a preview could not be fetched: {type(error).__name__}") from None
    if not answer.ok:
        raise Unavailable(f"a preview could not be fetched: HTTP {answer.status_code}")
    return decoded(answer.content)


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) BGR of a preview, which is a JPEG that we wrote."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None, "a preview that we wrote is a JPEG"
    return np.asarray(picture, np.uint8)


def square_around(picture: NDArray[np.uint8], box: Mapping[str, float], *, margin: float) -> NDArray[np.uint8]:
    """The square around a box {x, y, w, h} of fractions, with `margin` of its longer side on every side.

    It is moved into the picture at an edge, and made smaller where the picture is.
    """
    height, width = picture.shape[:2]
    x, y, w, h = box["x"] * width, box["y"] * height, box["w"] * width, box["h"] * height
    side = max(1, min(round(max(w, h) * (1 + 2 * margin)), width, height))
    left = min(max(round(x + w / 2 - side / 2), 0), width - side)
    top = min(max(round(y + h / 2 - side / 2), 0), height - side)
    return picture[top : top + side, left : left + side]


def check_picture_file(path: Path) -> None:
    """Raises RejectedInput where no picture can be written there."""
    if path.suffix.lower() not in _SUFFIXES:
        raise RejectedInput("unknown_format", f"{path} names no format to write: end it in {', '.join(_SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise NotFound(f"the folder {path.absolute().parent} does not exist")


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) BGR in the format that the file's ending names; an older file is replaced once this one is whole.

    Raises:
        NotFound, RejectedInput: as :func:`check_picture_file`, or the file cannot be written.
    """
    check_picture_file(path)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in {".jpg", ".jpeg"} else []
    _, content = cv2.imencode(path.suffix.lower(), picture, quality)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content.tobytes())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RejectedInput("not_writable", f"{path} cannot be written: {error.strerror}") from None


def open_picture(path: Path) -> None:
    """Show a picture in the system's viewer, without waiting for it.

    Raises:
        NotFound: there is no viewer, as on a machine without a screen.
    """
    has_screen = sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not has_screen or typer.launch(str(path)) != 0:
        raise NotFound(f"no viewer could be started here; the picture is {path}")


def temporary_picture(name: str) -> Path:
    """A file for a picture that is only looked at; the system removes it with its other temporary files."""
    return Path(tempfile.mkdtemp(prefix="photofinish-")) / f"{name}.jpg"
