"""Whether selfies find the people they show: portraits as selfies against the other photos of the same people.

    python tests/bench/selfie/accuracy.py PORTRAITS [--copies 4]

PORTRAITS/PERSON/*.jpg. The album is made as the analysis does (float, both looks). Selfies are the portraits as they
are, and poor copies of them (faces of 30 to 80 px, half of them blurred, darker or brighter, noisy); each is embedded
in four ways. Prints true accepts at the catalogue's threshold and at a false accept rate of 1e-3, and the similarity to
the analysis' own embedding of the same picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.face_embedding import FaceEmbedder
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish_cli.evaluation.face_measures import tar_at

SEED = 5
Vectors = NDArray[np.float32]


def poor_copy(image: NDArray[np.uint8], face_px: float, random: np.random.Generator) -> NDArray[np.uint8]:
    scale = random.uniform(30, 80) / face_px
    copy = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if random.random() < 0.5:
        copy = cv2.GaussianBlur(copy, (0, 0), float(random.uniform(0.5, 1.5)))
    noisy = copy * random.choice([1, 0.6, 1.2]) + random.normal(0, 6, copy.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("--copies", type=int, default=4, help="poor ones, of each portrait (default: %(default)s)")
    arguments = parser.parse_args()
    settings = ModelSettings(models_dir=default_models_dir())
    model = model_for("face_embedding")
    assert model.calibration is not None
    detector = FaceDetector(OrtSession(model_for("face_detection"), settings))
    in_float = FaceEmbedder(OrtSession(model, settings), "space")
    in_8_bits = FaceEmbedder(OrtSession(model.for_portraits(), settings), "space")
    ways = {
        "two looks, float": lambda image: two_looks(FaceEncoder(detector, in_float), detector, image),
        "two looks, 8 bits": lambda image: two_looks(FaceEncoder(detector, in_8_bits), detector, image),
        "one chip, float": lambda image: one_chip(FaceEncoder(detector, in_float), image),
        "one chip, 8 bits": lambda image: one_chip(FaceEncoder(detector, in_float, in_8_bits), image),
    }
    random = np.random.default_rng(SEED)
    files = sorted(arguments.portraits.glob("*/*.jpg"))
    images = [decode(file.read_bytes()).image for file in files]
    encoder = FaceEncoder(detector, in_float)
    faces = [found[0] for found in encoder.encode(images)]
    album = np.stack([face.embedding.vector for face in faces if face.embedding])
    face_px = [
        (face.box.w * image.shape[1] * face.box.h * image.shape[0]) ** 0.5
        for face, image in zip(faces, images, strict=True)
    ]
    poor = [
        [poor_copy(image, px, random) for image, px in zip(images, face_px, strict=True)]
        for _ in range(arguments.copies)
    ]
    people = np.array([file.parent.name for file in files])
    for name, rounds in (("as they are", [images]), ("poor copies", poor)):
        analysed: Vectors | None = None
        for way, embed in ways.items():
            vectors = np.stack([[embed(image) for image in selfies] for selfies in rounds])
            analysed = vectors if analysed is None else analysed
            similarity = vectors @ album.T
            is_same, is_other = people[:, None] == people, ~np.eye(len(people), dtype=bool)
            same = -np.sort(-similarity[:, is_same & is_other].ravel().astype(np.float64))
            strangers = -np.sort(-similarity[:, ~is_same].ravel().astype(np.float64))
            threshold = model.calibration.min_similarity
            print(
                f"{name:>12} {way:>18}: accepted at {threshold} {(same > threshold).mean():.3f} of {len(same)}, "
                f"at FAR 1e-3 {tar_at(1e-3, same, strangers):.3f}; "
                f"strangers accepted {(strangers > threshold).sum()} of {len(strangers)}; "
                f"similarity to two looks in float {(vectors * analysed).sum(axis=-1).mean():.4f}"
            )


def two_looks(encoder: FaceEncoder, detector: FaceDetector, image: NDArray[np.uint8]) -> Vectors:
    [faces] = encoder.embed([image], [detector.detect_portrait(image).select(np.arange(1))])
    return faces[0].embedding.vector


def one_chip(encoder: FaceEncoder, image: NDArray[np.uint8]) -> Vectors:
    face, *_ = encoder.encode_portrait(image)
    return face.embedding.vector


if __name__ == "__main__":
    main()
