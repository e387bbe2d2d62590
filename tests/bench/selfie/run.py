"""What the picture of one search by selfie costs in processor time, stage by stage, on one thread.

    python tests/bench/selfie/run.py [--runs 60]

Three pictures: a small one, one of 0.3 MP and one of 12 MP as a phone takes it. Every round looks at each of them in
both ways by turns: as the analysis embeds faces (float, both looks), and as a search does (8-bit, once). Prints medians
and writes docs/benchmarks/selfies.json. Processor times tell something on a busy machine too, a quiet one is better.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.face_embedding import FaceEmbedder
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.application.pictures import SELFIE_LIMITS, Pictures
from photofinish.domain.matching import Calibration
from support.api import selfie_of_astronaut
from support.pictures import astronaut

RESULTS = Path(__file__).parents[3] / "docs" / "benchmarks" / "selfies.json"


class Timed:
    """Passes calls on, and notes their processor time under the name of the stage."""

    def __init__(self, of: object, stages: dict[str, str], took_ms: dict[str, list[float]]) -> None:
        self._of, self._stages, self._took_ms = of, stages, took_ms

    def __getattr__(self, name: str) -> object:
        value = getattr(self._of, name)
        if name not in self._stages:
            return value

        def timed(*arguments: object) -> object:
            began = time.process_time()
            try:
                return value(*arguments)
            finally:
                self._took_ms.setdefault(self._stages[name], []).append((time.process_time() - began) * 1000)

        return timed


def pictures() -> dict[str, bytes]:
    """JPEG files, with a face of about 80, 100 and 540 px."""
    large = cv2.resize(astronaut(), (3000, 3000), interpolation=cv2.INTER_CUBIC)
    large = cv2.copyMakeBorder(large, 0, 1000, 0, 0, cv2.BORDER_REFLECT)
    return {"0.06 MP": selfie_of_astronaut(), "0.3 MP": _jpeg(astronaut()), "12 MP": _jpeg(large)}


def _jpeg(image: cv2.typing.MatLike) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60)
    runs: int = parser.parse_args().runs
    cv2.setNumThreads(1)
    settings = ModelSettings(models_dir=default_models_dir(), threads=1)
    detection, embedding = model_for("face_detection"), model_for("face_embedding")
    space = embedding.embedding_space or ""
    detector = FaceDetector(OrtSession(detection, settings))
    in_float = FaceEmbedder(OrtSession(embedding, settings), space)
    in_8_bits = FaceEmbedder(OrtSession(embedding.for_portraits(), settings), space)
    assert embedding.calibration is not None

    results = []
    load_before = os.getloadavg()[0]
    for name, content in pictures().items():
        took: dict[str, dict[str, list[float]]] = {"two looks, float": {}, "one chip, 8 bits": {}}
        ways: dict[str, Callable[[], object]] = {}
        for way, embedder in (("two looks, float", in_float), ("one chip, 8 bits", in_8_bits)):
            timed_detector = Timed(detector, {"detect": "detect", "detect_portrait": "detect"}, took[way])
            timed_embedder = Timed(embedder, {"embed": "embed"}, took[way])
            encoder = FaceEncoder(timed_detector, timed_embedder)  # type: ignore[arg-type]
            ways[way] = _way(encoder, content, way, embedding.calibration)
        for _ in range(runs):
            for way, look in ways.items():
                began = time.process_time()
                decode(content, limits=SELFIE_LIMITS)
                decoded = time.process_time()
                look()
                took[way].setdefault("decode", []).append((decoded - began) * 1000)
                took[way].setdefault("whole", []).append((time.process_time() - decoded) * 1000)
        for way, stages in took.items():
            medians = {stage: float(np.median(times)) for stage, times in stages.items()}
            rest = medians["whole"] - medians["decode"] - medians["detect"] - medians["embed"]
            results.append({"picture": name, "way": way, **medians, "align, quality, the rest": rest})
            print(
                f"{name:>8} {way:>17}", *(f"{stage} {ms:6.2f} ms" for stage, ms in medians.items()), f"rest {rest:.2f}"
            )
    document = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load_average_before": load_before,
        "unit": "ms of processor time, median, one thread",
        "results": [
            {key: round(one, 2) if isinstance(one, float) else one for key, one in row.items()} for row in results
        ],
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")


def _way(encoder: FaceEncoder, content: bytes, way: str, calibration: Calibration) -> Callable[[], object]:
    """What a search does with its picture, or what it would do if it embedded faces as the analysis does."""
    if way == "one chip, 8 bits":
        decoders = DecoderPool(1)
        taken = Pictures(lambda: encoder, calibration, lambda: decoders)
        return lambda: taken.person(content)

    def as_the_analysis() -> object:
        image = decode(content, limits=SELFIE_LIMITS).image
        return encoder.embed([image], [encoder._detector.detect_portrait(image)])

    return as_the_analysis


if __name__ == "__main__":
    main()
