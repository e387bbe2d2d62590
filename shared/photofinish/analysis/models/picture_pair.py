"""A pair of models by the operator, trained on pictures and texts together, such as CLIP or SigLIP, as ONNX files.

Its folder holds the two towers, the tokenizer of the texts (`tokenizer.json` of Hugging Face's library) and
`pair.toml`, which describes them (docs/label-search.md). Where it is set, it takes the place of label search.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from photofinish.analysis.models.model_file import ModelFile
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.depiction import SimilarityScale
from photofinish.errors import Misconfigured

VARIABLE = "PHOTOFINISH_PICTURE_PAIR"
DESCRIPTION = "pair.toml"
_THREE = Field(min_length=3, max_length=3)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PictureTower(_Strict):
    """The model of pictures: (N, 3, S, S) float32 RGB → (N, D)."""

    file: str
    size: int = Field(ge=16, le=2048)
    """S: pixels of both sides."""
    fit: Literal["crop", "squash"] = "crop"
    """How a picture becomes square: its middle, or all of it out of proportion."""
    mean: list[float] = _THREE
    """Of R, G and B, which are 0 to 1; taken from the pixels before they are divided by `std`."""
    std: list[float] = _THREE
    output: str | None = None
    """Name of the output with the embeddings; the first one if none is given."""


class TextTower(_Strict):
    """The model of texts: `input_ids` (N, L) int64, and `attention_mask` where it has such an input → (N, D)."""

    file: str
    tokenizer: str = "tokenizer.json"
    length: int = Field(ge=2, le=4096)
    """L: word pieces of a text, begin and end included; longer ones are cut."""
    pad: int = Field(ge=0)
    """The piece that fills shorter texts up."""
    template: str = "{}"
    """What a query is put into, such as `a photo of {}`."""
    output: str | None = None


class _Similarity(_Strict):
    unrelated: float
    related: float


class _Description(_Strict):
    name: str = Field(min_length=1, max_length=40)
    licence: str = Field(min_length=1)
    dimensions: int = Field(ge=2, le=4000)
    image: PictureTower
    text: TextTower
    similarity: _Similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePair:
    """The files of a pair, and what its description says."""

    picture_file: ModelFile
    text_file: ModelFile
    tokenizer: Path
    licence: str
    dimensions: int
    pictures: PictureTower
    texts: TextTower
    scale: SimilarityScale

    @classmethod
    def of(cls, settings: ModelSettings) -> PicturePair | None:
        """Return the pair in the settings without loading it; None if there is none.

        Raises:
            Misconfigured: a file is missing, or the description is wrong; the message says where.
        """
        folder = settings.picture_pair
        if folder is None:
            return None
        path = folder / DESCRIPTION
        try:
            described = _Description.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
            scale = SimilarityScale(**described.similarity.model_dump())
        except OSError as error:
            raise Misconfigured(f"{VARIABLE}: {path} cannot be read ({error.strerror}).") from error
        except ValidationError as error:
            raise Misconfigured(f"{VARIABLE}: {path}: {_first_problem(error)}") from error
        except ValueError as error:
            raise Misconfigured(f"{VARIABLE}: {path}: {error}.") from error
        tokenizer = folder / described.text.tokenizer
        if not tokenizer.is_file():
            raise Misconfigured(
                f"{VARIABLE}: {tokenizer} does not exist: export the pair's tokenizer beside its models."
            )
        if "{}" not in described.text.template:
            raise Misconfigured(f"{VARIABLE}: {path}: text.template has no {{}}, where the query goes.")
        return cls(
            picture_file=ModelFile.at(folder / described.image.file, variable=VARIABLE, name=described.name),
            text_file=ModelFile.at(folder / described.text.file, variable=VARIABLE, name=f"{described.name}_text"),
            tokenizer=tokenizer,
            licence=described.licence,
            dimensions=described.dimensions,
            pictures=described.image,
            texts=described.text,
            scale=scale,
        )

    @property
    def embedding_space(self) -> str:
        """Name of the space; another file of either tower makes another space."""
        return f"scene-{self.picture_file.label}-{self.text_file.sha256[:8]}"


def _first_problem(error: ValidationError) -> str:
    first: Any = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
