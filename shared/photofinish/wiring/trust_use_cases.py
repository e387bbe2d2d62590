"""Consent, erasure and the end of albums."""

from __future__ import annotations

import functools
from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.settings import ReceiptSettings
from photofinish.wiring.models import model_settings
from photofinish.wiring.people_use_cases import PeopleUseCases

if TYPE_CHECKING:
    from photofinish.application.consent.admission import FaceAdmission
    from photofinish.application.consent.opting_out import OptOuts
    from photofinish.application.consent.subject_access import SubjectAccess
    from photofinish.application.deleted_objects import DeletedObjects
    from photofinish.application.erasing import Eraser, ErasureRequests
    from photofinish.application.receipts import Receipts
    from photofinish.application.retention import AlbumEnds, Retention


class TrustUseCases(PeopleUseCases):
    @cached_property
    def admission(self) -> FaceAdmission:
        from photofinish.analysis.models.selection import known_calibrations
        from photofinish.application.consent.admission import FaceAdmission

        return FaceAdmission(
            self.album_policies, self.consents, self.suppression, lambda: known_calibrations(model_settings())
        )

    @cached_property
    def subject_access(self) -> SubjectAccess:
        from photofinish.application.consent.subject_access import SubjectAccess

        return SubjectAccess(
            people=self.people,
            numbers=self.people_numbers,
            enrolments=self.enrolments,
            consents=self.consents,
            suppression=self.suppression,
            subscriptions=self.subscriptions,
            access=self.access,
            documents=self.documents,
            derived=self.derived,
        )

    @cached_property
    def opt_outs(self) -> OptOuts:
        from photofinish.application.consent.opting_out import OptOuts
        from photofinish.domain.erasure import Reason

        return OptOuts(
            self.suppression,
            albums=self.albums,
            index=self.index,
            people=self.people,
            enrolments=self.enrolments,
            erase_faces=functools.partial(self.erasure_requests.request_faces, reason=Reason.REQUEST),
            calibration=lambda: self.calibration,
        )

    @cached_property
    def erasure_requests(self) -> ErasureRequests:
        from photofinish.application.erasing import ErasureRequests

        return ErasureRequests(
            self.erasures, self.documents, self.erasable_documents, publish_people=self.projector.project_soon
        )

    @cached_property
    def eraser(self) -> Eraser:
        from photofinish.application.erasing import Eraser

        return Eraser(
            self.erasures,
            self.documents,
            self.erasable_documents,
            self.erasable_objects,
            publish_people=self.projector.project_soon,
            # Made when the first receipt is issued: who only requests erasures needs no key.
            issue_receipt=lambda erasure: self.receipts.issue(erasure),
        )

    @cached_property
    def receipts(self) -> Receipts:
        """Issues receipts; raises Misconfigured without a key."""
        from importlib import metadata

        from photofinish.application.receipts import Receipts, SigningKey

        key = SigningKey.parse(ReceiptSettings.from_env().receipt_key.get_secret_value())
        return Receipts(self.receipt_store, key, software_version=metadata.version("photofinish-server"))

    @cached_property
    def deleted_objects(self) -> DeletedObjects:
        from photofinish.application.deleted_objects import DeletedObjects

        return DeletedObjects(self.store, self.documents, self.eraser, self.retention_records)

    @cached_property
    def album_ends(self) -> AlbumEnds:
        from photofinish.application.retention import AlbumEnds

        return AlbumEnds(self.album_policies, self.retention_records, self.documents, self.albums, self.people)

    @cached_property
    def retention(self) -> Retention:
        from photofinish.application.retention import Retention

        return Retention(
            self.album_ends,
            self.album_policies,
            self.retention_records,
            self.documents,
            self.erasable_objects,
            self.eraser,
            photo_bucket=self.settings.photo_bucket,
        )
