"""Attacks on templates: recover an album's embeddings from the answers to searches.

Each attack sends requests to the real API over a real database and returns its best guess of every template. The
attacker knows the embedding model, so also how faces of strangers are distributed, and all of this code.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from photofinish.domain.face import Embedding, Face
from support.api import Api
from support.faces import face, photo
from support.index import add
from support.synthetic_faces import DIMENSION, Crowd

ALBUM = "race"
Vector = NDArray[np.float32]


def make_album(api: Api, faces: int, seed: int) -> NDArray[np.float32]:
    """Index one face a photo, each of another person; return their templates (N, D), by the number of the photo."""
    [(_, templates)] = Crowd(faces, seed).album(faces, size=faces)
    for row, template in enumerate(templates):
        add(api.cloud.index, photo(f"{ALBUM}/{row}.jpg"), [face(Embedding(template, api.cloud.embedding_space))])
    return templates


class VectorPictures:
    """Stands for the models: pictures that were made to have any wanted embedding, which a patient attacker can do."""

    def __init__(self, space: str) -> None:
        self._space = space

    def people(self, contents: Sequence[bytes], **_: object) -> list[Face]:
        return [face(Embedding(np.frombuffer(content, np.float32), self._space)) for content in contents]


@dataclass
class Oracle:
    """Searches of one key; counts them, and remembers what was found by which vector."""

    api: Api
    key: str
    templates: NDArray[np.float32]
    """Attacks know only how many there are."""
    requests: int
    """How many requests may still be sent."""
    by_picture: bool = False
    refused: int = 0
    hits: list[tuple[Vector, int, float]] = field(default_factory=list)
    """Query, row of the found face, similarity."""

    def __call__(self, *vectors: Vector, min_similarity: float | None = None) -> dict[int, float] | None:
        """Rows and similarities of the found faces; None for a refused request, or if no request is left."""
        if self.requests <= 0:
            return None
        self.requests -= 1
        criteria: dict[str, object] = {"limit": 200}
        if min_similarity is not None:
            criteria["min_similarity"] = min_similarity
        if self.by_picture:
            answer = self.api.search(ALBUM, *(vector.tobytes() for vector in vectors), key=self.key, **criteria)
        else:
            encoded = [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in vectors]
            criteria["embeddings"] = {"space": self.api.cloud.embedding_space, "vectors": encoded}
            answer = self.api.search(ALBUM, key=self.key, **criteria)
        if answer.status_code != 200:
            self.refused += 1
            return None
        photos = answer.get_json()["photos"]
        found = {int(one["photo"]["name"][len(ALBUM) + 1 : -4]): float(one["face"]["similarity"]) for one in photos}
        if len(vectors) == 1:
            self.hits += [(vectors[0], row, similarity) for row, similarity in found.items()]
        return found


def unit(vector: NDArray[np.floating]) -> Vector:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def mean_face() -> Vector:
    """What is known of every face beforehand."""
    return unit(Crowd(3000, seed=990).selfies(3000).mean(axis=0))


def from_hits(oracle: Oracle) -> NDArray[np.float32]:
    """The best guess from all hits: the vector whose cosines with the queries are nearest to the told similarities.

    Ridge regression towards the mean face, in the coordinates in which faces vary alike.
    """
    prior = mean_face()
    sample = Crowd(3000, seed=990).selfies(3000)
    covariance = np.cov(sample.T) + 1e-6 * np.eye(DIMENSION)
    guesses = np.tile(prior, (len(oracle.templates), 1))
    centre = sample.mean(axis=0)
    for row in range(len(guesses)):
        seen = [(query, similarity) for query, found, similarity in oracle.hits if found == row]
        if not seen:
            continue
        queries = np.stack([query for query, _ in seen]).astype(np.float64)
        told = np.array([similarity + 0.0125 for _, similarity in seen])
        # The posterior mean of a Gaussian face, given noisy cosines.
        gain = covariance @ queries.T @ np.linalg.inv(queries @ covariance @ queries.T + 2e-4 * np.eye(len(seen)))
        guesses[row] = unit(centre + gain @ (told - queries @ centre))
    return guesses


def probe_basis(oracle: Oracle) -> NDArray[np.float32]:
    """Ask for the similarity of every face with every coordinate axis: the template itself."""
    guesses = np.zeros_like(oracle.templates)
    for axis in range(DIMENSION):
        for sign in (1, -1):
            query = np.zeros(DIMENSION, np.float32)
            query[axis] = sign
            found = oracle(query, min_similarity=-1.0) or oracle(query) or {}
            for row, similarity in found.items():
                guesses[row, axis] = sign * similarity
    empty = ~guesses.any(axis=1)
    guesses[empty] = mean_face()
    return guesses / np.linalg.norm(guesses, axis=1, keepdims=True)


def try_strangers(oracle: Oracle, share: float = 1.0) -> NDArray[np.float32]:
    """Search with faces of many strangers; some are a little similar to a template."""
    for stranger in _strangers(oracle, share):
        oracle(stranger)
    return from_hits(oracle)


def climb(oracle: Oracle, starts: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """From strangers' hits (or `starts`, by row), go on with changes that raise the similarity or keep the hit."""
    rng = np.random.default_rng(5)
    if starts is None:
        for stranger in _strangers(oracle, 0.4):
            oracle(stranger)
        at = {row: query for query, row, _ in oracle.hits}
        best = {row: similarity for _, row, similarity in oracle.hits}
    else:
        at, best = dict(enumerate(starts)), dict.fromkeys(range(len(starts)), 0.0)
        oracle.hits += [(start, row, 0.70) for row, start in at.items()]
    while at and oracle.requests > 0:
        for row, query in list(at.items()):
            step = rng.normal(size=DIMENSION) * rng.choice([0.02, 0.05, 0.09])
            moved = unit(query + step)
            found = oracle(moved)
            if found and found.get(row, -1.0) >= best[row]:
                at[row], best[row] = moved, found[row]
    return from_hits(oracle)


def bisect(oracle: Oracle) -> NDArray[np.float32]:
    """From strangers' hits, find by bisection where hits end in random directions: each end is one exact cosine."""
    rng = np.random.default_rng(6)
    for stranger in _strangers(oracle, 0.4):
        oracle(stranger)
    at = {row: query for query, row, _ in oracle.hits}
    ends: list[tuple[Vector, int, float]] = []
    floor = oracle.api.cloud.calibration.min_similarity
    while at and oracle.requests > 0:
        for row, query in list(at.items()):
            direction = unit(rng.normal(size=DIMENSION))
            low, high = 0.0, 1.5
            for _ in range(12):
                middle = (low + high) / 2
                found = oracle(unit(query + middle * direction), min_similarity=floor)
                if found is None:
                    break
                low, high = (middle, high) if row in found else (low, middle)
            else:
                ends.append((unit(query + low * direction), row, floor - 0.0125))
    oracle.hits += ends
    return from_hits(oracle)


def _strangers(oracle: Oracle, share: float) -> Iterator[Vector]:
    """Faces of strangers, as similar to templates as the calibration measured it on real ones: of 1,000 pairs one is
    above `min_similarity`, of 10,000 above `stranger_similarity`. Those of :class:`Crowd` are that similar less often.
    """
    rng = np.random.default_rng(78)
    calibration, count = oracle.api.cloud.calibration, len(oracle.templates)
    decay = (calibration.stranger_similarity - calibration.min_similarity) / np.log(10)
    for stranger in Crowd(100_000, seed=77).selfies(round(oracle.requests * share)):
        if rng.random() < count / 1000:
            template = oracle.templates[rng.integers(count)]
            cosine = calibration.min_similarity + rng.exponential(decay)
            aside = unit(stranger - stranger @ template * template)
            stranger = unit(cosine * template + np.sqrt(1 - cosine**2) * aside)
        yield stranger


def recovered(templates: NDArray[np.float32], guesses: NDArray[np.float32]) -> float:
    """The mean cosine of guesses and templates; that of the mean face is about 0.35."""
    return float((templates * guesses).sum(axis=1).mean())


ATTACKS: dict[str, Callable[[Oracle], NDArray[np.float32]]] = {
    "basis vectors": probe_basis,
    "many strangers": try_strangers,
    "hill climbing": climb,
    "bisection at the threshold": bisect,
}
