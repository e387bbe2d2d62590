"""What the routes need, each made at its first use: whoever looks up a bib number pays for no model."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from photofinish.ports import AccessStore, AlbumRules, Documents, FaceIndex
from photofinish.settings import AccessSettings
from photofinish.wiring import App, model_settings

if TYPE_CHECKING:
    from photofinish.models.face_encoder import FaceEncoder
    from photofinish_functions.access.gate import Gate


class Services(Protocol):
    """What the routes need; tests give their own."""

    @property
    def gate(self) -> Gate: ...
    @property
    def access(self) -> AccessStore: ...
    @property
    def index(self) -> FaceIndex: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def album_rules(self) -> AlbumRules: ...
    @property
    def encoder(self) -> FaceEncoder: ...


class DeployedServices:
    """The services of one deployment."""

    def __init__(self, app: App) -> None:
        self._app = app

    @cached_property
    def gate(self) -> Gate:
        from photofinish_functions.access.gate import Gate

        return Gate(self._app.access, AccessSettings.from_env())

    @property
    def access(self) -> AccessStore:
        return self._app.access

    @property
    def index(self) -> FaceIndex:
        return self._app.index

    @property
    def documents(self) -> Documents:
        return self._app.documents

    @property
    def album_rules(self) -> AlbumRules:
        return self._app.album_rules

    @cached_property
    def encoder(self) -> FaceEncoder:
        from photofinish.models.face_encoder import FaceEncoder

        return FaceEncoder.load(model_settings())
