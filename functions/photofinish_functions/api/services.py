"""What the routes need, each made at its first use: whoever looks up a bib number pays for no model."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from photofinish.analysis.models.selection import searched_space
from photofinish.application.pictures import Pictures
from photofinish.application.search.searcher import Searcher
from photofinish.domain.matching import Calibration
from photofinish.ports import (
    AccessStore,
    AlbumRules,
    Albums,
    Clusters,
    Documents,
    Enrolments,
    FaceIndex,
    People,
    PeopleChanges,
    PhotoLinks,
)
from photofinish.settings import AccessSettings
from photofinish.wiring import App, model_settings

if TYPE_CHECKING:
    from photofinish.analysis.models.face_encoder import FaceEncoder
    from photofinish.application.people.projection import PeopleProjector
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
    def albums(self) -> Albums: ...
    @property
    def people(self) -> People: ...
    @property
    def people_changes(self) -> PeopleChanges: ...
    @property
    def clusters(self) -> Clusters: ...
    @property
    def enrolments(self) -> Enrolments: ...
    @property
    def projector(self) -> PeopleProjector: ...
    @property
    def searcher(self) -> Searcher: ...
    @property
    def links(self) -> PhotoLinks: ...
    @property
    def photo_bucket(self) -> str: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def embedding_space(self) -> str: ...


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

    @property
    def albums(self) -> Albums:
        return self._app.albums

    @property
    def people(self) -> People:
        return self._app.people

    @property
    def people_changes(self) -> PeopleChanges:
        return self._app.people_changes

    @property
    def clusters(self) -> Clusters:
        return self._app.clusters

    @property
    def enrolments(self) -> Enrolments:
        return self._app.enrolments

    @cached_property
    def projector(self) -> PeopleProjector:
        from photofinish.application.people.projection import PeopleProjector

        return PeopleProjector(self._app.people_projection, self._app.people_documents)

    @cached_property
    def searcher(self) -> Searcher:
        calibrations = {self.embedding_space: self.pictures.calibration}
        return Searcher(self._app.index, self._app.people, self._app.people_changes, calibrations)

    @property
    def links(self) -> PhotoLinks:
        return self._app.links

    @property
    def photo_bucket(self) -> str:
        return self._app.settings.photo_bucket

    @cached_property
    def pictures(self) -> Pictures:
        return Pictures(lambda: self._encoder, _embedding_model()[1])

    @cached_property
    def embedding_space(self) -> str:
        return _embedding_model()[0]

    @cached_property
    def _encoder(self) -> FaceEncoder:
        # Imported here: only who looks at pictures pays for a model runtime in memory and cold start.
        from photofinish.analysis.models.face_encoder import FaceEncoder

        return FaceEncoder.load(model_settings())


def _embedding_model() -> tuple[str, Calibration]:
    """The embedding space of the deployment's faces, and what similarities in it mean."""
    return searched_space(model_settings())
