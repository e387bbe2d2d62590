"""Whether a GPU finds what the CPU finds: each model on the inputs of real photos, and whole analyses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from bench.gpu.figures import Figure, at_least, at_most
from bench.gpu.targets import Target
from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.catalogue import catalogue
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.text_recognition import ctc_decode

MIN_COSINE = 0.999
MAX_ERROR = 0.01
"""Of detectors: norm of the difference by norm of the output. TensorRT computes in half precision."""
Batches = Mapping[str, Sequence[NDArray[np.float32]]]
Numbers = Mapping[str, Sequence[str]]


def recorded_inputs(analyzer: Analyzer, contents: Sequence[bytes], *, at_most_each: int = 12) -> Batches:
    """The batches that each role's model gets while photos are analysed, the first of them."""
    batches: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    run = OrtSession.run

    def recording(self: OrtSession, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        if self.role and len(batches[self.role]) < at_most_each:
            batches[self.role].append(batch)
        return run(self, batch)

    with mock.patch.object(OrtSession, "run", recording):
        analyzer.analyze(contents)
    return dict(batches)


def of_models(reference: Target, target: Target, batches: Batches) -> Iterator[Figure]:
    """Compare the outputs of each model."""
    part = f"parity {target.name}"
    for model in catalogue():
        if model.role not in batches:
            yield Figure(part=part, name=model.role, skipped="the photos have nothing for it")
            continue
        expected_of, found_of = reference.session(model.role), target.session(model.role)
        pairs = [
            (expected, found_of.run(batch)[name])
            for batch in batches[model.role]
            for name, expected in expected_of.run(batch).items()
        ]
        error = max(relative_error(found, expected) for expected, found in pairs)
        if model.role == "face_embedding":
            cosine = min(float(cosines(found, expected).min()) for expected, found in pairs)
            yield at_least(part, f"{model.role}: least cosine", cosine, MIN_COSINE, note=f"error {error:.2g}")
        elif model.role == "text_recognition":
            characters = ["", *expected_of.metadata["character"].split("\n"), " "]
            equal = [
                ctc_decode(one, characters).text == ctc_decode(other, characters).text
                for expected, found in pairs
                for one, other in zip(expected, found, strict=True)
            ]
            yield at_least(part, f"{model.role}: equal lines", float(np.mean(equal)), 1, note=f"{len(equal)} lines")
        else:
            yield at_most(part, f"{model.role}: error", error, MAX_ERROR, note="‖difference‖ / ‖output‖")


def of_analyses(expected: Numbers, target: Target, photos: Mapping[str, bytes], labels: Numbers) -> Iterator[Figure]:
    """Compare the numbers read in whole photos with those `expected`; `labels` are the numbers that are in them."""
    part = f"parity {target.name}"
    found = numbers_in(target, photos)
    differing = [name for name in photos if expected[name] != found[name]]
    note = f"{len(photos)} photos" + (f", other numbers in {', '.join(differing[:5])}" if differing else "")
    yield at_least(part, "photos with the same bib numbers", 1 - len(differing) / len(photos), 1, note=note)
    wanted = sum(len(set(labels.get(name, ()))) for name in photos)
    if wanted:
        read = sum(len(set(labels.get(name, ())) & set(found[name])) for name in photos)
        yield Figure(part=part, name="labelled numbers that are read", value=read / wanted, note=f"of {wanted}")


def relative_error(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """‖found - expected‖ / ‖expected‖; infinite where a number is missing."""
    difference = float(np.linalg.norm(found.astype(np.float64) - expected.astype(np.float64)))
    size = float(np.linalg.norm(expected.astype(np.float64)))
    error = difference / size if size else difference
    return error if np.isfinite(error) else float("inf")


def cosines(found: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine similarity of each row of (N, D) with the other's."""
    one, other = found.astype(np.float64), expected.astype(np.float64)
    similarity: NDArray[np.float64] = (one * other).sum(axis=1)
    return similarity / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1))


def numbers_in(target: Target, photos: Mapping[str, bytes]) -> Numbers:
    """The bib numbers that are read in each photo."""
    results = target.analyzer.analyze(list(photos.values()))
    numbers = {}
    for name, result in zip(photos, results, strict=True):
        assert isinstance(result, AnalyzedPhoto), f"{name}: {result}"
        numbers[name] = sorted(bib.number for bib in result.analysis.bibs)
    return numbers
