"""Who is in the photos, under which number, and what people may see of it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.settings import AccessSettings
from photofinish.wiring.adapters import Adapters
from photofinish.wiring.models import model_settings

if TYPE_CHECKING:
    from photofinish.application.access_projection import AccessProjector
    from photofinish.application.bibs.correcting import BibCorrector
    from photofinish.application.bibs.projection import BibProjector
    from photofinish.application.bibs.rescoring import AlbumRescorer
    from photofinish.application.downloads.facts import AlbumFacts
    from photofinish.application.people.clustering import PeopleClustering
    from photofinish.application.people.projection import PeopleProjector
    from photofinish.application.renditions import Renditions
    from photofinish.application.search.searcher import Searcher


class PeopleUseCases(Adapters):
    @cached_property
    def searcher(self) -> Searcher:
        from photofinish.application.search.searcher import Searcher

        return Searcher(self.index, self.people, self.people_numbers, {self.embedding_space: self.calibration})

    @cached_property
    def renditions(self) -> Renditions:
        from photofinish.application.renditions import Renditions

        return Renditions(
            documents=self.documents,
            policies=self.album_policies,
            consents=self.consents,
            index=self.index,
            derived=self.derived,
            watermark_of=self.watermark_of,
            # A false match would show a stranger's face: only who needs no check counts.
            min_similarity=self.calibration.stranger_similarity,
            secret=self.access_settings.pepper.current,
        )

    def watermark_of(self, album: str) -> str | None:
        """Return the text that the album's card wants on pictures; None: no watermark."""
        card = self.album_cards.card(album)
        return None if card is None else card.watermark

    @cached_property
    def album_facts(self) -> AlbumFacts:
        from photofinish.application.downloads.facts import AlbumFacts

        return AlbumFacts(self.people, self.album_rules)

    @cached_property
    def clustering(self) -> PeopleClustering:
        from photofinish.analysis.models.selection import known_calibrations
        from photofinish.application.people.clustering import PeopleClustering

        calibrations = known_calibrations(model_settings())
        return PeopleClustering(self.clusters, calibrations, publish=self.projector.project_soon)

    @cached_property
    def access_projector(self) -> AccessProjector:
        from photofinish.application.access_projection import AccessProjector

        return AccessProjector(self.access_projection, self.access_documents)

    @cached_property
    def projector(self) -> PeopleProjector:
        from photofinish.application.people.projection import PeopleProjector

        return PeopleProjector(self.people_projection, self.people_documents)

    @cached_property
    def bib_projector(self) -> BibProjector:
        from photofinish.application.bibs.projection import BibProjector

        return BibProjector(self.bib_projection, self.documents)

    @cached_property
    def bib_corrector(self) -> BibCorrector:
        from photofinish.application.bibs.correcting import BibCorrector

        return BibCorrector(self.bib_corrections, self.bib_projector, publish_people=self.projector.project_soon)

    @cached_property
    def album_rescorer(self) -> AlbumRescorer:
        from photofinish.application.bibs.rescoring import AlbumRescorer

        return AlbumRescorer(
            self.album_rules,
            self.bib_rescoring,
            self.derived,
            self.bib_projector,
            publish_people=self.projector.project_soon,
        )

    @cached_property
    def access_settings(self) -> AccessSettings:
        return AccessSettings.from_env()
