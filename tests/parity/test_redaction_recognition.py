"""Redacted faces are not recognised: our own embedder does not match them, even given the position of the face."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import photofinish_kernels as kernels
from photofinish.analysis.imaging.redaction import redact
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.detections import Detections
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.album_policy import RedactionStyle
from support.pictures import BgrImage, astronaut, group

# An ellipse that only touches the face's box leaves hair in the corners, by which a face can be recognised.
BEYOND = 0.1


@pytest.fixture(scope="module")
def threshold() -> float:
    """The similarity below which two faces are of different people."""
    min_similarity = model_for("face_embedding").min_similarity
    assert min_similarity is not None
    return min_similarity


@pytest.fixture(scope="module")
def encoder(model_settings: ModelSettings) -> FaceEncoder:
    return FaceEncoder.load(model_settings)


def vectors(encoder: FaceEncoder, image: BgrImage, found: Detections) -> NDArray[np.float32]:
    return np.stack([face.embedding.vector for face in encoder.embed([image], [found])[0] if face.embedding])


def similarities(encoder: FaceEncoder, image: BgrImage, shape: Any, **strength: float) -> NDArray[np.float32]:
    """The similarity of each face before and after redaction.

    `blocks` is the number of blocks across the width of the face, `sigma` a fraction of the width.
    """
    (found,) = encoder.detect([image])
    redacted = image.copy()
    for left, top, width, height in found.boxes:
        x, y = BEYOND * width, BEYOND * height
        box = np.array([[left - x, top - y, left + width + x, top + height + y]], np.float32)
        if "blocks" in strength:
            kernels.redact_pixelate(redacted, box, block=int(np.ceil(width / strength["blocks"])), shape=shape)
        else:
            kernels.redact_blur(redacted, box, sigma=float(width) * strength["sigma"], shape=shape)
    before, after = vectors(encoder, image, found), vectors(encoder, redacted, found)
    return (before[:, None] @ after[:, :, None])[:, 0, 0]


@pytest.mark.parametrize("shape", ["ellipse", "rectangle"])
@pytest.mark.parametrize("strength", [{"blocks": n} for n in (2, 4, 6, 8)] + [{"sigma": s} for s in (0.1, 0.15, 0.3)])
def test_no_face_is_recognised(encoder: FaceEncoder, threshold: float, shape: str, strength: dict[str, float]) -> None:
    for image in (astronaut(), group()):
        found = similarities(encoder, image, shape, **strength)
        assert found.max() < threshold, f"a face is still recognised with {strength}: {found}"


@pytest.mark.parametrize("style", RedactionStyle)
def test_no_face_of_a_rendition_is_recognised(encoder: FaceEncoder, threshold: float, style: RedactionStyle) -> None:
    """Neither at its known position nor where a detector still sees one; tests/bench/faces/redaction.py asks more."""
    for image in (astronaut(), group()):
        (found,) = encoder.detect([image])
        before = encoder.embed([image], [found])[0]
        redacted = image.copy()
        redact(redacted, [face.box for face in before], style, noise_key=b"k" * 32)
        again = encoder.embed([redacted], [found])[0] + encoder.encode([redacted])[0]
        similar = np.array([[one.embedding.vector @ other.embedding.vector for other in again] for one in before])
        assert similar.max() < threshold, f"a face is still recognised: {similar.max():.2f}"


def test_a_light_blur_does_not_hide_a_face(encoder: FaceEncoder, threshold: float) -> None:
    """This shows that the test above can fail."""
    assert (similarities(encoder, group(), "rectangle", sigma=0.04) > threshold).sum() >= 5
