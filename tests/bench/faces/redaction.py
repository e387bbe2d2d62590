"""Attacks on redacted faces: are they recognised, and by what.

    python tests/bench/faces/redaction.py FOLDER [--faces 1000] [--styles blur,pixelate,solid]

FOLDER holds labelled photos: `faces/PERSON/*.jpg` and `bibs/**/*.jpg`, taken in this order until there are enough
faces. The sample album supplies the rest. Every photo is brought to the size of a preview, and all faces found in it
are redacted. For each style it prints:

own       faces whose embedding, at their known position, still matches their own template from the same photo. Compare
          with `solid`, of which no pixel is left: templates of tiny faces match anything grey
others    the same, if each face's template was that of another face: how many match by chance
best      faces whose own template is the most similar of all
again     the same for the faces that the detector still finds in the redacted photo, and how many it finds
original  rank 1: how often the most similar template of another photo is of the same person
redacted  rank 1 where the known photos were redacted in the same way, by embeddings and by plain pixels (8 × 8 cells)

Rank 1 is of the `faces` folder (10 people with 10 photos: chance .09) and of the sample album (7 runners: chance .14).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

import photofinish_kernels as kernels
from photofinish.analysis.imaging import redaction
from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.imaging.rendition import PREVIEW_LONGEST_SIDE
from photofinish.analysis.imaging.resizing import fit_within
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.detections import Detections
from photofinish.analysis.models.face_alignment import align
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.album_policy import RedactionStyle
from photofinish.domain.face import Face
from photofinish.domain.geometry import Box
from photofinish.domain.redaction import is_same_face
from photofinish.wiring import model_settings
from photofinish_cli.sample_album import make_sample_album
from support.pictures import BgrImage

_CELL = 8  # of an aligned face, for the comparison of plain pixels

Redact = Callable[[BgrImage, Sequence[Box], bytes], None]


@dataclass(frozen=True)
class Photo:
    picture: BgrImage
    found: Detections
    faces: tuple[Face, ...]
    people: tuple[str, ...]
    """Of each face; empty where it is not labelled."""
    key: bytes


def main(
    folder: Path,
    faces: Annotated[int, typer.Option(help="Stop after the photo with this face.")] = 1000,
    styles: Annotated[str, typer.Option(help="Some of: plain blur, plain mosaic, blur, pixelate, solid.")] = "",
) -> None:
    encoder = FaceEncoder.load(replace(model_settings(), threads=1))
    photos = list(_photos(folder, encoder, faces))
    threshold = model_for("face_embedding").min_similarity
    assert threshold is not None
    people = np.array([person for photo in photos for person in photo.people])
    before = np.stack([face.embedding.vector for photo in photos for face in photo.faces])
    print(f"{len(before)} faces in {len(photos)} photos; threshold {threshold}")
    print(
        "style           own  others  best  most similar  again         original    redacted    pixels      ms a photo"
    )
    show = lambda one: f"{one['faces']:.2f} {one['sample']:.2f}"  # noqa: E731
    pixels = np.concatenate([_pixels(photo.picture, photo.found) for photo in photos])
    first = _rank_1(before, before, people)
    ranks = "  ".join(f"{show(ranked):10}" for ranked in (first, first, _rank_1(pixels, pixels, people)))
    print(f"{'none':14} {len(before):4}  {'':6}  {len(before):4}  {1:12.2f}  {'':12}  {ranks}")
    for name, redact in _styles().items():
        if styles and name not in styles.split(","):
            continue
        after, cells, again, took_s = [], [], [], 0.0
        for photo in photos:
            picture = photo.picture.copy()
            began = time.perf_counter()
            redact(picture, [face.box for face in photo.faces], photo.key)
            took_s += time.perf_counter() - began
            after += [face.embedding.vector for face in encoder.embed([picture], [photo.found])[0]]
            cells.append(_pixels(picture, photo.found))
            again += _found_again(photo, encoder.encode([picture])[0])
        vectors = np.stack(after)
        similarities = vectors @ before.T
        own = similarities.diagonal()
        others = ((similarities >= threshold).sum() - (own >= threshold).sum()) / (len(before) - 1)
        best = int((similarities.argmax(axis=1) == np.arange(len(before))).sum())
        small = np.concatenate(cells)
        own_again = f"{sum(one >= threshold for one in again)} of {len(again)}"
        ranks = [_rank_1(vectors, before, people), _rank_1(vectors, vectors, people), _rank_1(small, small, people)]
        print(
            f"{name:14} {(own >= threshold).sum():4}  {others:6.1f}  {best:4}  {own.max():12.2f}  {own_again:12}  "
            + "  ".join(f"{show(ranked):10}" for ranked in ranks)
            + f"  {took_s / len(photos) * 1000:.2f}",
            flush=True,
        )


def _styles() -> dict[str, Redact]:
    def plain(kernel: Callable[..., None], **strength: Callable[[float], float]) -> Redact:
        """The kernels' documented least strength: boxes that extend a tenth beyond the face."""

        def redact(picture: BgrImage, boxes: Sequence[Box], _key: bytes) -> None:
            for box in boxes:
                x, y, w, h = box.to_pixels(picture.shape[1], picture.shape[0])
                region = np.array([[x - 0.1 * w, y - 0.1 * h, x + 1.1 * w, y + 1.1 * h]], np.float32)
                kernel(picture, region, **{name: value(w) for name, value in strength.items()})

        return redact

    def rendition(style: RedactionStyle) -> Redact:
        return lambda picture, boxes, key: redaction.redact(picture, boxes, style, noise_key=key)

    return {
        "plain blur": plain(kernels.redact_blur, sigma=lambda w: 0.1 * w),
        "plain mosaic": plain(kernels.redact_pixelate, block=lambda w: max(1, int(np.ceil(w / 8)))),
    } | {style.value: rendition(style) for style in RedactionStyle}


def _photos(folder: Path, encoder: FaceEncoder, enough: int) -> Iterator[Photo]:
    """Photos with at least `enough` faces together, if the sample album supplies them."""
    count = 0

    def analysed(path: Path, people_of: Callable[[Sequence[Face]], tuple[str, ...]]) -> Iterator[Photo]:
        nonlocal count
        if count >= enough:
            return
        picture = np.ascontiguousarray(fit_within(decode(path.read_bytes()).image, PREVIEW_LONGEST_SIDE))
        [found] = encoder.detect([picture])
        [faces] = encoder.embed([picture], [found])
        if faces:
            count += len(faces)
            yield Photo(picture, found, faces, people_of(faces), str(path).encode())

    for path in sorted((folder / "faces").rglob("*.jpg")):
        yield from analysed(path, partial(_named_in_the_middle, f"faces/{path.parent.name}"))
    for path in sorted((folder / "bibs").rglob("*.jpg")):
        yield from analysed(path, lambda faces: ("",) * len(faces))
    with tempfile.TemporaryDirectory() as sample:
        missing = max(0, enough - count)
        for photo in make_sample_album(Path(sample), photos=missing * 3 // 5).photos if missing else ():
            runners = [(f"sample/{runner.person}", Box(*runner.face_box)) for runner in photo.runners]
            yield from analysed(photo.path, partial(_runners, runners))


def _named_in_the_middle(person: str, faces: Sequence[Face]) -> tuple[str, ...]:
    """The labelled person is in the middle of the picture; others may stand beside."""
    away = [np.hypot(face.box.x + face.box.w / 2 - 0.5, face.box.y + face.box.h / 2 - 0.5) for face in faces]
    return tuple(person if distance < 0.15 else "" for distance in away)


def _runners(runners: Sequence[tuple[str, Box]], faces: Sequence[Face]) -> tuple[str, ...]:
    return tuple(next((person for person, box in runners if is_same_face(box, face.box)), "") for face in faces)


def _found_again(photo: Photo, seen: Sequence[Face]) -> list[float]:
    """Of each face that is still found at its place: the similarity to its own template."""
    return [
        max(float(one.embedding.vector @ face.embedding.vector) for one in there)
        for face in photo.faces
        if (there := [one for one in seen if is_same_face(one.box, face.box)])
    ]


def _pixels(picture: BgrImage, found: Detections) -> NDArray[np.float32]:
    """(N, 192): each face aligned, as 8 × 8 mean colours without their mean, of unit length."""
    chips = [
        cv2.resize(align(picture, points), (_CELL, _CELL), interpolation=cv2.INTER_AREA) for points in found.landmarks
    ]
    rows = np.stack(chips).reshape(len(chips), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _rank_1(probes: NDArray[np.float32], known: NDArray[np.float32], people: NDArray[np.str_]) -> dict[str, float]:
    """How often the most similar known face of another photo is the same person's, by source."""
    shares = {}
    for source in ("faces", "sample"):
        chosen = np.char.startswith(people, source + "/")
        if not chosen.any():
            shares[source] = float("nan")
            continue
        similar = probes[chosen] @ known[chosen].T
        np.fill_diagonal(similar, -2)
        shares[source] = float((people[chosen][similar.argmax(axis=1)] == people[chosen]).mean())
    return shares


if __name__ == "__main__":
    typer.run(main)
