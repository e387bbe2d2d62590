"""Cluster labelled faces and large synthetic albums; print quality and time.

    .venv/bin/python tests/bench/people/run.py [--faces DIR] [--bibs DIR] [--counts 1000,10000] [--json FILE]

DIR of `--faces` has a folder per person. DIR of `--bibs` has race photos with `labels.json` as `photofinish evaluate`
reads it: the same bib number in two photos of a set is one person's; unlabelled faces are clustered but not scored.
The baseline is the connected components of all pairs above the calibrated threshold (`cluster_rows`).

BCubed (Bagga and Baldwin 1998): precision is, averaged over faces, the share of a face's cluster that is the same
person; recall, the share of the person's faces that are in its cluster.
"""

from __future__ import annotations

import itertools
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoding import Limits, decode
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.application.people.assignment import MIN_QUALITY
from photofinish.application.people.linkage import Faces, Group, Linkage, cluster
from photofinish.domain.matching import Calibration
from photofinish.wiring import model_settings
from photofinish_kernels import cluster_rows

LIMITS = Limits(max_file_bytes=10**8, max_pixels=10**8, max_decoded_pixels=12_000_000)
MIN_OVERLAP = 0.2  # labelled boxes are drawn looser than found ones
FACES_PER_PERSON = 12
PHOTO_FACES = 3
APPEARANCES = 50


@dataclass
class Labelled:
    """Faces and their labels."""

    vectors: NDArray[np.float32]
    qualities: NDArray[np.float32]
    photos: NDArray[np.int64]
    people: NDArray[np.int64]
    """(N,), the person of each; -1 where it is not labelled."""


def embedded(files: list[Path], person_of: Any) -> Labelled:
    """The faces of `files`; `person_of(file, faces, width, height)` returns the person of each."""
    encoder = FaceEncoder.load(model_settings())
    vectors, qualities, photos, people = [], [], [], []
    names: dict[str, int] = {}
    for number, file in enumerate(files):
        decoded = decode(file.read_bytes(), limits=LIMITS)
        [faces] = encoder.encode([decoded.image])
        height, width = decoded.image.shape[:2]
        for face, person in zip(faces, person_of(file, faces, width, height), strict=True):
            vectors.append(face.embedding.vector)
            qualities.append(face.quality)
            photos.append(number)
            people.append(-1 if person is None else names.setdefault(person, len(names)))
    return Labelled(np.stack(vectors), np.array(qualities, np.float32), np.array(photos), np.array(people))


def of_folders(folder: Path) -> Labelled:
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    return embedded(files, lambda file, faces, *_: [file.parent.name, *[None] * (len(faces) - 1)][: len(faces)])


def of_bibs(folder: Path) -> Labelled:
    labels = json.loads((folder / "labels.json").read_text())

    def person_of(file: Path, faces: Any, width: int, height: int) -> list[str | None]:
        label = labels[file.name]
        boxes, numbers = label["face_boxes_y0y1x0x1"], label["numbers"]
        people: list[str | None] = [None] * len(faces)
        for (y0, y1, x0, x1), number in zip(boxes, numbers, strict=False) if len(boxes) == len(numbers) else ():
            overlaps = [_overlap(face.box.to_pixels(width, height), (x0, y0, x1 - x0, y1 - y0)) for face in faces]
            if overlaps and max(overlaps) > MIN_OVERLAP:
                people[int(np.argmax(overlaps))] = f"{file.name.split('_')[0]} {number}"
        return people

    return embedded([folder / name for name in sorted(labels)], person_of)


def synthetic(count: int, *, dimension: int = 128, seed: int = 0) -> Labelled:
    """Faces with similarities distributed as those of runners; compare the false accept rates in the results.

    Faces of one person have 0.7 ± 0.1, of strangers 0.15 ± 0.1; as among real faces some strangers are more similar:
    each person has one of `APPEARANCES` appearances.
    """
    rng = np.random.default_rng(seed)

    def directions(rows: int) -> NDArray[np.float64]:
        drawn = rng.normal(size=(rows, dimension))
        unit: NDArray[np.float64] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        return unit

    people = np.repeat(np.arange(count), rng.geometric(1 / FACES_PER_PERSON, size=count))[:count]
    persons = int(people.max()) + 1
    appearances = directions(APPEARANCES)[rng.integers(0, APPEARANCES, size=persons)]
    centers = np.sqrt(0.15) * directions(1) + np.sqrt(0.4) * appearances + np.sqrt(0.45) * directions(persons)
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    vectors = centers[people] + rng.uniform(0.3, 1.0, size=(count, 1)) * directions(count)
    order = rng.permutation(count)
    return Labelled(
        vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))[order].astype(np.float32),
        qualities=np.full(count, 0.7, np.float32),
        photos=rng.integers(0, max(count // PHOTO_FACES, 1), size=count),
        people=people[order],
    )


def false_accept_rates(faces: Labelled, calibration: Calibration) -> dict[str, float]:
    """The share of pairs of different people that reach the calibration's two thresholds."""
    some = np.flatnonzero(faces.people >= 0)[:3000]
    similar = faces.vectors[some] @ faces.vectors[some].T
    strangers = similar[faces.people[some][:, None] != faces.people[some][None]]
    return {
        "far_min": round(float((strangers >= calibration.min_similarity).mean()), 6),
        "far_stranger": round(float((strangers >= calibration.stranger_similarity).mean()), 6),
    }


def average_linkage(faces: Labelled, calibration: Calibration) -> NDArray[np.int64]:
    good = faces.qualities >= MIN_QUALITY
    rows = Faces(vectors=faces.vectors[good], weights=faces.qualities[good], photos=faces.photos[good])
    groups = [Group(rows=(row,)) for row in range(int(good.sum()))]
    labels = np.arange(len(good)) + len(good)  # faces that are left out are alone
    labels[good] = cluster(rows, groups, Linkage.of(calibration, int(good.sum())))
    return labels


def components(faces: Labelled, calibration: Calibration) -> NDArray[np.int64]:
    order = np.argsort(faces.photos, kind="stable")
    same = [(a, b) for a, b in itertools.pairwise(order) if faces.photos[a] == faces.photos[b]]
    cannot_link = np.array(same, np.int64).reshape(-1, 2)
    return cluster_rows(faces.vectors, threshold=calibration.min_similarity, cannot_link=cannot_link)


def bcubed(labels: NDArray[np.int64], people: NDArray[np.int64]) -> dict[str, float]:
    labelled = people >= 0
    _, labels = np.unique(labels[labelled], return_inverse=True)
    people = people[labelled]
    _, both, counts = np.unique(labels * (people.max() + 1) + people, return_inverse=True, return_counts=True)
    shared = counts[both]
    precision = float((shared / np.bincount(labels)[labels]).mean())
    recall = float((shared / np.bincount(people)[people]).mean())
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes x, y, w, h."""
    width = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def main(
    faces: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
    bibs: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
    counts: Annotated[str, typer.Option(help="Sizes of synthetic albums, comma separated.")] = "1000,10000",
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    calibration = model_for("face_embedding").calibration
    assert calibration is not None
    data_sets = {"faces": faces and of_folders(faces), "bibs": bibs and of_bibs(bibs)}
    data_sets |= {f"synthetic {count}": synthetic(int(count)) for count in counts.split(",") if count}
    results = []
    for name, labelled in data_sets.items():
        if not labelled:
            continue
        rates = false_accept_rates(labelled, calibration)
        ways = {"average linkage": average_linkage, "connected components": components}
        for way, run in ways.items():
            if way != "average linkage" and len(labelled.vectors) > 10_000:
                continue  # slow, and connects nearly all people
            start, busy = time.perf_counter(), time.process_time()
            labels = run(labelled, calibration)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - busy
            quality = {what: round(value, 4) for what, value in bcubed(labels, labelled.people).items()}
            people = int((np.bincount(np.unique(labels, return_inverse=True)[1]) > 1).sum())
            results.append(
                {
                    "set": name,
                    "way": way,
                    "faces": len(labels),
                    "clusters": people,
                    "seconds": round(seconds, 2),
                    "cpu_seconds": round(cpu_seconds, 2),
                }
                | quality
                | rates
                | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
            )
            print(" ".join(f"{what}={value}" for what, value in results[-1].items()), file=sys.stderr, flush=True)
    text = json.dumps(results, indent=2) + "\n"
    if json_file:
        json_file.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    typer.run(main)
