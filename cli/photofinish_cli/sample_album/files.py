"""Writes pictures as cameras and phones do: several formats, EXIF with time and camera, sensors held sideways."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pillow_heif
from PIL import ExifTags, Image, TiffImagePlugin

MAKE = "Riverside"
# EXIF orientation (EXIF 2.32, tag 0x0112) → how upright pixels are turned before they are stored, so that a viewer who
# follows the tag sees them upright again. Pillow turns counter-clockwise.
_STORED = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


def write_photo(path: Path, upright: Image.Image, *, taken_at: datetime, model: str, orientation: int) -> None:
    """Write `upright` in the format of the path's suffix, its pixels turned as `orientation` (1, 3, 6 or 8) says."""
    exif = Image.Exif()
    when = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    exif[ExifTags.Base.Make] = MAKE
    exif[ExifTags.Base.Model] = model
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.DateTime] = when
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: when}
    stored = upright if orientation == 1 else upright.transpose(_STORED[orientation])
    match path.suffix:
        case ".jpg":
            stored.save(path, quality=90, exif=exif)
        case ".webp":
            stored.save(path, quality=88, method=2, exif=exif)
        case ".png":
            stored.save(path, compress_level=2, exif=exif)
        case ".tif":
            # Pillow writes EXIF into a TIFF only through `tiffinfo`, and only if the TIFF is not compressed.
            directory = TiffImagePlugin.ImageFileDirectory_v2()
            for tag, value in exif.items():
                directory[tag] = value
            stored.save(path, compression="raw", tiffinfo=directory)
        case ".heic":
            pillow_heif.from_pillow(stored).save(path, quality=60, exif=exif.tobytes())
        case suffix:
            raise ValueError(f"the sample album has no {suffix} files")


def write_bad_files(folder: Path, a_jpeg: Path) -> tuple[Path, ...]:
    """Write three .jpg files that cannot be read as photos: text, the first third of `a_jpeg`, and an empty file."""
    folder.mkdir(parents=True, exist_ok=True)
    text, cut_off, empty = folder / "notes.jpg", folder / "cut-off.jpg", folder / "empty.jpg"
    text.write_text("Start list: see the printed sheet at the desk.\n", encoding="utf-8")
    whole = a_jpeg.read_bytes()
    cut_off.write_bytes(whole[: len(whole) // 3])
    empty.write_bytes(b"")
    return text, cut_off, empty
