"""What the operations need, each made at its first use: whoever lists faces pays for no model."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from photofinish.analysis.models.selection import searched_space
from photofinish.ports import Collections, FaceIndex, People, Users
from photofinish.settings import AccessSettings
from photofinish.wiring import App, model_settings
from photofinish_functions.rekognition.quality import QualityBars
from photofinish_functions.rekognition.similarity import SimilarityScale
from photofinish_functions.rekognition.tokens import PageTokens

if TYPE_CHECKING:
    from photofinish.analysis.models.face_encoder import FaceEncoder
    from photofinish.analysis.models.text_reader import TextReader
    from photofinish_functions.access.gate import Gate
    from photofinish_functions.rekognition.images import Pictures


class Services(Protocol):
    """What the operations need; tests give their own."""

    @property
    def gate(self) -> Gate: ...
    @property
    def collections(self) -> Collections: ...
    @property
    def index(self) -> FaceIndex: ...
    @property
    def people(self) -> People: ...
    @property
    def users(self) -> Users: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def encoder(self) -> FaceEncoder: ...
    @property
    def reader(self) -> TextReader: ...
    @property
    def embedding_space(self) -> str:
        """Of the encoder's embeddings."""
        ...

    @property
    def similarity(self) -> SimilarityScale: ...
    @property
    def quality(self) -> QualityBars: ...
    @property
    def tokens(self) -> PageTokens: ...
    @property
    def region(self) -> str: ...


class DeployedServices:
    """The services of one deployment."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.embedding_space, self._calibration = searched_space(model_settings())
        self.region = app.settings.region

    @cached_property
    def gate(self) -> Gate:
        from photofinish_functions.access.gate import Gate

        return Gate(self._app.access, self._access_settings)

    @property
    def collections(self) -> Collections:
        return self._app.collections

    @property
    def index(self) -> FaceIndex:
        return self._app.index

    @property
    def people(self) -> People:
        return self._app.people

    @property
    def users(self) -> Users:
        return self._app.people

    @cached_property
    def pictures(self) -> Pictures:
        from photofinish_functions.rekognition.images import Pictures

        return Pictures(self._app.store, self._app.settings.photo_bucket)

    @cached_property
    def encoder(self) -> FaceEncoder:
        from photofinish.analysis.models.face_encoder import FaceEncoder

        return FaceEncoder.load(model_settings())

    @cached_property
    def reader(self) -> TextReader:
        from photofinish.analysis.models.text_reader import TextReader

        return TextReader.load(model_settings())

    @cached_property
    def similarity(self) -> SimilarityScale:
        return SimilarityScale(self._calibration)

    @cached_property
    def quality(self) -> QualityBars:
        return QualityBars(self._calibration.selfie_min_quality)

    @cached_property
    def tokens(self) -> PageTokens:
        return PageTokens(self._access_settings.key_secret.get_secret_value().encode())

    @cached_property
    def _access_settings(self) -> AccessSettings:
        return AccessSettings.from_env()
