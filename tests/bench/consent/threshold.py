"""How often an opted-out person is indexed all the same, and how often another face is withheld, by threshold.

    python tests/bench/consent/threshold.py PORTRAITS RACE_PHOTOS

PORTRAITS/PERSON/*.jpg and RACE_PHOTOS/*.jpg of other people. Opt-outs are made of one portrait, or of three, as the API
embeds them. The album's faces are the other portraits of the same people as the analysis embeds them, as they are and
in poor copies (30 to 80 px, half of them blurred, darker or brighter, noisy). Every face of a race photo of 24 px or
more, and every portrait of another person, is one that must stay.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "selfie"))

from accuracy import poor_copy

from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.settings import ModelSettings, default_models_dir

SEED = 5
COPIES = 4
DRAWS = 20
LISTS = (1, 3, 9)
MIN_FACE_PX = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("race_photos", type=Path)
    arguments = parser.parse_args()
    encoder = FaceEncoder.load(ModelSettings(models_dir=default_models_dir()))
    random = np.random.default_rng(SEED)

    files = sorted(arguments.portraits.glob("*/*.jpg"))
    people = np.array([file.parent.name for file in files])
    images = [decode(file.read_bytes()).image for file in files]
    selfies = np.stack([encoder.encode_portrait(image)[0].embedding.vector for image in images])
    faces = [found[0] for found in encoder.encode(images)]
    plain = np.stack([face.embedding.vector for face in faces])
    sides = [
        (face.box.w * image.shape[1] * face.box.h * image.shape[0]) ** 0.5
        for face, image in zip(faces, images, strict=True)
    ]
    poor, poor_of = [], []
    for _ in range(COPIES):
        for number, (image, side) in enumerate(zip(images, sides, strict=True)):
            if found := encoder.encode([poor_copy(image, side, random)])[0]:
                poor.append(found[0].embedding.vector)
                poor_of.append(number)
    race = []
    for file in sorted(arguments.race_photos.glob("*.jpg")):
        image = decode(file.read_bytes()).image
        height, width = image.shape[:2]
        race += [
            face.embedding.vector
            for face in encoder.encode([image])[0]
            if (face.box.w * width * face.box.h * height) ** 0.5 >= MIN_FACE_PX
        ]
    album = {"as they are": (plain, np.arange(len(files))), "poor copies": (np.stack(poor), np.array(poor_of))}
    print(f"{len(set(people))} people, {len(files)} portraits, {len(poor)} poor copies, {len(race)} race faces")
    print("threshold   missed: 1 portrait       3 portraits           withheld by a list of 1 / 3 / 9 people")
    print("            as is      poor       as is      poor       race faces             other portraits")
    for threshold in np.arange(0.30, 0.61, 0.02):
        cells = [f"{threshold:9.2f}"]
        for count in (1, 3):
            for vectors, of in album.values():
                cells.append(f"{100 * missed(selfies, people, vectors, of, count, threshold):9.2f}%")
        for strangers, of_people in ((np.stack(race), None), (plain, people)):
            cells += [f"{100 * withheld(selfies, people, strangers, of_people, n, threshold):6.2f}%" for n in LISTS]
        print(" ".join(cells))


def missed(selfies, people, vectors, of, count, threshold) -> float:  # type: ignore[no-untyped-def]
    """The share of an opted-out person's other faces that are below the threshold."""
    random, rates = np.random.default_rng(SEED), []
    for _ in range(DRAWS):
        for person in np.unique(people):
            own = np.flatnonzero(people == person)
            given = random.choice(own, count, replace=False)
            others = vectors[np.isin(of, own) & ~np.isin(of, given)]
            rates.append(((others @ selfies[given].T).max(axis=1) < threshold).mean())
    return float(np.mean(rates))


def withheld(selfies, people, vectors, of_people, listed, threshold) -> float:  # type: ignore[no-untyped-def]
    """The share of other people's faces that a list of `listed` people, three portraits each, withholds."""
    random, rates, names = np.random.default_rng(SEED), [], np.unique(people)
    for _ in range(DRAWS):
        chosen = random.choice(names, listed, replace=False)
        given = np.concatenate([random.choice(np.flatnonzero(people == one), 3, replace=False) for one in chosen])
        others = vectors if of_people is None else vectors[~np.isin(of_people, chosen)]
        if len(others):
            rates.append(((others @ selfies[given].T).max(axis=1) >= threshold).mean())
    return float(np.mean(rates))


if __name__ == "__main__":
    main()
