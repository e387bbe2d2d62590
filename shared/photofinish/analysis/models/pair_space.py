"""Pictures and texts in the space of a pair of models by the operator."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.batching import batch_size
from photofinish.analysis.models.picture_pair import DESCRIPTION, VARIABLE, PicturePair, PictureTower
from photofinish.analysis.models.session import OrtSession, Session
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.depiction import Depiction, SimilarityScale
from photofinish.domain.face import Embedding
from photofinish.errors import Misconfigured

_TEXT_PIECES, _MASK = "input_ids", "attention_mask"


class PairPictures:
    """The side of pictures."""

    def __init__(self, session: Session, pair: PicturePair) -> None:
        self._session = session
        self._pair = pair
        self._batch = batch_size(session, large=32, small=1)

    @classmethod
    def load(cls, pair: PicturePair, settings: ModelSettings) -> PairPictures:
        """Load the model, and try it.

        Raises:
            Misconfigured: it is no model, takes other inputs, or gives no embeddings of the described dimension.
        """
        session = OrtSession(pair.picture_file, settings)
        size = pair.pictures.size
        outputs = session.probe(np.zeros((1, 3, size, size), np.float32))
        _embeddings(outputs, pair.pictures.output, pair.dimensions, "image")
        return cls(session, pair)

    def depict(self, images: Sequence[NDArray[np.uint8]]) -> list[Depiction]:
        """As :meth:`PictureSpace.depict`."""
        found: list[Depiction] = []
        for start in range(0, len(images), self._batch):
            batch = np.stack([prepared(image, self._pair.pictures) for image in images[start : start + self._batch]])
            rows = _embeddings(self._session.run(batch), self._pair.pictures.output, self._pair.dimensions, "image")
            found += [Depiction(embedding=Embedding(_unit(row), self._pair.embedding_space)) for row in rows]
        return found


class PairTexts:
    """The side of texts. Loads its tokenizer and its model at once."""

    def __init__(self, pair: PicturePair, threads: int) -> None:
        """Raises Misconfigured: a file is no model or no tokenizer, or does not fit its description."""
        self._pair = pair
        self.space = pair.embedding_space
        self.scale: SimilarityScale = pair.scale
        try:
            import onnxruntime as ort
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise Misconfigured(
                f"{VARIABLE}: texts of a pair need the package {error.name}: run `pip install -e '.[functions]'`."
            ) from None
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self._tokenizer = Tokenizer.from_file(str(pair.tokenizer))
            self._session = ort.InferenceSession(
                str(pair.text_file.path), options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:
            raise Misconfigured(f"{VARIABLE}: {pair.text_file.path.parent} cannot be loaded: {error}") from error
        self._tokenizer.enable_truncation(pair.texts.length)
        self._tokenizer.enable_padding(length=pair.texts.length, pad_id=pair.texts.pad)
        inputs = {one.name for one in self._session.get_inputs()}
        if _TEXT_PIECES not in inputs or inputs - {_TEXT_PIECES, _MASK}:
            raise Misconfigured(
                f"{VARIABLE}: {pair.text_file.path} takes {sorted(inputs)}: export it with `{_TEXT_PIECES}` and, if it "
                f"needs one, `{_MASK}`."
            )
        self._has_mask = _MASK in inputs
        self.of_text("probe")

    def of_text(self, text: str) -> Embedding:
        """As :meth:`TextSpace.of_text`."""
        encoded = self._tokenizer.encode(self._pair.texts.template.replace("{}", text))
        feeds = {_TEXT_PIECES: np.array([encoded.ids], np.int64)}
        if self._has_mask:
            feeds[_MASK] = np.array([encoded.attention_mask], np.int64)
        names = [one.name for one in self._session.get_outputs()]
        outputs = dict(zip(names, self._session.run(names, feeds), strict=True))
        [row] = _embeddings(outputs, self._pair.texts.output, self._pair.dimensions, "text")
        return Embedding(_unit(row), self.space)


def prepared(image: NDArray[np.uint8], tower: PictureTower) -> NDArray[np.float32]:
    """(H, W, 3) BGR of any size → (3, S, S) RGB, normalised as the tower wants it."""
    if tower.fit == "crop":
        height, width = image.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        image = image[top : top + side, left : left + side]
    way = cv2.INTER_AREA if min(image.shape[:2]) > tower.size else cv2.INTER_CUBIC
    small = cv2.resize(image, (tower.size, tower.size), interpolation=way)
    rgb = small[:, :, ::-1].astype(np.float32) / np.float32(255)
    normalised = (rgb - np.array(tower.mean, np.float32)) / np.array(tower.std, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1), np.float32)


def _embeddings(
    outputs: dict[str, NDArray[np.float32]], output: str | None, dimensions: int, side: str
) -> NDArray[np.float32]:
    name = output or next(iter(outputs))
    rows = outputs.get(name)
    if rows is None or rows.ndim != 2 or rows.shape[1] != dimensions:
        shapes = {one: list(value.shape) for one, value in outputs.items()}
        raise Misconfigured(
            f"{VARIABLE}: the {side} model has the outputs {shapes}, and {DESCRIPTION} wants {name!r} with "
            f"{dimensions} numbers a row: name the output of embeddings by {side}.output."
        )
    return rows


def _unit(row: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(row))
    if not (np.isfinite(length) and length > 0):
        raise Misconfigured(f"{VARIABLE}: a model of the pair gave an embedding of length {length}: export it anew.")
    return (row / length).astype(np.float32)
