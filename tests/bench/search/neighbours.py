"""Whether faces that share their neighbours with the query should count as more similar; prints a table.

``python tests/bench/search/neighbours.py DATA`` with the labelled photos: `faces/` (a folder per person) and `bibs/`
(race photos). Each portrait is a selfie; the same portraits made small, blurred, noisy and compressed are the album, in
the crowd of everybody on the race photos. What is found and what is false is counted at the calibrated threshold, among
the 200 faces nearest to each selfie, as searches do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.application.search.similar_faces import CANDIDATE_FACES
from photofinish.application.search.similarity import best_similarities, lifted_similarities, shared_neighbours
from photofinish.domain.face import Embedding
from photofinish.wiring import model_settings

SCALES = {"as they are": 1.0, "45 % of the size": 0.45, "30 %": 0.3, "22 %": 0.22}
MARGIN = 200  # pixels around a small portrait, as if it were a part of a larger photo


def worse(picture: NDArray[np.uint8], scale: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture as a camera far away takes it: smaller, half of the time with motion blur, dark or bright, noisy."""
    if scale == 1.0:
        return picture
    scale *= rng.uniform(0.85, 1.15)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        length = 5 if scale < 0.4 else 3
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        small = cv2.filter2D(small, -1, kernel)
    lit = small.astype(np.float32) * rng.uniform(0.6, 1.3) + rng.normal(0, 6, small.shape)
    sent = cv2.imencode(".jpg", np.clip(lit, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    received = cv2.imdecode(sent, cv2.IMREAD_COLOR)
    bordered = cv2.copyMakeBorder(received, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_CONSTANT)
    return np.asarray(bordered, np.uint8)


def faces_of(encoder: FaceEncoder, pictures: Sequence[NDArray[np.uint8]]) -> Iterator[list[NDArray[np.float32]]]:
    """The embeddings of each picture's faces, the largest face first."""
    for picture in pictures:
        [faces] = encoder.encode([picture])
        yield [face.embedding.vector for face in faces]


def main(data: Path) -> None:
    model = model_for("face_embedding")
    assert model.calibration is not None
    threshold = model.calibration.min_similarity
    encoder = FaceEncoder.load(model_settings())
    files = sorted((data / "faces").glob("*/*.jpg"))
    people = np.array([file.parent.name for file in files])
    portraits = [np.asarray(cv2.imread(str(file)), np.uint8) for file in files]
    selfies = [found[0] for found in faces_of(encoder, portraits)]
    race = [np.asarray(cv2.imread(str(file)), np.uint8) for file in sorted((data / "bibs").glob("*.jpg"))]
    crowd = [vector for found in faces_of(encoder, race) for vector in found]
    print(f"{len(selfies)} selfies of {len(set(people))} people, a crowd of {len(crowd)} faces, threshold {threshold}")
    print("| portraits in the album | found by similarity alone | with neighbours | false alone | with neighbours |")
    print("|---|---|---|---|---|")
    for name, scale in SCALES.items():
        rng = np.random.default_rng(5)
        seen = list(faces_of(encoder, [worse(picture, scale, rng) for picture in portraits]))
        whose = [(number, found[0]) for number, found in enumerate(seen) if found]
        album = np.stack([vector for _, vector in whose] + crowd)
        names = np.array([people[number] for number, _ in whose] + [""] * len(crowd))
        origins = np.array([number for number, _ in whose] + [-1] * len(crowd))
        there, counts = 0, np.zeros(4, int)
        for number, selfie in enumerate(selfies):
            others = np.flatnonzero(origins != number)
            nearest = others[np.argsort(-(album[others] @ selfie))[:CANDIDATE_FACES]]
            query, vectors = Embedding(selfie, "any"), np.ascontiguousarray(album[nearest])
            similarity = best_similarities([query], vectors)
            lifted = lifted_similarities(similarity, shared_neighbours(query, vectors))
            same = names[nearest] == people[number]
            there += int((names[others] == people[number]).sum())
            accepted = (similarity[same], lifted[same], similarity[~same], lifted[~same])
            counts += [int((values >= threshold).sum()) for values in accepted]
        alone, together, false_alone, false_together = counts
        print(
            f"| {name} | {alone / there:.1%} | {together / there:.1%} | {false_alone} | {false_together} |", flush=True
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
