"""What thumbnails, placeholders, perceptual hashes and watermarks cost, in processor time of one thread.

    python tests/bench/analysis/renditions.py ~/Pictures/race

Each photo is analysed with and without them by turns, so that what else the machine does meanwhile touches both.
Alternatives to the thumbnail's encoding run on the same pictures.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photofinish.analysis import analyzer as analysis
from photofinish.analysis.analyzer import Analyzer
from photofinish.analysis.imaging.placeholder import placeholder
from photofinish.analysis.imaging.rendition import preview_jpeg, thumbnail_picture, thumbnail_webp
from photofinish.analysis.imaging.similarity_hash import similarity_hash
from photofinish.domain.geometry import Box
from photofinish.wiring.models import model_settings

FACES = [Box(0.3, 0.2, 0.1, 0.15), Box(0.6, 0.25, 0.08, 0.12)]
MADE = ("thumbnail_picture", "thumbnail_webp", "placeholder", "similarity_hash")
NOTHING: dict[str, Callable[..., object]] = {
    "thumbnail_picture": lambda picture: picture,
    "thumbnail_webp": lambda picture: b"",
    "placeholder": lambda picture, areas: None,
    "similarity_hash": lambda picture: None,
}


def spent_ms(run: Callable[[], object]) -> float:
    """Processor time of this thread."""
    started = time.thread_time()
    run()
    return (time.thread_time() - started) * 1000


def median_ms(run: Callable[[NDArray[np.uint8]], object], pictures: list[NDArray[np.uint8]]) -> float:
    return statistics.median(spent_ms(lambda: run(picture)) for picture in pictures)  # noqa: B023


def pillow(kind: str, **options: object) -> Callable[[NDArray[np.uint8]], bytes]:
    def encode(picture: NDArray[np.uint8]) -> bytes:
        encoded = io.BytesIO()
        Image.fromarray(picture[:, :, ::-1]).save(encoded, kind, **options)
        return encoded.getvalue()

    return encode


def share_of_analysis(contents: list[bytes]) -> tuple[float, float]:
    """Milliseconds of a photo's analysis without and with, medians of the same photos by turns."""
    analyzer = Analyzer.load(model_settings())
    decoded = [analyzer.decode(content) for content in contents]
    real = {name: getattr(analysis, name) for name in MADE}
    without, made = [], []
    for photo in decoded:
        for functions, times in ((NOTHING, without), (real, made)):
            for name, function in functions.items():
                setattr(analysis, name, function)
            times.append(spent_ms(lambda: analyzer.analyze_decoded([photo])))  # noqa: B023
    return statistics.median(without), statistics.median(w - m for m, w in zip(without, made, strict=True))


def main() -> None:
    files = sorted(Path(sys.argv[1]).expanduser().glob("*.jpg"))[:60]
    cv2.setNumThreads(1)
    pictures = [np.asarray(cv2.imread(str(file)), np.uint8) for file in files]
    previews = [np.asarray(cv2.resize(picture, (1600, 1067)), np.uint8) for picture in pictures]
    small = [thumbnail_picture(picture) for picture in previews]
    print("| step | ms | kB |\n|---|---|---|")
    print(f"| encode the preview (1600 px) | {median_ms(preview_jpeg, previews):.2f} | |")
    print(f"| scale to 320 px | {median_ms(thumbnail_picture, previews):.2f} | |")
    encoders = {
        "**thumbnail**: WebP, quality 70, effort 2": thumbnail_webp,
        "WebP, effort 0": pillow("WEBP", quality=70, method=0),
        "WebP, effort 4 (default)": pillow("WEBP", quality=70, method=4),
        "JPEG, quality 80": pillow("JPEG", quality=80),
    }
    for name, encode in encoders.items():
        size = statistics.mean(len(encode(picture)) for picture in small)
        print(f"| {name} | {median_ms(encode, small):.2f} | {size / 1000:.1f} |")
    print(f"| placeholder | {median_ms(lambda picture: placeholder(picture, FACES), small):.2f} | |")
    print(f"| perceptual hash | {median_ms(similarity_hash, small):.2f} | |")
    without_ms, more_ms = share_of_analysis([file.read_bytes() for file in files])
    print(f"\nA photo: {without_ms:.0f} ms without, {more_ms:.1f} ms more with: {100 * more_ms / without_ms:.1f} %")


if __name__ == "__main__":
    main()
