"""Label search: pictures among texts without a model that was trained on both.

ConSE (Norouzi et al., "Zero-shot learning by convex combination of semantic embeddings", 2013): a picture lies
at the mean of the names of its likeliest classes, weighted by their probabilities, in the space of a sentence encoder.
So it knows 1000 things of ImageNet and what words say about them, in 16 languages: no colours, actions or places.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.catalogue import built_file, model_for
from photofinish.analysis.models.sentence_encoder import SentenceEncoder
from photofinish.analysis.models.session import OrtSession, Session
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.depiction import Depiction, Label, SimilarityScale
from photofinish.domain.face import Embedding

SIZE = 224
CLASSES_OF_A_PICTURE = 10
MIN_SCORE = 0.25
"""Of a class that is a label: less likely ones are mostly wrong. They count in the vector all the same."""
_MEAN, _SCALE = 127.0, 128.0

# Those of @tensorflow-models/mobilenet 2.1.1 on npm, dist/imagenet_classes.js, Apache-2.0.
_NAMES_FILE = "imagenet_classes.txt"


class LabelTexts:
    """Texts in the space of label search."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        model = model_for("picture_labels")
        assert model.embedding_space is not None
        assert model.similarity is not None
        self.space = model.embedding_space
        self.scale: SimilarityScale = model.similarity
        self._encoder = encoder

    @classmethod
    def load(cls, settings: ModelSettings) -> LabelTexts:
        """Raises Misconfigured if a model file is missing."""
        files = [built_file(model_for(role), settings.models_dir) for role in ("sentence_embedding", "word_pieces")]
        return cls(SentenceEncoder(*files))

    def of_text(self, text: str) -> Embedding:
        return Embedding(self._encoder.encode([text])[0], self.space)

    def of_names(self, names: Sequence[str]) -> NDArray[np.float32]:
        """(N, D) unit rows."""
        return self._encoder.encode(names)


class LabelSpace:
    """Pictures in the space of label search."""

    def __init__(self, session: Session, texts: LabelTexts) -> None:
        self._session = session
        self._space = texts.space
        names = class_names()
        self._labels = [name.partition(",")[0] for name in names]
        self._vectors = texts.of_names(names)

    @classmethod
    def load(cls, settings: ModelSettings) -> LabelSpace:
        """Raises Misconfigured if a model file or a provider is missing."""
        return cls(OrtSession(model_for("picture_labels"), settings), LabelTexts.load(settings))

    def depict(self, images: Sequence[NDArray[np.uint8]]) -> list[Depiction]:
        """As :meth:`PictureSpace.depict`; each picture goes alone, so that it gets the same whatever is beside it."""
        return [self._depiction(image) for image in images]

    def _depiction(self, image: NDArray[np.uint8]) -> Depiction:
        # The whole picture, out of proportion: runners stand at the edges of pictures, too.
        small = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        rgb = small[:, :, ::-1].transpose(2, 0, 1)[None]
        batch = np.ascontiguousarray((rgb.astype(np.float32) - _MEAN) / _SCALE)
        (probabilities,) = self._session.run(batch).values()
        return depicted(probabilities[0], self._vectors, self._labels, self._space)


def depicted(
    probabilities: NDArray[np.float32], vectors: NDArray[np.float32], labels: Sequence[str], space: str
) -> Depiction:
    """What a picture shows whose classes are so likely: (N,), and the (N, D) places of their names."""
    best = np.argsort(-probabilities, kind="stable")[:CLASSES_OF_A_PICTURE]
    mean = probabilities[best] @ vectors[best]
    vector = (mean / np.linalg.norm(mean)).astype(np.float32)
    found = [(labels[one], float(probabilities[one])) for one in best.tolist()]
    return Depiction(
        embedding=Embedding(vector, space),
        labels=tuple(Label(name=name, score=score) for name, score in found if score >= MIN_SCORE),
    )


def class_names() -> list[str]:
    """The names of the 1000 classes, each with its synonyms, separated by commas."""
    return resources.files(__package__).joinpath(_NAMES_FILE).read_text(encoding="utf-8").splitlines()
