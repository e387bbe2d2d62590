"""Albums' policies: legal basis, whose faces are indexed and redacted, how long everything is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from photofinish.domain.album_policy import AlbumPolicy


class AlbumPolicies(Protocol):
    """The policy of each album."""

    def policy(self, album: str) -> AlbumPolicy:
        """Return the policy of `album`; the default policy if it has none of its own, or if it does not exist."""
        ...

    def ever_redacted(self, album: str) -> bool:
        """Whether a policy of `album`, the present one or an earlier one, redacts faces."""
        ...

    def policies(self) -> dict[str, AlbumPolicy]:
        """Return the policies of all albums that have one of their own, by album."""
        ...

    def links_to_end(self) -> dict[str, datetime]:
        """Return the albums that began to redact, and when: links to their previews must not work any more."""
        ...

    def links_ended(self, album: str) -> None:
        """Note that no link to a preview of `album` works any more."""
        ...

    def set_policy(self, album: str, policy: AlbumPolicy) -> None:
        """Replace the policy of `album`, which need not contain a photo yet; twice equals once.

        The first policy that redacts faces also makes it one of :meth:`links_to_end`.

        Raises:
            RejectedInput: `album_name_not_allowed`.
        """
        ...
