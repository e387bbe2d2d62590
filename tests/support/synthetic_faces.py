"""Made-up embeddings that lie in their space as real ones do, so that an index finds them as easily and as hard.

Measured on 632 faces of 150 race photos, embedded by the default model (128 dimensions): similarities of strangers
have mean 0.14 and deviation 0.105; those of one person in clear pictures 0.71 and 0.08, in a race's worse ones the
lower tail reaches 0.4; the variances along the principal axes fall like exp(-0.022 i), an effective dimension of 71.
So a person is a common mean plus a Gaussian with these variances, brought to unit length, and a picture of a person
is that plus noise with the same variances whose strength differs from picture to picture. (Of what is made so:
strangers 0.12 and 0.10, one person 0.71 and 0.11, effective dimension 70.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

DIMENSION = 128
FACES_PER_PERSON = 20
_VARIANCES = np.exp(-0.022 * np.arange(DIMENSION))
_DEVIATIONS = np.sqrt(_VARIANCES / _VARIANCES.sum())
_COMMON = 0.45  # length of the mean, where a person's own part has length 1
_NOISE = 0.6  # median length of what a picture adds to a person
_NOISE_SPREAD = 0.35  # of its logarithm


class Crowd:
    """People, and pictures of them; the same for the same seed."""

    def __init__(self, people: int, seed: int) -> None:
        self.people = people
        self._seed = seed
        faces = np.random.default_rng([seed, 0]).normal(size=(people, DIMENSION)) * _DEVIATIONS
        faces[:, -1] += _COMMON
        self._people = _unit(faces)

    def album(self, count: int, size: int = 10_000) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Who is in, and what is seen by, `count` pictures of people at random, `size` at a time."""
        rng = np.random.default_rng([self._seed, 1])
        for start in range(0, count, size):
            of = rng.integers(0, self.people, min(size, count - start))
            yield of, self._pictures(of, rng)

    def selfies(self, count: int) -> NDArray[np.float32]:
        """Pictures, not in the album, of `count` people at random: (N, D) unit rows."""
        rng = np.random.default_rng([self._seed, 2])
        return self._pictures(rng.integers(0, self.people, count), rng)

    def selfies_of(self, person: int, count: int) -> NDArray[np.float32]:
        """Pictures, not in the album, of one of the people: (N, D) unit rows."""
        return self._pictures(np.full(count, person), np.random.default_rng([self._seed, 4, person]))

    def portraits(self, count: int) -> NDArray[np.float32]:
        """Another picture of each of the people that `album(count, size=count)` begins with: (N, D) unit rows."""
        of = np.random.default_rng([self._seed, 1]).integers(0, self.people, count)
        return self._pictures(of, np.random.default_rng([self._seed, 3]))

    def _pictures(self, of: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
        strength = _NOISE * np.exp(_NOISE_SPREAD * rng.normal(size=(len(of), 1)))
        return _unit(self._people[of] + strength * rng.normal(size=(len(of), DIMENSION)) * _DEVIATIONS)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
