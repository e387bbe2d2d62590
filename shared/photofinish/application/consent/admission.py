"""Which faces of a photo may be indexed: asked before anything of them is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from photofinish.domain.album_policy import AlbumPolicy, Indexing
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.face import Embedding, space_of
from photofinish.domain.matching import Calibration
from photofinish.domain.withholding import withhold
from photofinish.errors import Misconfigured
from photofinish.ports import AlbumPolicies, Consents, SuppressionList


class FaceAdmission:
    """Asks the album's policy, the consent records and the suppression list. Threads may share it."""

    def __init__(
        self,
        policies: AlbumPolicies,
        consents: Consents,
        suppression: SuppressionList,
        calibrations: Callable[[], Mapping[str, Calibration]],
    ) -> None:
        """`calibrations()` returns embedding space → calibration; it is called for albums of enrolled people only."""
        self._policies = policies
        self._consents = consents
        self._suppression = suppression
        self._calibrations = calibrations

    def admit(self, album: str, analysis: PhotoAnalysis, policy: AlbumPolicy | None = None) -> PhotoAnalysis:
        """Withhold the faces that may not be indexed, by `policy` if it was read just now, else as it is now.

        Raises:
            Misconfigured: the album indexes enrolled people only, and nothing says which similarity is a match.
        """
        may = self.may_be_indexed(album, [face.embedding for face in analysis.faces], policy)
        return withhold(analysis, {position for position, is_admitted in enumerate(may) if not is_admitted})

    def may_be_indexed(self, album: str, faces: Sequence[Embedding], policy: AlbumPolicy | None = None) -> list[bool]:
        """Return for each face whether it may be indexed in `album`; the rest is as of :meth:`admit`."""
        if not faces:
            return []
        suppressed = self._suppression.suppressed(album, faces)
        if policy is None:
            policy = self._policies.policy(album)
        if policy.indexing is not Indexing.ENROLLED_ONLY:
            return [not is_suppressed for is_suppressed in suppressed]
        consenting = self._consenting(album, policy, faces)
        return [
            not is_suppressed and person is not None
            for is_suppressed, person in zip(suppressed, consenting, strict=True)
        ]

    def _consenting(self, album: str, policy: AlbumPolicy, faces: Sequence[Embedding]) -> list[str | None]:
        space = space_of(faces)
        calibration = self._calibrations().get(space)
        if calibration is None:
            raise Misconfigured(
                f"The album {album!r} indexes enrolled people only, and the embedding space {space!r} has no "
                "calibration that says who is one of them: calibrate it with `photofinish evaluate --calibrate`."
            )
        return self._consents.consenting(album, policy.purpose, faces, min_similarity=calibration.min_similarity)
