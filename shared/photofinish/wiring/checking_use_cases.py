"""Comparing the stores of an album, and restoring what one of them lost."""

from __future__ import annotations

import functools
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.settings import EventRetentionSettings
from photofinish.wiring.trust_use_cases import TrustUseCases

if TYPE_CHECKING:
    from photofinish.application.checking.checker import AlbumChecker
    from photofinish.application.checking.rebuilding import AlbumRebuilder
    from photofinish.application.checking.repairing import Repairer
    from photofinish.application.checking.restoring import ResultRestoring


class CheckingUseCases(TrustUseCases):
    @cached_property
    def album_checker(self) -> AlbumChecker:
        from photofinish.application.checking.checker import AlbumChecker

        return AlbumChecker(
            store=self.store,
            documents=self.documents,
            contents=self.album_contents,
            album_rules=self.album_rules,
            policies=self.album_policies,
            leases=self.leases,
            max_lease=timedelta(seconds=max(600.0, 2 * self.settings.launch_lease_s)),
            events_kept=timedelta(days=EventRetentionSettings.from_env().event_retention_days),
            without_tasks=lambda: self.halted_albums.read().without_tasks,
        )

    @cached_property
    def result_restoring(self) -> ResultRestoring:
        from photofinish.application.checking.restoring import ResultRestoring

        return ResultRestoring(
            documents=self.documents,
            contents=self.album_contents,
            index=self.index,
            objects=self.erasable_objects,
            admission=self.admission,
        )

    @cached_property
    def album_repairer(self) -> Repairer:
        from photofinish.application.checking.repairing import Repairer

        return Repairer(
            documents=self.documents,
            contents=self.album_contents,
            policies=self.album_policies,
            queue=self.queue,
            events=self.events,
            objects=self.erasable_objects,
            erasable=self.erasable_documents,
            deleted_objects=self.deleted_objects,
            leases=self.leases,
            restoring=self.result_restoring,
            max_video_bytes=self.settings.max_video_bytes,
        )

    @cached_property
    def album_rebuilder(self) -> AlbumRebuilder:
        from photofinish.application.checking.rebuilding import AlbumRebuilder
        from photofinish.application.reconcile import reconcile

        return AlbumRebuilder(
            checker=self.album_checker,
            repairer=self.album_repairer,
            restoring=self.result_restoring,
            contents=self.album_contents,
            policies=self.album_policies,
            eraser=self.eraser,
            cards=self.album_cards,
            album_documents=self.album_documents,
            access=self.access,
            access_projector=self.access_projector,
            reconcile=lambda album: reconcile(
                store=self.store,
                documents=self.documents,
                queue=self.queue,
                events=self.events,
                stale_after=timedelta(seconds=self.settings.stale_after_s),
                halted=self.halted_albums.read().halted,
                album=album,
                max_video_bytes=self.settings.max_video_bytes,
            ),
            publish_people=self.projector.project_soon,
            rescore=functools.partial(self.album_rescorer.rescore_soon, budget_s=600.0),
        )
